"""Recovery: how many beats a sudden change of amplitude disturbs the verdicts on normal beats."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.annotations import Annotations
from pipeline.evaluation.beats import JudgedBeats
from pipeline.records import Chunk, Record

__all__ = ["STEP_S", "SteppedRecord", "recovery"]

STEP_S = 900.0  # s from the record's start
WINDOW = 40  # normal beats of which at most TOLERATED are flagged where verdicts have recovered
TOLERATED = 4


class SteppedRecord:
    """A record whose signal is multiplied by ``factor`` from ``STEP_S`` on, as by another gain or a moved electrode."""

    def __init__(self, record: Record, factor: float) -> None:
        if not (np.isfinite(factor) and factor > 0):
            raise ValueError(f"a step multiplies the signal by a positive factor, not {factor}")
        self._record = record
        self._factor = np.float32(factor)

    @property
    def name(self) -> str:
        """Name of the record and the factor: ``mitdb/118_x1.5``."""
        return f"{self._record.name}_x{self._factor:g}"

    @property
    def fs(self) -> float:
        """Sampling rate in Hz."""
        return self._record.fs

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the leads."""
        return self._record.leads

    @property
    def n_samples(self) -> int:
        """Length in samples."""
        return self._record.n_samples

    def annotations(self) -> Annotations | None:
        """Return the annotations of the record."""
        return self._record.annotations()

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        """Yield the signal in order, ``seconds`` at a time."""
        step = round(STEP_S * self.fs)
        for chunk in self._record.chunks(seconds):
            late = np.arange(chunk.start, chunk.stop)[:, None] >= step
            signal = np.where(late, self._factor * chunk.signal, chunk.signal)
            yield Chunk(self.name, chunk.start, chunk.fs, chunk.leads, signal)


def recovery(stepped: JudgedBeats, plain: JudgedBeats) -> float:
    """Return how many normal beats after the step the verdicts take to recover; infinite if they never do.

    They have recovered from the first beat on that begins a stretch of ``WINDOW`` normal beats in which no more than
    ``TOLERATED`` are flagged, or no more than in the same stretch without the step.

    Parameters
    ----------
    stepped, plain : JudgedBeats
        The same record, judged by the same rule, with the step and without it.
    """
    after = stepped.normal & (stepped.time_s >= STEP_S)
    time, flagged = stepped.time_s[after], stepped.is_anomaly[after]
    if len(time) < WINDOW:
        return float("nan")
    count = np.convolve(flagged, np.ones(WINDOW), "valid")
    anyway = np.sort(plain.time_s[plain.normal & plain.is_anomaly])
    first, last = time[: len(count)], time[WINDOW - 1 :]
    usual = np.searchsorted(anyway, last, "right") - np.searchsorted(anyway, first, "left")
    good = count <= np.maximum(usual, TOLERATED)
    return float(np.argmax(good)) if good.any() else float("inf")
