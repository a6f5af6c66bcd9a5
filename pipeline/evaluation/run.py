"""Run an evaluation: records by name through the one monitor, in this process or in several."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.detection.model import DEFAULT_MODEL, BeatModel
from pipeline.detection.reading import LEADS
from pipeline.errors import PipelineError, RecordUnsupported
from pipeline.evaluation.noise import NoisyRecord, snr_of
from pipeline.evaluation.protocol import LEARNING_S
from pipeline.evaluation.record import EvaluatedRecord, evaluate_record
from pipeline.evaluation.rivals import RIVALS
from pipeline.evaluation.seeds import score_by_seeds
from pipeline.evaluation.step import SteppedRecord
from pipeline.evaluation.time_base import odd_time_base
from pipeline.processes import without_ctrl_c
from pipeline.record_name import RecordName
from pipeline.records import Findings, Record
from pipeline.settings import Settings
from pipeline.signals.beats import BeatFinder
from pipeline.signals.reference_peaks import ReferencePeaks
from pipeline.sources import open_record
from pipeline.sources.names import PhysioNetName, is_version

__all__ = ["NOISES", "NOISE_LEADS", "Noise", "ScoredRecord", "Task", "evaluate_tasks", "models_beside"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

NOISES = ("nstdb/bw", "nstdb/em", "nstdb/ma")  # records of noise alone, which hold no beats
NOISE_LEADS = ("noise1", "noise2")


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise to mix in: the name of its record, such as ``nstdb/em``, and the signal-to-noise ratio in dB."""

    name: str
    snr_db: float


class ScoredRecord(NamedTuple):
    """A record's scored beats, its annotations, its length in samples, and the scores of the other networks.

    Those are of the other seeds first, then of the detectors beside. ``warnings`` says why figures may mislead.
    """

    findings: Findings
    annotations: Annotations
    n_samples: int
    other_scores: list[NDArray[np.float64]]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A record to measure: plain values that may travel to another process.

    Attributes
    ----------
    name : str
        As :func:`pipeline.sources.open_record` takes it.
    settings : Settings
        Where records come from; threshold and alarms.
    models : tuple of Path
        Model files, one for each seed; the first one's verdicts count.
    beside : tuple of (str, Path)
        Other detectors that score the same beats, by name, such as a model of another kind.
    rpeaks : {'reference', 'detected'}
        Whose R peaks are scored.
    data_dir : Path or None
        A folder of WFDB records; None means PhysioNet.
    leads : tuple of str or None
        Leads to score.
    noise : Noise or None
        What is mixed in.
    rivals : bool
        Whether the rivals are scored as well.
    database : str or None
        Name of the database that the figures carry; by default PhysioNet's, or the folder's.
    step : float or None
        What the signal is multiplied by from 15:00 on.
    annotator : str
        Whose annotations are the reference: the extension of their files.
    """

    name: str
    settings: Settings
    models: tuple[Path, ...] = (DEFAULT_MODEL,)
    beside: tuple[tuple[str, Path], ...] = field(default=(), kw_only=True)
    rpeaks: str = "reference"
    data_dir: Path | None = None
    leads: tuple[str, ...] | None = None
    noise: Noise | None = None
    rivals: bool = True
    database: str | None = None
    step: float | None = None
    annotator: str = "atr"

    @property
    def record(self) -> str:
        """Name that the figures carry, such as ``mitdb/208``, whichever version and copy of the database it is in."""
        if self.data_dir is None:
            return PhysioNetName.parse(self.name).canonical
        folder = self.data_dir.resolve()
        folder = folder.parent if is_version(folder.name) else folder
        return str(RecordName.in_folder(Path("/", self.database) if self.database else folder, self.name))

    def score(self) -> ScoredRecord:
        """Score the record.

        Raises
        ------
        RecordUnsupported
            If it has no annotated beats after the learning period.
        PipelineError
            If it, the noise or a model cannot be read.
        """
        clean = open_record(
            self.name, data_dir=self.data_dir, leads=self.leads, annotator=self.annotator, settings=self.settings
        )
        annotations = clean.annotations()
        if annotations is None:
            raise RecordUnsupported(
                f"record {clean.name!r} has no beat annotations (.{self.annotator}) to be measured against"
            )
        sample, _ = annotations.beats()
        if not (sample >= LEARNING_S * annotations.fs).any():
            raise RecordUnsupported(
                f"record {clean.name!r} has no annotated beat after its learning period of {LEARNING_S / 60:.0f} min"
            )
        record: Record = clean
        if self.noise is not None:
            noise = open_record(self.noise.name, leads=NOISE_LEADS, settings=self.settings)
            record = NoisyRecord(clean, noise, self.noise.snr_db)
        if self.step is not None:
            record = SteppedRecord(record, self.step)
        findings, other_scores = score_by_seeds(
            record,
            [BeatModel.load(path) for path in (*self.models, *(path for _, path in self.beside))],
            threshold=self.settings.threshold,
            alarms=self.settings.alarms,
            peaks=partial(ReferencePeaks, sample, annotations.fs) if self.rpeaks == "reference" else None,
        )
        warnings = list(annotations.notes)
        if self.noise is None:  # the detector finds its own way where there is no reference to go by
            found = findings.r_peak if self.rpeaks == "detected" else _detected(clean)
            odd = odd_time_base(sample, found, fs=clean.fs, annotation_fs=annotations.fs)
            warnings += [] if odd is None else [odd]
        findings = replace(findings, record=self.record)
        return ScoredRecord(findings, annotations, record.n_samples, other_scores, tuple(warnings))

    def run(self) -> EvaluatedRecord:
        """Score the record and hold it against its annotations; raises what :meth:`score` raises."""
        scored = self.score()
        seeds = len(self.models) - 1
        names = [name for name, _ in self.beside]
        measured = evaluate_record(
            scored.findings,
            scored.annotations,
            n_samples=scored.n_samples,
            other_scores=scored.other_scores[:seeds],
            beside=dict(zip(names, scored.other_scores[seeds:], strict=True)),
            detected=None if self.rpeaks == "reference" else scored.findings.r_peak,
            rivals=RIVALS if self.rivals else {},
            snr_db=snr_of(self.record) if self.noise is None else self.noise.snr_db,
        )
        return replace(measured, warnings=scored.warnings)


def _detected(record: Record) -> NDArray[np.int64]:
    """Return the R peaks that the project's own detector finds, in samples of the record."""
    finder = BeatFinder(record.fs, min(len(record.leads), LEADS))
    return np.concatenate([finder.process(chunk.signal[:, :LEADS]).r_peak for chunk in record.chunks()])


