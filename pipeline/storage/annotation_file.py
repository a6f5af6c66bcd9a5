"""The scored beats as WFDB annotations, for WAVE, LightWAVE, ``rdann`` and ``bxb``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import wfdb
from numpy.typing import NDArray

from pipeline.records import KINDS, RHYTHMS
from pipeline.storage.paths import result_path
from pipeline.storage.place import Place
from pipeline.storage.rhythm_changes import UNKNOWN, RhythmChanges

__all__ = ["EXTENSION", "AnnotationFile", "annotation_path"]

EXTENSION = "ano"  # letters only, says wfdb

# Standard symbols: https://physionet.org/physiotools/wpg/wpg_36.htm. S is "supraventricular premature or ectopic
# beat", Q "unclassifiable beat".
_SYMBOLS = np.array(
    [{"normal": "N", "ventricular": "V", "supraventricular": "S", "other": "Q"}[kind] for kind in KINDS]
)
_UNSCORED = "Q"
_SPIKE = "^"
_END = b"\0\0"


def annotation_path(out: Place, record: str) -> Place:
    """Return where a record's annotations lie."""
    return result_path(out, "annotations", record, f".{EXTENSION}")


class AnnotationFile:
    """Writes annotations piece by piece.

    ``wfdb.wrann`` wants all annotations at once, as Python lists (250 MB for a week's beats). The format codes each
    time as the distance to the one before and ends with two null bytes, so a file is the sum of its pieces: each piece
    is written by ``wrann``, counted from the last annotation of the piece before, and loses its end mark.

    Each beat has a symbol by its kind (``N``, ``V``, ``S``; ``Q`` for any other kind and for a beat that cannot be
    scored). An anomaly has a note, such as ``score=4.21 p=0.0004 anomaly``. Where another rhythm begins, a rhythm
    annotation (``+`` with a note such as ``(AFIB``) stands at the beat, before it, and a comment where none is likely
    any more. Pacing spikes that were taken out of
    the signal are marks between them (``^``, which WFDB has for a pacemaker's spike).

    A record without beats has one comment (``"``) at sample 1, since an empty annotation file cannot be told from a
    damaged one, and ``rdann`` takes comments at sample 0 for definitions.

    Parameters
    ----------
    path : Path
        The file to write; a second one is needed beside it for a moment.
    fs : float
        Rate in Hz that the R peaks count in.
    """

    def __init__(self, path: Path, fs: float) -> None:
        self._path = path
        self._fs = fs
        self._last = 0
        self._is_empty = True
        self._rhythm = RhythmChanges()
        self._waiting: list[tuple[int, str, str]] = []
        path.write_bytes(b"")

    def write(self, columns: dict[str, NDArray[Any]], spikes: NDArray[np.int64] | None = None) -> None:
        """Append beats, and pacing spikes since the last ones, in time order."""
        score, p_value = columns["score"], columns["p_value"]
        symbols = np.where(np.isnan(score), _UNSCORED, _SYMBOLS[columns["kind"]])
        notes = [""] * len(score)
        for i in np.flatnonzero(columns["is_anomaly"]):
            notes[i] = f"score={score[i]:.4g} p={p_value[i]:.2g} anomaly"
        self._waiting += zip(columns["r_peak"].tolist(), symbols.tolist(), notes, strict=True)
        if spikes is not None and len(spikes):
            self._waiting += [(at, _SPIKE, "") for at in spikes.tolist()]
            self._waiting.sort(key=lambda row: row[0])
        self._decide(self._rhythm.advance(columns["state"]))

    def _decide(self, begins: NDArray[np.uint8], *, last: bool = False) -> None:
        """Write the beats whose rhythm is decided, and the marks before the next one."""
        rows: list[tuple[int, str, str]] = []
        beats = taken = 0
        for row in self._waiting:
            if row[1] != _SPIKE:
                if beats == len(begins) and not last:
                    break
                if beats < len(begins) and begins[beats]:
                    known = begins[beats] != UNKNOWN
                    rows.append((row[0], "+", RHYTHMS[begins[beats]]) if known else (row[0], '"', "rhythm not known"))
                beats += 1
            rows.append(row)
            taken += 1
        self._waiting = self._waiting[taken:]
        if rows:
            sample, symbols, notes = (list(column) for column in zip(*rows, strict=True))
            self._append(np.array(sample, dtype=np.int64), symbols, notes)

    def close(self) -> None:
        """Finish the file."""
        self._decide(self._rhythm.advance(np.empty(0, dtype=np.uint8), last=True), last=True)
        if self._is_empty:
            self._append(np.ones(1, dtype=np.int64), ['"'], ["no beats found"])
        with self._path.open("ab") as file:
            file.write(_END)

    def _append(self, sample: NDArray[np.int64], symbols: list[str], notes: list[str]) -> None:
        if not len(sample):
            return
        fs = self._fs if self._is_empty else None  # the rate stands once, at the head of the file
        wfdb.wrann(
            "piece",
            EXTENSION,
            sample - self._last,
            symbol=symbols,
            aux_note=notes,
            fs=fs,
            write_dir=str(self._path.parent),
        )
        piece = self._path.with_name(f"piece.{EXTENSION}")
        with self._path.open("ab") as file:
            file.write(piece.read_bytes().removesuffix(_END))
        piece.unlink()
        self._last = int(sample[-1])
        self._is_empty = False
