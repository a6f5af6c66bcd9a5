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
    length : int or None
        Length of the record in samples of this rate, where it is known.
    notes : tuple of str
        What a person should know of how they were read, a line each.
    """

    sample: NDArray[np.int64]
    symbol: NDArray[np.str_]
    aux_note: tuple[str, ...]
    fs: float
    length: int | None = None
    notes: tuple[str, ...] = ()

    def belonging(self, length: int) -> Annotations:
        """Return those that can belong to a record of this length, in samples of their rate, and tell of the others.

        What lies past the record's end is left out, and a heartbeat at the very place of another one.
        """
        late = self.sample >= length
        beat = self.is_beat()
        place = np.where(beat, self.sample, -1 - np.arange(len(self.sample)))  # what is no beat stands alone
        _, first = np.unique(place, return_index=True)
        doubled = np.ones(len(self.sample), dtype=np.bool_)
        doubled[first] = False
        keep = ~late & ~doubled
        notes = list(self.notes)
        if late.any():
            longest = f"{int(self.sample.max()) / self.fs / 60:.1f} of {length / self.fs / 60:.1f} min"
            notes.append(f"{int(late.sum())} annotations lie past the record's end ({longest}): left out")
        if (doubled & ~late).any():
            notes.append(f"{int((doubled & ~late).sum())} beats are annotated twice at one place: left out")
        aux = tuple(note for note, kept in zip(self.aux_note, keep, strict=True) if kept)
        return Annotations(self.sample[keep], self.symbol[keep], aux, self.fs, length, tuple(notes))

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

        A stretch runs from ``[`` to ``]``; one without an end runs to the record's end, or to the last annotation where
        its length is not known.
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
            stretches.append((start, int(self.sample[-1]) if self.length is None else self.length - 1))
        return stretches