class Runnable(Protocol[T_co]):
    """One record to be measured."""

    @property
    def record(self) -> str:
        """Its name."""

    def run(self) -> T_co:
        """Measure it."""


def evaluate_tasks(
    tasks: Sequence[Runnable[T]], *, processes: int = 1
) -> Generator[tuple[Runnable[T], T | str], None, None]:
    """Measure records and yield each with its figures as it finishes, or with the reason why it has none.

    What happens to one leaves the others alone. Closing the iterator stops what has not begun.

    Parameters
    ----------
    tasks : sequence of Task or of another task that runs and names its record
        What to measure.
    processes : int
        How many to measure at the same time; with 1 in this process.
    """
    if processes == 1 or len(tasks) < 2:
        for task in tasks:
            yield task, _attempt(task)
        return
    context = get_context("spawn")  # torch and numba hold threads that do not survive a fork
    with ProcessPoolExecutor(min(processes, len(tasks)), mp_context=context) as pool:
        with without_ctrl_c():
            waiting = {pool.submit(_attempt, task): task for task in tasks}
        try:
            for done in as_completed(waiting):
                yield waiting[done], _outcome(done, waiting[done])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _attempt(task: Runnable[T]) -> T | str:
    try:
        return task.run()
    except PipelineError as error:
        reason = str(error)
    except Exception as error:  # one record's defect is no reason to lose the others' figures
        reason = f"record {task.record!r}: {type(error).__name__}: {error} (a defect: please report it)"
    return " ".join(reason.split())


def _outcome(done: Future[T | str], task: Runnable[T]) -> T | str:
    try:
        return done.result()
    except BrokenProcessPool:
        return f"record {task.record!r}: a process died (out of memory? try fewer --jobs)"


def models_beside(model: Path, seeds: int) -> tuple[Path, ...]:
    """Return a model's file and those of its other seeds that lie beside it, ``seeds`` at the most."""
    others = (model.with_suffix(f".seed{k}{model.suffix}") for k in range(1, seeds))
    return (model, *(path for path in others if path.is_file()))
