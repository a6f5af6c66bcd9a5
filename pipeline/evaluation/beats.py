"""The beats that a figure is computed from: one row per counted reference beat and per false detection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.annotations import Annotations
from pipeline.evaluation.labels import in_sinus_rhythm, reference_beats
from pipeline.evaluation.matching import Matching, match_beats
from pipeline.evaluation.protocol import ANOMALOUS, LEARNING_S

__all__ = ["JudgedBeats", "judge"]

FALSE_DETECTION = "O"  # bxb's letter for a beat that is only in one of the two lists


@dataclass(frozen=True, slots=True, eq=False)
class JudgedBeats:
    """The beats of one record from the end of its learning period, labelled and scored.

    A row is a reference beat or a detection that belongs to none (class ``O``); each column has shape (n,).

    Attributes
    ----------
    record : str
        Name of the record.
    hours : float
        Time that was judged in h: the record without its learning period and its flutter.
    time_s : ndarray of float64
        R peak in s.
    aami : ndarray of str
        AAMI class; ``O`` for a false detection.
    sinus : ndarray of bool
        False inside an annotated rhythm that is no sinus rhythm.
    missed : ndarray of bool
        True for a reference beat that was not detected or could not be scored.
    score, threshold, p_value : ndarray of float64
        As in :class:`pipeline.records.ScoredBeat`; -inf, NaN and 1 for a missed beat.
    is_anomaly : ndarray of bool
        The verdict; False for a missed beat.
    kind : ndarray of uint8
        Index into ``pipeline.records.KINDS``; 0 for a missed beat.
    matching : Matching
        How detections and reference beats were paired.
    moved : bool
        Whether the level of the scores changed, see :mod:`pipeline.detection.promise`.
    """

    record: str
    hours: float
    time_s: NDArray[np.float64]
    aami: NDArray[np.str_]
    sinus: NDArray[np.bool_]
    missed: NDArray[np.bool_]
    score: NDArray[np.float64]
    threshold: NDArray[np.float64]
    p_value: NDArray[np.float64]
    is_anomaly: NDArray[np.bool_]
    kind: NDArray[np.uint8]
    matching: Matching
    moved: bool = False

    @property
    def anomalous(self) -> NDArray[np.bool_]:
        """True for the beats of class S, V or F, detected or not."""
        return np.isin(self.aami, ANOMALOUS)

    @property
    def normal(self) -> NDArray[np.bool_]:
        """True for the scored normal beats; a false detection stands among them: a verdict on it is a false alarm.

        A normal beat without a score can neither be ranked nor raise an alarm, so it is left out.
        """
        return np.isin(self.aami, ("N", FALSE_DETECTION)) & ~self.missed

    def without_other_rhythms(self) -> JudgedBeats:
        """Return the beats without the normal ones inside a rhythm that is no sinus rhythm."""
        keep = self.sinus | ~np.isin(self.aami, ("N", FALSE_DETECTION))
        columns = ("time_s", "aami", "sinus", "missed", "score", "threshold", "p_value", "is_anomaly", "kind")
        return replace(self, **{name: getattr(self, name)[keep] for name in columns})


def judge(
    record: str,
    annotations: Annotations,
    r_peak: ArrayLike,
    columns: Mapping[str, Any],
    *,
    fs: float,
    n_samples: int,
    start_s: float = LEARNING_S,
    moved: bool = False,
) -> JudgedBeats:
    """Lay the scored beats of a record beside its reference annotations.

    Parameters
    ----------
    record : str
        Name of the record.
    annotations : Annotations
        Its reference annotations.
    r_peak : array_like of int, shape (m,)
        Scored beats in samples, ascending: the reference R peaks (track A) or detected ones (track B).
    columns : mapping of str to array_like, each of shape (m,)
        ``score`` and, where there are such, ``threshold``, ``p_value``, ``is_anomaly`` and ``kind``. A beat whose
        score is NaN could not be scored and counts as missed.
    fs : float
        Rate in Hz that ``r_peak`` and ``n_samples`` count in; annotations may count at another one.
    n_samples : int
        Length of the record.
    start_s : float
        End of the learning period in s.
    moved : bool
        Whether the level of the scores changed after it.

    Raises
    ------
    ValueError
        If a column does not have one value per beat.
    """
    peaks = np.asarray(r_peak, dtype=np.int64)
    scale = fs / annotations.fs
    beats = reference_beats(annotations)
    sample = np.round(beats.sample * scale).astype(np.int64)
    flutter = [(round(first * scale), round(last * scale)) for first, last in annotations.flutter()]
    matching = match_beats(sample, peaks, fs, leave_out=flutter, start_s=start_s)

    n_missed, n_extra = len(matching.missed), len(matching.extra)
    reference = np.concatenate([matching.reference, matching.missed])
    detection = np.concatenate([matching.detection, np.full(n_missed, -1), matching.extra]).astype(np.int64)
    position = np.concatenate([sample[reference], peaks[matching.extra]])
    order = np.argsort(position, kind="stable")
    detection = detection[order]

    def column(name: str, absent: float, default: float) -> NDArray[np.float64]:
        values = np.asarray(columns.get(name, np.full(len(peaks), default)), dtype=np.float64)
        if values.shape != peaks.shape:
            raise ValueError(f"{record}: column {name} has shape {values.shape}, not one value per beat {peaks.shape}")
        out = np.full(len(detection), absent)
        out[detection >= 0] = values[detection[detection >= 0]]
        return out

    score = column("score", np.nan, np.nan)
    missed = np.isnan(score)
    verdict = column("is_anomaly", 0.0, 0.0).astype(np.bool_)
    judged_s = n_samples / fs - start_s - sum(max(0.0, last / fs - max(first / fs, start_s)) for first, last in flutter)
    return JudgedBeats(
        record=record,
        hours=max(judged_s, 0.0) / 3600.0,
        time_s=position[order] / fs,
        aami=np.concatenate([beats.aami[reference], np.full(n_extra, FALSE_DETECTION)])[order],
        sinus=np.concatenate(
            [beats.sinus[reference], in_sinus_rhythm(np.round(peaks[matching.extra] / scale), annotations)]
        )[order],
        missed=missed,
        score=np.where(missed, -np.inf, score),
        threshold=column("threshold", np.nan, np.nan),
        p_value=np.where(missed, 1.0, column("p_value", 1.0, np.nan)),
        is_anomaly=verdict & ~missed,
        kind=column("kind", 0.0, 0.0).astype(np.uint8),
        matching=matching,
        moved=moved,
    )
