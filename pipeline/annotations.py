"""WFDB annotation symbols and the classes that ANSI/AAMI EC57 groups them into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["AAMI_CLASSES", "AAMI_OF", "BEAT_SYMBOLS", "SINUS_RHYTHMS", "Annotations", "aami_class"]

# ANSI/AAMI EC57:2012, table 2; the escape beats e and j stand with N as in de Chazal et al. 2004
# (doi:10.1109/TBME.2004.827359).
AAMI_CLASSES = {"N": "NLRBej", "S": "AaJSn", "V": "VEr", "F": "F", "Q": "/fQ?"}
AAMI_OF = {symbol: aami for aami, symbols in AAMI_CLASSES.items() for symbol in symbols}
BEAT_SYMBOLS = frozenset(AAMI_OF)

# Rhythm labels under which an N beat is a normal beat of a normal rhythm.
SINUS_RHYTHMS = frozenset({"(N", "(SBR", "(NOD", "(P", "(PREX", "(BII"})


def aami_class(symbol: str | None) -> str | None:
    """Return the AAMI class (``N``, ``S``, ``V``, ``F``, ``Q``) of a WFDB symbol; None if it is no beat."""
    return None if symbol is None else AAMI_OF.get(symbol)


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """The annotations of one record, in time order.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Position of each annotation in samples from the record's start.
    symbol : ndarray of str, shape (n,)
        WFDB symbol of each annotation.
    aux_note : tuple of str
        The note of each annotation; rhythm changes carry their label here, such as ``(AFIB``.
    fs : float
        Rate in Hz that ``sample`` counts in.
    """

    sample: NDArray[np.int64]
    symbol: NDArray[np.str_]
    aux_note: tuple[str, ...]
    fs: float

    def is_beat(self) -> NDArray[np.bool_]:
        """Return True where an annotation is a heartbeat (``[ ! ]`` and rhythm changes are not)."""
        return np.array([s in BEAT_SYMBOLS for s in self.symbol], dtype=np.bool_)

    def beats(self) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
        """Return sample and symbol of the heartbeats alone."""
        keep = self.is_beat()
        return self.sample[keep], self.symbol[keep]

    def rhythms(self) -> NDArray[np.str_]:
        """Return the rhythm in force at each annotation; an empty string before the first label."""
        rhythm, out = "", []
        for symbol, note in zip(self.symbol, self.aux_note, strict=True):
            if symbol == "+" and note.startswith("("):
                rhythm = note.rstrip("\x00").strip()
            out.append(rhythm)
        return np.array(out, dtype=np.str_)

    def flutter(self) -> list[tuple[int, int]]:
        """Return the stretches of ventricular flutter or fibrillation as (first sample, last sample).

        A stretch runs from ``[`` to ``]``; one without an end runs to the last annotation.
        """
        stretches: list[tuple[int, int]] = []
        start: int | None = None
        for sample, symbol in zip(self.sample, self.symbol, strict=True):
            if symbol == "[" and start is None:
                start = int(sample)
            elif symbol == "]" and start is not None:
                stretches.append((start, int(sample)))
                start = None
        if start is not None:
            stretches.append((start, int(self.sample[-1])))
        return stretches
