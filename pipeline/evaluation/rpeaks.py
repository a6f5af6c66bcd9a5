"""How well R peaks are found: sensitivity and positive predictivity, and the ventricular beats that were lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pipeline.annotations import Annotations
from pipeline.evaluation.labels import reference_beats
from pipeline.evaluation.matching import match_beats
from pipeline.evaluation.protocol import LEARNING_S, MATCH_S

__all__ = ["RPeakFigures", "RPeaks", "judge_r_peaks", "r_peak_figures"]


@dataclass(frozen=True, slots=True)
class RPeaks:
    """The R peaks of one record.

    Attributes
    ----------
    record : str
        Name of the record.
    found, missed, extra : int
        Reference beats that were found and that were not, and detections that belong to none.
    v_missed, v_total : int
        The ventricular ones (AAMI class V) among the missed beats and among all.
    error_ms : float
        Median distance of a detection from its reference beat in ms.
    """

    record: str
    found: int
    missed: int
    extra: int
    v_missed: int
    v_total: int
    error_ms: float

    @property
    def se(self) -> float:
        """Sensitivity."""
        return _share(self.found, self.found + self.missed)

    @property
    def ppv(self) -> float:
        """Positive predictivity (+P)."""
        return _share(self.found, self.found + self.extra)


@dataclass(frozen=True, slots=True)
class RPeakFigures:
    """R-peak figures over a set of records.

    Attributes
    ----------
    se, ppv : float
        Gross: all beats of all records counted together.
    se_average, ppv_average : float
        Means over the records.
    v_missed, v_total : int
        Ventricular beats that were lost, and all of them.
    records : tuple of RPeaks
        Each record, in order of their names.
    """

    se: float
    ppv: float
    se_average: float
    ppv_average: float
    v_missed: int
    v_total: int
    records: tuple[RPeaks, ...]


def judge_r_peaks(
    record: str,
    annotations: Annotations,
    r_peak: ArrayLike,
    *,
    fs: float,
    start_s: float = LEARNING_S,
    tolerance_s: float = MATCH_S,
) -> RPeaks:
    """Compare detected R peaks with a record's annotated beats, of whatever class, as ``bxb`` does.

    Parameters
    ----------
    record : str
        Name of the record.
    annotations : Annotations
        Its reference annotations; stretches of ventricular flutter are left out.
    r_peak : array_like of int, shape (m,)
        Detected R peaks in samples, ascending.
    fs : float
        Rate in Hz that ``r_peak`` counts in.
    start_s : float
        End of the learning period in s.
    tolerance_s : float
        Match window in s.
    """
    peaks = np.asarray(r_peak, dtype=np.int64)
    scale = fs / annotations.fs
    beats = reference_beats(annotations)
    sample = np.round(beats.sample * scale).astype(np.int64)
    flutter = [(round(first * scale), round(last * scale)) for first, last in annotations.flutter()]
    matching = match_beats(sample, peaks, fs, leave_out=flutter, start_s=start_s, tolerance_s=tolerance_s)
    counted = np.concatenate([matching.reference, matching.missed])
    distance = np.abs(sample[matching.reference] - peaks[matching.detection])
    return RPeaks(
        record=record,
        found=len(matching.reference),
        missed=len(matching.missed),
        extra=len(matching.extra),
        v_missed=int((beats.aami[matching.missed] == "V").sum()),
        v_total=int((beats.aami[counted] == "V").sum()),
        error_ms=float(np.median(distance)) / fs * 1000.0 if len(distance) else float("nan"),
    )


def r_peak_figures(records: Sequence[RPeaks]) -> RPeakFigures:
    """Add up several records.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not records:
        raise ValueError("R-peak figures need at least one record")
    found = sum(r.found for r in records)
    return RPeakFigures(
        se=_share(found, found + sum(r.missed for r in records)),
        ppv=_share(found, found + sum(r.extra for r in records)),
        se_average=_mean([r.se for r in records]),
        ppv_average=_mean([r.ppv for r in records]),
        v_missed=sum(r.v_missed for r in records),
        v_total=sum(r.v_total for r in records),
        records=tuple(sorted(records, key=lambda r: r.record)),
    )


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if not np.isnan(value)]
    return float(np.mean(finite)) if finite else float("nan")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
