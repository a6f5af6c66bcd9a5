"""One evaluation: what was measured on which records, all figures together, and their JSON."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.annotations import Annotations
from pipeline.evaluation.alarms import AlarmFigures, RecordAlarms, alarm_figures, judge_alarms
from pipeline.evaluation.beats import JudgedBeats, judge
from pipeline.evaluation.calibration import Calibration, calibration
from pipeline.evaluation.ec57 import Ectopics, ectopics
from pipeline.evaluation.operation import Operation, operation
from pipeline.evaluation.protocol import LEARNING_S, PACED, SAME_PERSON
from pipeline.evaluation.ranking import Ranking, difference, mean_over_seeds, ranking
from pipeline.evaluation.rivals import RIVALS
from pipeline.evaluation.rpeaks import RPeakFigures, RPeaks, judge_r_peaks, r_peak_figures
from pipeline.records import Findings

__all__ = ["EvaluatedRecord", "EvaluationResult", "View", "evaluate", "evaluate_record", "package_versions"]

# A group of figures is given for each view of the records; the first one is the headline.
STRICT = "strict"
OTHER_RHYTHMS = "other_rhythms_set_aside"


@dataclass(frozen=True, slots=True, eq=False)
class EvaluatedRecord:
    """One record, measured.

    Attributes
    ----------
    record : str
        Name of the record.
    seeds : tuple of JudgedBeats
        The detector's beats, once for each seed of its training; verdicts and kinds are those of the first.
    rivals : dict of str to JudgedBeats
        The same beats as each rival scores them.
    r_peaks : RPeaks or None
        How the detected R peaks fared; None if none were detected.
    alarms : RecordAlarms or None
        How the alarms fared; None if the detector raises none.
    """

    record: str
    seeds: tuple[JudgedBeats, ...]
    rivals: dict[str, JudgedBeats] = field(default_factory=dict)
    r_peaks: RPeaks | None = None
    alarms: RecordAlarms | None = None

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


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The figures of one choice of records and beats.

    Attributes
    ----------
    records : tuple of str
        The records, in order of their names; paced ones are left out.
    ranking : Ranking
        The detector's, averaged over its seeds.
    rivals : dict of str to Ranking
        Each rival's.
    difference : dict of str to dict of str to (difference, low, high)
        For each rival the detector's figures minus its own, with paired intervals.
    operation : Operation
        The verdicts of the first seed.
    calibration : tuple of Calibration
        Its p-values; empty if it gives none.
    ectopics : Ectopics
        Its kinds.
    """

    records: tuple[str, ...]
    ranking: Ranking
    rivals: dict[str, Ranking]
    difference: dict[str, dict[str, tuple[float, float, float]]]
    operation: Operation
    calibration: tuple[Calibration, ...]
    ectopics: Ectopics


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationResult:
    """All figures of one run.

    Attributes
    ----------
    track : str
        ``reference`` (track A: the annotated R peaks) or ``detected`` (track B: the project's own).
    views : dict of str to View
        ``strict`` first; then ``other_rhythms_set_aside`` and, where they are among the records, ``without_232`` and
        ``without_202``.
    r_peaks : RPeakFigures or None
        Over all records, paced ones as well.
    alarms : AlarmFigures or None
        Over the records of the strict view.
    records : tuple of EvaluatedRecord
        What was measured, in order of names.
    seed : int
        Seed of the bootstrap.
    command : str
        What was asked for.
    versions : dict of str to str
        Versions of what took part.
    """

    track: str
    views: dict[str, View]
    r_peaks: RPeakFigures | None
    alarms: AlarmFigures | None
    records: tuple[EvaluatedRecord, ...]
    seed: int
    command: str
    versions: dict[str, str]

    @property
    def strict(self) -> View:
        """The headline figures."""
        return self.views[STRICT]

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain dictionaries; what has no value is None."""
        peaks = self.r_peaks
        out = {
            **_view(self.strict),
            "rpeaks": {
                "se": peaks and peaks.se,
                "ppv": peaks and peaks.ppv,
                "se_average": peaks and peaks.se_average,
                "ppv_average": peaks and peaks.ppv_average,
                "v_missed": peaks and peaks.v_missed,
                "v_total": peaks and peaks.v_total,
            },
            "alarms": None if self.alarms is None else asdict(self.alarms),
            "views": {name: _view(view) for name, view in self.views.items() if name != STRICT},
            "records": {record.record: self._record(record) for record in self.records},
            "track": self.track,
            "versions": self.versions,
            "seed": self.seed,
            "command": self.command,
        }
        plain: dict[str, Any] = _plain(out)
        return plain

    def to_json(self) -> str:
        """Return the same as JSON text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    def _record(self, record: EvaluatedRecord) -> dict[str, Any]:
        view = self.strict
        own = view.ranking.per_record.get(record.record)
        count = next((c for c in view.operation.records if c.record == record.record), None)
        peaks = record.r_peaks
        return {
            "auroc": own and own[0],
            "auprc": own and own[1],
            "rivals": {
                name: dict(zip(("auroc", "auprc"), r.per_record[record.record], strict=True))
                for name, r in view.rivals.items()
                if record.record in r.per_record
            },
            "operation": count and {**asdict(count), "fpr": count.fpr, "fa_per_hour": count.fa_per_hour},
            "calibration": {f"{c.declared:g}": c.per_record.get(record.record) for c in view.calibration},
            "rpeaks": peaks and {**asdict(peaks), "se": peaks.se, "ppv": peaks.ppv},
            "alarms": record.alarms and asdict(record.alarms),
        }


