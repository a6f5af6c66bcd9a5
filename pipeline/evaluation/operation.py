"""What the verdicts do in operation: anomalies found, false alarms raised, at the threshold as shipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from pipeline.evaluation.beats import JudgedBeats

__all__ = ["Operation", "RecordOperation", "operation"]

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class RecordOperation:
    """The counts of one record.

    Attributes
    ----------
    record : str
        Name of the record.
    hours : float
        Judged time in h.
    anomalies, found : int
        Beats of class S, V or F, and those of them that were flagged; a beat that was not detected is not found.
    normal, false_alarms : int
        Normal beats with false detections, and those of them that were flagged.
    """

    record: str
    hours: float
    anomalies: int
    found: int
    normal: int
    false_alarms: int

    @property
    def fpr(self) -> float:
        """Share of the normal beats that were flagged."""
        return _share(self.false_alarms, self.normal)

    @property
    def fa_per_hour(self) -> float:
        """Flagged normal beats and false detections per hour."""
        return self.false_alarms / self.hours if self.hours > 0 else NAN


@dataclass(frozen=True, slots=True)
class Operation:
    """Figures of the verdicts over a set of records, all beats pooled unless said otherwise.

    Attributes
    ----------
    se_v, se_s, se_f : float
        Share of the beats of that class that were flagged. A beat that was not detected counts as not flagged.
    precision : float
        Share of the flagged beats that are anomalies.
    fpr : float
        Share of the normal beats that were flagged. A false detection stands among the normal beats.
    fa_per_hour : float
        Flagged normal beats and false detections per hour of judged signal.
    macro_f1 : float
        Mean of two F1 figures over the beats ``V E r F A a J S n`` (anomalous) and ``N L R B e j`` (normal):
        2 TP / (2 TP + FP + FN) of the anomalous class, and 2 TN / (2 TN + FP + FN) of the normal one. A beat that was
        not detected is an FN if it is anomalous and left out if it is normal; a false detection is an FP if it was
        flagged and a TN if not.
    fpr_median, fpr_p90, fpr_max : float
        Over the records' own false-positive rates.
    records : tuple of RecordOperation
        The counts of each record, in order of their names.
    """

    se_v: float
    se_s: float
    se_f: float
    precision: float
    fpr: float
    fa_per_hour: float
    macro_f1: float
    fpr_median: float
    fpr_p90: float
    fpr_max: float
    records: tuple[RecordOperation, ...]

    def figures(self) -> dict[str, float]:
        """Return the figures by name, without the records."""
        return {name: value for name, value in asdict(self).items() if name != "records"}


def operation(records: Sequence[JudgedBeats]) -> Operation:
    """Count what the verdicts find and what they cost.

    Raises
    ------
    ValueError
        If there are no records.
    """
    if not records:
        raise ValueError("operation needs at least one record")
    ordered = sorted(records, key=lambda beats: beats.record)
    counts = tuple(
        RecordOperation(
            record=beats.record,
            hours=beats.hours,
            anomalies=int(beats.anomalous.sum()),
            found=int((beats.anomalous & beats.is_anomaly).sum()),
            normal=int(beats.normal.sum()),
            false_alarms=int((beats.normal & beats.is_anomaly).sum()),
        )
        for beats in ordered
    )
    aami = np.concatenate([beats.aami for beats in ordered])
    flagged = np.concatenate([beats.is_anomaly for beats in ordered])
    tp, anomalies = sum(c.found for c in counts), sum(c.anomalies for c in counts)
    fp, normal = sum(c.false_alarms for c in counts), sum(c.normal for c in counts)
    fn, tn = anomalies - tp, normal - fp
    hours = sum(c.hours for c in counts)
    rates = np.array([c.fpr for c in counts if c.normal])
    return Operation(
        **{
            f"se_{letter.lower()}": _share(int((flagged & (aami == letter)).sum()), int((aami == letter).sum()))
            for letter in "VSF"
        },
        precision=_share(tp, tp + fp),
        fpr=_share(fp, normal),
        fa_per_hour=fp / hours if hours > 0 else NAN,
        macro_f1=0.5 * (_share(2 * tp, 2 * tp + fp + fn) + _share(2 * tn, 2 * tn + fp + fn)),
        fpr_median=float(np.median(rates)) if len(rates) else NAN,
        fpr_p90=float(np.quantile(rates, 0.9)) if len(rates) else NAN,
        fpr_max=float(rates.max()) if len(rates) else NAN,
        records=counts,
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else NAN
