"""Whether declared false-alarm rates hold: threshold rules side by side, on the same scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.annotations import Annotations
from pipeline.detection.guesses import Guesses
from pipeline.evaluation.beats import JudgedBeats, judge
from pipeline.evaluation.operation import Operation, operation
from pipeline.evaluation.protocol import RATES
from pipeline.evaluation.sheet import Sheet
from pipeline.evaluation.step import recovery
from pipeline.evaluation.threshold_rules import THRESHOLD_RULES, ThresholdRule
from pipeline.records import Findings

__all__ = [
    "MAIN_RATE",
    "JudgedRules",
    "RuleFigures",
    "judge_rules",
    "recovery_sheet",
    "rule_figures",
    "rule_recoveries",
    "rule_sheets",
]

MAIN_RATE = 0.01
BOOTSTRAPS = 2000

JudgedRules = dict[tuple[str, float], JudgedBeats]  # one record's beats under each rule and declared rate


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """What a rule does at a declared rate, over some records.

    Attributes
    ----------
    rule : str
        Its name.
    declared : float
        Declared rate per normal beat.
    operation : Operation
        What its verdicts do; ``set_aside`` without the normal beats in rhythms that are no sinus rhythm.
    """

    rule: str
    declared: float
    operation: Operation
    set_aside: Operation

    @property
    def ratio(self) -> float:
        """Realised over declared rate, all normal beats pooled."""
        return self.operation.fpr / self.declared

    @property
    def ratio_interval(self) -> tuple[float, float]:
        """95 % interval of the ratio, from a bootstrap over records."""
        counts = np.array([(record.false_alarms, record.normal) for record in self.operation.records])
        drawn = np.random.default_rng(0).integers(len(counts), size=(BOOTSTRAPS, len(counts)))
        alarms, normal = counts[drawn].sum(axis=1).T
        low, high = np.quantile(alarms / np.maximum(normal, 1) / self.declared, (0.025, 0.975))
        return float(low), float(high)

    @property
    def ratio_set_aside(self) -> float:
        """The same without the normal beats in rhythms that are no sinus rhythm."""
        return self.set_aside.fpr / self.declared

    @property
    def within_2x(self) -> int:
        """Records whose own rate lies within half and twice the declared one."""
        rates = np.array([record.fpr for record in self.operation.records if record.normal])
        return int(((rates >= self.declared / 2) & (rates <= 2 * self.declared)).sum())

    @property
    def worst_record(self) -> str:
        """The record of the highest rate."""
        return max((r for r in self.operation.records if r.normal), key=lambda r: r.fpr).record

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {
            "declared": self.declared,
            "ratio": self.ratio,
            "ratio_interval": self.ratio_interval,
            "ratio_other_rhythms_set_aside": self.ratio_set_aside,
            "within_2x": self.within_2x,
            "worst_record": self.worst_record,
            **self.operation.figures(),
            "fpr_by_record": {record.record: record.fpr for record in self.operation.records},
        }


def judge_rules(
    findings: Findings,
    annotations: Annotations,
    guesses: Guesses,
    *,
    n_samples: int,
    rates: Sequence[float] = RATES,
    rules: Mapping[str, ThresholdRule] = THRESHOLD_RULES,
) -> JudgedRules:
    """Apply each rule to one record's scores, at each declared rate.

    Parameters
    ----------
    findings : Findings
        The scored beats of the whole record, learning period and all.
    annotations : Annotations
        The record's reference annotations.
    guesses : Guesses
        What the population tells.
    n_samples : int
        Length of the record at the rate of the findings.
    rates : sequence of float
        Declared rates per normal beat.
    rules : mapping of str to ThresholdRule
        The rules by name.
    """
    out: JudgedRules = {}
    for name, rule in rules.items():
        for rate in rates:
            threshold = rule(findings, guesses, rate)
            columns = {
                "score": findings.score,
                "threshold": threshold,
                "is_anomaly": findings.score > threshold,
                "kind": findings.kind,
            }
            fs = findings.fs
            out[name, rate] = judge(findings.record, annotations, findings.r_peak, columns, fs=fs, n_samples=n_samples)
    return out


def rule_recoveries(stepped: Sequence[JudgedRules], plain: Sequence[JudgedRules]) -> dict[str, list[float]]:
    """Return, by rule, how many normal beats of each record a step disturbs, as in :mod:`pipeline.evaluation.step`.

    Parameters
    ----------
    stepped, plain : sequence of JudgedRules
        The same records with the step and without it.
    """
    return {
        rule: [
            recovery(with_step[rule, rate], without[rule, rate])
            for with_step, without in zip(stepped, plain, strict=True)
        ]
        for rule, rate in stepped[0]
    }


def recovery_sheet(recoveries: Mapping[str, Sequence[float]], factor: float) -> Sheet:
    """Return the table of :func:`rule_recoveries` after the signal was multiplied by ``factor``."""
    rows = []
    for rule, found in recoveries.items():
        beats = np.array([b for b in found if not np.isnan(b)])
        never = int(np.isinf(beats).sum())
        texts = [
            f"{q:.0f}" if np.isfinite(q) else "never" for q in np.quantile(beats, (0.5, 0.9, 1.0), method="higher")
        ]
        rows.append((rule, *texts, f"{never} of {len(beats)}"))
    return Sheet(
        f"Normal beats until verdicts recover from a step of amplitude by {factor:g}, at {100 * MAIN_RATE:g} %",
        ("", "median", "p90", "worst", "never"),
        tuple(rows),
    )


def rule_figures(records: Sequence[JudgedRules]) -> list[RuleFigures]:
    """Put the records together, by rule and declared rate.

    Raises
    ------
    ValueError
        If there are no records.
    """
    if not records:
        raise ValueError("there is no record to study")
    return [
        RuleFigures(
            rule=rule,
            declared=rate,
            operation=operation([record[rule, rate] for record in records]),
            set_aside=operation([record[rule, rate].without_other_rhythms() for record in records]),
        )
        for rule, rate in records[0]
    ]


def rule_sheets(figures: Sequence[RuleFigures]) -> Iterator[Sheet]:
    """Yield a table for each declared rate."""
    for rate in dict.fromkeys(f.declared for f in figures):
        chosen = [f for f in figures if f.declared == rate]
        n = len([record for record in chosen[0].operation.records if record.normal])
        yield Sheet(
            f"Threshold rules at a declared rate of {100 * rate:g} % of normal beats, {n} records",
            (
                "",
                "realised / declared",
                "95 %",
                "sinus only",
                "within 2x",
                "worst FPR %",
                "Se V %",
                "Se S %",
                "macro F1",
            ),
            tuple(
                (
                    f.rule,
                    f"{f.ratio:.2f}",
                    "{:.2f}-{:.2f}".format(*f.ratio_interval),
                    f"{f.ratio_set_aside:.2f}",
                    f"{f.within_2x} of {n}",
                    f"{100 * f.operation.fpr_max:.1f} ({f.worst_record.rpartition('/')[2]})",
                    f"{100 * f.operation.se_v:.1f}",
                    f"{100 * f.operation.se_s:.1f}",
                    f"{f.operation.macro_f1:.3f}",
                )
                for f in chosen
            ),
        )