def evaluate_record(
    findings: Findings | Sequence[Findings],
    annotations: Annotations,
    *,
    n_samples: int,
    detected: ArrayLike | None = None,
    rivals: Mapping[str, Any] = RIVALS,
    start_s: float = LEARNING_S,
) -> EvaluatedRecord:
    """Measure one record.

    Parameters
    ----------
    findings : Findings or sequence of Findings
        The scored beats of the whole record, learning period and all; several for several seeds on the same beats.
    annotations : Annotations
        The record's reference annotations.
    n_samples : int
        Length of the record at the rate of the findings.
    detected : array_like of int, optional
        Detected R peaks in samples, learning period and all, if the detector of R peaks is to be measured.
    rivals : mapping of str to function
        What is scored beside the detector; by default :data:`pipeline.evaluation.rivals.RIVALS`.
    start_s : float
        End of the learning period in s.

    Raises
    ------
    ValueError
        If there are no findings, or the seeds did not score the same beats.
    """
    runs = [findings] if isinstance(findings, Findings) else list(findings)
    if not runs or any(not np.array_equal(run.r_peak, runs[0].r_peak) for run in runs):
        raise ValueError("every seed has to score the same beats of the record")
    first = runs[0]

    def judged(columns: dict[str, NDArray[Any]]) -> JudgedBeats:
        return judge(
            first.record, annotations, first.r_peak, columns, fs=first.fs, n_samples=n_samples, start_s=start_s
        )

    names = ("score", "threshold", "p_value", "is_anomaly", "kind")
    return EvaluatedRecord(
        record=first.record,
        seeds=tuple(judged({name: getattr(run, name) for name in names}) for run in runs),
        rivals={name: judged({"score": rival(first.window, first.time_s)}) for name, rival in rivals.items()},
        r_peaks=None
        if detected is None
        else judge_r_peaks(first.record, annotations, detected, fs=first.fs, start_s=start_s),
        alarms=judge_alarms(judged({"score": first.score}), first.alarms, annotations, start_s=start_s),
    )


