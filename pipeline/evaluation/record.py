"""One record, measured: its scored beats held against its annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from numpy.typing import ArrayLike

from pipeline.annotations import Annotations
from pipeline.detection.promise import has_moved
from pipeline.evaluation.alarms import RecordAlarms, judge_alarms
from pipeline.evaluation.beats import JudgedBeats, judge
from pipeline.evaluation.protocol import LEARNING_S
from pipeline.evaluation.rhythm_states import RecordRhythms, judge_states
from pipeline.evaluation.rivals import RIVALS, Rival
from pipeline.evaluation.rpeaks import RPeaks, judge_r_peaks
from pipeline.records import Findings

__all__ = ["EvaluatedRecord", "evaluate_record"]


@dataclass(frozen=True, slots=True, eq=False)
class EvaluatedRecord:
    """One record, measured.

    Attributes
    ----------
    record : str
        Name of the record.
    seeds : tuple of JudgedBeats
        The detector's beats, once for each seed of its training. The first has verdicts and kinds, the others scores.
    rivals : dict of str to JudgedBeats
        The same beats as each other detector and each rival scores them.
    r_peaks : RPeaks or None
        How the detected R peaks fared; None if none were detected.
    alarms : RecordAlarms or None
        How the alarms fared; None if the detector raises none.
    rhythms : RecordRhythms or None
        How the rhythms fared that are told after beats.
    snr_db : float or None
        Signal-to-noise ratio in dB of a record that noise has been mixed into; None for others.
    warnings : tuple of str
        Why its figures may not be what they seem, a line each.
    """

    record: str
    seeds: tuple[JudgedBeats, ...]
    rivals: dict[str, JudgedBeats] = field(default_factory=dict)
    r_peaks: RPeaks | None = None
    alarms: RecordAlarms | None = None
    rhythms: RecordRhythms | None = None
    snr_db: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def beats(self) -> JudgedBeats:
        """The beats as the first seed scores them."""
        return self.seeds[0]

    def without_other_rhythms(self) -> EvaluatedRecord:
        """Return the record without its normal beats inside a rhythm that is no sinus rhythm."""
        return replace(
            self,
            seeds=tuple(beats.without_other_rhythms() for beats in self.seeds),
            rivals={name: beats.without_other_rhythms() for name, beats in self.rivals.items()},
        )


def evaluate_record(
    findings: Findings,
    annotations: Annotations,
    *,
    n_samples: int,
    other_scores: Sequence[ArrayLike] = (),
    beside: Mapping[str, ArrayLike] = MappingProxyType({}),
    detected: ArrayLike | None = None,
    rivals: Mapping[str, Rival] = RIVALS,
    start_s: float = LEARNING_S,
    snr_db: float | None = None,
) -> EvaluatedRecord:
    """Measure one record.

    Parameters
    ----------
    findings : Findings
        The scored beats of the whole record, learning period and all.
    annotations : Annotations
        The record's reference annotations.
    n_samples : int
        Length of the record at the rate of the findings.
    other_scores : sequence of array_like, each of shape (n,)
        Scores of the same beats by the detector as trained with other seeds.
    beside : mapping of str to array_like, each of shape (n,)
        Scores of the same beats by other detectors, which stand before the rivals.
    detected : array_like of int, optional
        Detected R peaks in samples, learning period and all, if the detector of R peaks is to be measured.
    rivals : mapping of str to function
        What is scored beside the detector; by default :data:`pipeline.evaluation.rivals.RIVALS`.
    start_s : float
        End of the learning period in s.
    snr_db : float, optional
        Signal-to-noise ratio in dB of a record that noise has been mixed into.

    Raises
    ------
    ValueError
        If another seed or a rival did not score each of the beats.
    """
    name, fs = findings.record, findings.fs
    moved = has_moved(drift for drift in findings.drifts if drift.time_s >= start_s)

    def judged(**columns: ArrayLike) -> JudgedBeats:
        return judge(
            name, annotations, findings.r_peak, columns, fs=fs, n_samples=n_samples, start_s=start_s, moved=moved
        )

    beats = judged(
        score=findings.score,
        threshold=findings.threshold,
        p_value=findings.p_value,
        is_anomaly=findings.is_anomaly,
        kind=findings.kind,
    )
    r_peaks = None if detected is None else judge_r_peaks(name, annotations, detected, fs=fs, start_s=start_s)
    return EvaluatedRecord(
        record=name,
        seeds=(beats, *(judged(score=scores) for scores in other_scores)),
        rivals={name: judged(score=scores) for name, scores in beside.items()}
        | {rival: judged(score=score(findings.window, findings.time_s)) for rival, score in rivals.items()},
        r_peaks=r_peaks,
        alarms=judge_alarms(beats, findings.alarms, annotations, updates=findings.updates, start_s=start_s),
        rhythms=judge_states(beats, annotations, findings.state),
        snr_db=snr_db,
    )
