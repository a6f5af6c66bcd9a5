"""What a person should know of a record beside its results: how it was read, and what its beats look like."""

from __future__ import annotations

import numpy as np

from pipeline.annotations import Annotations
from pipeline.detection.promise import FEWEST, doubt, has_moved
from pipeline.monitor import LEARNING_S
from pipeline.records import Findings, Record

__all__ = ["Remarks"]

_ENOUGH = 400  # beats whose height tells the record's
_FEW = 8
_SMALLEST_MV, _LARGEST_MV = 0.02, 20.0  # of a QRS complex on the skin


class Remarks:
    """Gathers remarks on a record while it is scored.

    Parameters
    ----------
    record : Record
        What is scored; one that was read from a file may have ``notes`` of its own.
    annotations : Annotations, optional
        Its annotations, which may have notes as well.
    """

    def __init__(self, record: Record, annotations: Annotations | None = None) -> None:
        self._record = record
        self._annotations = annotations
        self._heights: list[float] = []
        self._spikes = 0
        self._judged = self._flagged = 0
        self._moved = False

    def take(self, findings: Findings) -> None:
        """Look at the next findings."""
        self._spikes += len(findings.spikes)
        learnt = ~findings.learning & np.isfinite(findings.score)
        self._judged += int(learnt.sum())
        self._flagged += int((findings.is_anomaly & learnt).sum())
        self._moved = self._moved or has_moved(drift for drift in findings.drifts if drift.time_s >= LEARNING_S)
        scored = np.isfinite(findings.score)  # before the first template there are no windows
        for window in findings.window[scored][: max(0, _ENOUGH - len(self._heights))]:
            known = window[:, np.isfinite(window).all(axis=0)]
            if known.size:
                self._heights.append(float(np.ptp(known, axis=0).max()))

    def lines(self) -> tuple[str, ...]:
        """Return all remarks, a line each; what is counted while a record is read is known at its end."""
        said = list(getattr(self._record, "notes", ()))
        said += [] if self._annotations is None else self._annotations.notes
        if self._spikes >= _FEW:
            said.append(f"{self._spikes:,} pacing spikes were taken out; they are marks (^) among its annotations")
        height = float(np.median(self._heights)) if len(self._heights) >= _FEW else None
        if height is not None and not _SMALLEST_MV <= height <= _LARGEST_MV:
            what = "much" if height > _LARGEST_MV else "little"
            said.append(f"its QRS complexes measure {height:.3g} mV, which is too {what}: is its unit right (--units)?")
        if self.promise is not None and self._judged >= FEWEST:
            said.append(f"the declared false-alarm rate is not promised: {self.promise}")
        return tuple(said)

    @property
    def promise(self) -> str | None:
        """Why the declared rate is not promised; None where it is, see :mod:`pipeline.detection.promise`."""
        return doubt(self._judged, self._flagged, moved=self._moved)