def evaluate(
    records: Sequence[EvaluatedRecord],
    *,
    track: str = "reference",
    command: str = "",
    seed: int = 0,
    n_boot: int = 1000,
    versions: Mapping[str, str] | None = None,
) -> EvaluationResult:
    """Put the figures of several records together.

    Parameters
    ----------
    records : sequence of EvaluatedRecord
        In any order. Paced records of mitdb count for R peaks alone.
    track : {'reference', 'detected'}
        Whose R peaks were scored.
    command : str
        What was asked for, to be quoted beside the figures.
    seed : int
        Seed of the bootstrap.
    n_boot : int
        Replicates of the bootstrap.
    versions : mapping of str to str, optional
        Of what took part; :func:`package_versions` by default.

    Raises
    ------
    ValueError
        If there are no records but paced ones, or the track is unknown.
    """
    if track not in ("reference", "detected"):
        raise ValueError(f"track is 'reference' or 'detected', not {track!r}")
    ordered = tuple(sorted(records, key=lambda record: record.record))
    judged = [record for record in ordered if record.record not in PACED]
    if not judged:
        raise ValueError("there is no record to evaluate: paced records have no figures but those of their R peaks")
    choices = {STRICT: judged, OTHER_RHYTHMS: [record.without_other_rhythms() for record in judged]}
    for name in ("mitdb/232", SAME_PERSON[1]):
        rest = [record for record in judged if record.record != name]
        if rest and len(rest) < len(judged):
            choices[f"without_{name.rsplit('/', 1)[-1]}"] = rest
    r_peaks = [record.r_peaks for record in ordered if record.r_peaks is not None]
    alarms = [record.alarms for record in judged if record.alarms is not None]
    return EvaluationResult(
        track=track,
        views={name: _look(chosen, seed, n_boot) for name, chosen in choices.items()},
        r_peaks=r_peak_figures(r_peaks) if r_peaks else None,
        alarms=alarm_figures(alarms) if alarms else None,
        records=ordered,
        seed=seed,
        command=command,
        versions=dict(package_versions() if versions is None else versions),
    )


def package_versions() -> dict[str, str]:
    """Return the versions of Python, this project and the libraries that figures depend on."""
    out = {"python": platform.python_version()}
    for name in ("ecg-anomaly", "numpy", "scipy", "numba", "torch", "river", "wfdb"):
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            out[name] = "not installed"
    return out


def _look(records: Sequence[EvaluatedRecord], seed: int, n_boot: int) -> View:
    n_seeds = min(len(record.seeds) for record in records)
    own = mean_over_seeds(
        [ranking([record.seeds[i] for record in records], n_boot=n_boot, seed=seed) for i in range(n_seeds)]
    )
    names = [name for name in records[0].rivals if all(name in record.rivals for record in records)]
    rivals = {name: ranking([record.rivals[name] for record in records], n_boot=n_boot, seed=seed) for name in names}
    beats = [record.beats for record in records]
    has_p_values = any(np.isfinite(b.p_value[b.normal]).any() for b in beats)
    return View(
        records=own.records,
        ranking=own,
        rivals=rivals,
        difference={name: difference(own, rival) for name, rival in rivals.items()},
        operation=operation(beats),
        calibration=calibration(beats) if has_p_values else (),
        ectopics=ectopics(beats),
    )


def _view(view: View) -> dict[str, Any]:
    kinds = view.ectopics
    return {
        "ranking": _ranking(view.ranking),
        "rivals": {
            name: {
                **_ranking(rival),
                "difference": _nest({f: list(values) for f, values in view.difference[name].items()}),
            }
            for name, rival in view.rivals.items()
        },
        "operation": view.operation.figures(),
        "calibration": {
            f"{c.declared:g}": {
                "realised": c.realised,
                "ratio": c.ratio,
                "share_within_2x": c.share_within_2x,
                "worst": c.worst,
                "worst_record": c.worst_record,
            }
            for c in view.calibration
        },
        "ec57": {
            "veb_se": kinds.veb_se,
            "veb_ppv": kinds.veb_ppv,
            "sveb_se": kinds.sveb_se,
            "sveb_ppv": kinds.sveb_ppv,
            "counts": kinds.counts.tolist(),
        },
        "n_records": len(view.records),
    }


def _ranking(r: Ranking) -> dict[str, Any]:
    return {
        **_nest(r.figures),
        "ci": _nest({figure: list(r.interval(figure)) for figure in r.figures}),
        "spread": _nest(r.spread),
    }


def _nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Turn ``{"macro.auroc": x}`` into ``{"macro": {"auroc": x}}``."""
    out: dict[str, Any] = {}
    for name, value in flat.items():
        group, figure = name.split(".")
        out.setdefault(group, {})[figure] = value
    return out


def _plain(value: Any) -> Any:
    """Return what JSON can hold: numpy numbers as Python's, and None for what is not a number."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
