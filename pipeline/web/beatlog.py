"""The newest scored beats of one patient, with what the model saw and expected, in memory of a fixed size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Findings
from pipeline.web.ring import to_steps

__all__ = ["COLUMNS", "BeatLog"]

COLUMNS = [
    ("beat", "i8"), ("r_peak", "i8"), ("rr_s", "f4"), ("score", "f4"), ("threshold", "f4"), ("p_value", "f4"),
    ("is_anomaly", "?"), ("drift", "?"), ("quality", "f4"), ("learning", "?"), ("kind", "u1"), ("shape", "f4"),
    ("rhythm", "f4"),
]  # fmt: skip

Rows = NDArray[np.void]
Steps = NDArray[np.int16]


class BeatLog:
    """Keep the last beats of a patient in columns.

    Parameters
    ----------
    capacity : int
        Beats kept.
    steps, n_leads : int
        Shape of the windows.
    """

    def __init__(self, capacity: int, steps: int, n_leads: int) -> None:
        # calloc: memory is taken as it fills.
        self._rows: Rows = np.zeros(capacity, dtype=COLUMNS)
        self._shapes: Steps = np.zeros((capacity, 2, steps, n_leads), dtype=np.int16)
        self._count = 0

    @property
    def count(self) -> int:
        """Beats taken in so far."""
        return self._count

    def extend(self, findings: Findings) -> Rows:
        """Take scored beats; return them as rows with the fields of COLUMNS."""
        rows = np.zeros(len(findings), dtype=COLUMNS)
        for name, _ in COLUMNS:
            rows[name] = getattr(findings, name)
        kept = rows[-len(self._rows) :]
        places = np.arange(self._count + len(rows) - len(kept), self._count + len(rows)) % len(self._rows)
        self._rows[places] = kept
        self._shapes[places, 0] = to_steps(findings.window[len(rows) - len(kept) :])
        self._shapes[places, 1] = to_steps(findings.expected[len(rows) - len(kept) :])
        self._count += len(rows)
        return rows

    def last(self, n: int) -> Rows:
        """Return a copy of the last beats, oldest first."""
        places = self._places()
        rows: Rows = self._rows[places[max(0, len(places) - n) :]]
        return rows

    def between(self, start: int, stop: int) -> Rows:
        """Return a copy of the kept beats with R peaks in ``[start, stop)``, in samples of the record."""
        rows: Rows = self._rows[self._between(start, stop)]
        return rows

    def shapes(self, start: int, stop: int) -> tuple[Rows, Steps, Steps]:
        """Return the beats of :meth:`between`, with window and expectation, each of shape (n, steps, leads)."""
        places = self._between(start, stop)
        return self._rows[places], self._shapes[places, 0], self._shapes[places, 1]

    def _between(self, start: int, stop: int) -> NDArray[np.int64]:
        places = self._places()
        first, end = np.searchsorted(self._rows["r_peak"][places], (start, stop))
        return places[first:end]

    def _places(self) -> NDArray[np.int64]:
        kept = min(self._count, len(self._rows))
        return np.arange(self._count - kept, self._count) % len(self._rows)
