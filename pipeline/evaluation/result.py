"""One evaluation: its figures for each choice of records, and for each level of noise."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pipeline.evaluation.alarms import AlarmFigures, alarm_figures
from pipeline.evaluation.document import document
from pipeline.evaluation.protocol import PACED, SAME_PERSON
from pipeline.evaluation.record import EvaluatedRecord
from pipeline.evaluation.rhythm_states import RhythmFigures, rhythm_figures
from pipeline.evaluation.rpeaks import RPeakFigures, r_peak_figures
from pipeline.evaluation.view import View, look

__all__ = ["EvaluationResult", "evaluate", "package_versions"]

# A group of figures is given for each view of the records; the first one is the headline.
STRICT = "strict"
OTHER_RHYTHMS = "other_rhythms_set_aside"


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
    rhythms : RhythmFigures or None
        The rhythms that are told after beats, over the same records.
    records : tuple of EvaluatedRecord
        What was measured, in order of names.
    seed : int
        Seed of the bootstrap.
    command : str
        What was asked for.
    versions : dict of str to str
        Versions of what took part.
    noise : dict of str to EvaluationResult
        The same by signal-to-noise ratio in dB, quietest first, of the records that noise has been mixed into.
    """

    track: str
    views: dict[str, View]
    r_peaks: RPeakFigures | None
    alarms: AlarmFigures | None
    rhythms: RhythmFigures | None
    records: tuple[EvaluatedRecord, ...]
    seed: int
    command: str
    versions: dict[str, str]
    noise: dict[str, EvaluationResult] = field(default_factory=dict)

    @property
    def strict(self) -> View:
        """The headline figures."""
        return self.views[STRICT]

    @property
    def n_seeds(self) -> int:
        """Networks, of as many seeds, whose figures are averaged in the ranking."""
        return min(len(record.seeds) for record in self.records)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain dictionaries; what has no value is None."""
        return document(self)

    def to_json(self) -> str:
        """Return the same as JSON text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"


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
    facts = dict(package_versions() if versions is None else versions)
    together = partial(_together, track=track, command=command, seed=seed, n_boot=n_boot, versions=facts)
    ordered = tuple(sorted(records, key=lambda record: record.record))
    whole = together(ordered)
    levels = sorted({record.snr_db for record in ordered if record.snr_db is not None}, reverse=True)
    by_level = {f"{level:g}": tuple(record for record in ordered if record.snr_db == level) for level in levels}
    return replace(whole, noise={snr: whole if part == ordered else together(part) for snr, part in by_level.items()})


def package_versions() -> dict[str, str]:
    """Return the versions of Python, this project and the libraries that figures depend on."""
    out = {"python": platform.python_version()}
    for name in ("ecg-anomaly", "numpy", "scipy", "numba", "torch", "river", "wfdb"):
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            out[name] = "not installed"
    return out


def _together(
    records: tuple[EvaluatedRecord, ...], *, track: str, command: str, seed: int, n_boot: int, versions: dict[str, str]
) -> EvaluationResult:
    judged = [record for record in records if record.record not in PACED]
    if not judged:
        raise ValueError("there is no record to evaluate: paced records have no figures but those of their R peaks")
    choices = {STRICT: judged, OTHER_RHYTHMS: [record.without_other_rhythms() for record in judged]}
    for name in ("mitdb/232", SAME_PERSON[1]):
        rest = [record for record in judged if record.record != name]
        if rest and len(rest) < len(judged):
            choices[f"without_{name.rsplit('/', 1)[-1]}"] = rest
    r_peaks = [record.r_peaks for record in records if record.r_peaks is not None]
    alarms = [record.alarms for record in judged if record.alarms is not None]
    rhythms = [record.rhythms for record in judged if record.rhythms is not None]
    return EvaluationResult(
        track=track,
        views={name: look(chosen, seed=seed, n_boot=n_boot) for name, chosen in choices.items()},
        r_peaks=r_peak_figures(r_peaks) if r_peaks else None,
        alarms=alarm_figures(alarms) if alarms else None,
        rhythms=rhythm_figures(rhythms) if rhythms else None,
        records=records,
        seed=seed,
        command=command,
        versions=versions,
    )
