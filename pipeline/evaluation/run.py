"""Run an evaluation: records by name through the one monitor, in this process or in several."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from pipeline.detection.model import DEFAULT_MODEL, BeatModel
from pipeline.errors import PipelineError, RecordUnsupported
from pipeline.evaluation.noise import NoisyRecord
from pipeline.evaluation.protocol import LEARNING_S
from pipeline.evaluation.result import EvaluatedRecord, evaluate_record
from pipeline.evaluation.rivals import RIVALS
from pipeline.monitor import Monitor
from pipeline.records import Findings, Record
from pipeline.settings import Settings
from pipeline.signals.beats import ReferencePeaks
from pipeline.sources import open_record

__all__ = ["Noise", "Task", "evaluate_tasks", "models_beside", "snr_of"]

NOISES = "nstdb"
NOISE_LEADS = ("noise1", "noise2")


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise to mix in: the name of a record of nstdb (``bw``, ``em``, ``ma``), and the signal-to-noise ratio in dB."""

    name: str
    snr_db: float


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
    """

    name: str
    settings: Settings
    models: tuple[Path, ...] = (DEFAULT_MODEL,)
    rpeaks: str = "reference"
    data_dir: Path | None = None
    leads: tuple[str, ...] | None = None
    noise: Noise | None = None
    rivals: bool = True

    def run(self) -> EvaluatedRecord:
        """Measure the record.

        Raises
        ------
        RecordUnsupported
            If it has no annotated beats after the learning period.
        PipelineError
            If it, the noise or a model cannot be read.
        """
        opened = open_record(self.name, data_dir=self.data_dir, leads=self.leads, settings=self.settings)
        annotations = opened.annotations()
        if annotations is None:
            raise RecordUnsupported(f"record {opened.name!r} has no beat annotations to be measured against")
        sample, _ = annotations.beats()
        if not (sample >= LEARNING_S * annotations.fs).any():
            raise RecordUnsupported(
                f"record {opened.name!r} has no annotated beat after its learning period of {LEARNING_S / 60:.0f} min"
            )
        record: Record = opened
        if self.noise is not None:
            noise = open_record(f"{NOISES}/{self.noise.name}", leads=NOISE_LEADS, settings=self.settings)
            record = NoisyRecord(record, noise, self.noise.snr_db)
        on_reference = self.rpeaks == "reference"
        scale = record.fs / annotations.fs

        def peaks() -> ReferencePeaks:
            return ReferencePeaks((sample * scale).round().astype(int), record.fs)

        runs = []
        for path in self.models:
            monitor = Monitor(
                BeatModel.load(path),
                threshold=self.settings.threshold,
                alarms=self.settings.alarms,
                peaks=peaks if on_reference else None,
            )
            runs.append(Findings.concatenate(list(monitor.stream(record))))
        return evaluate_record(
            runs,
            annotations,
            n_samples=record.n_samples,
            detected=None if on_reference else runs[0].r_peak,
            rivals=RIVALS if self.rivals else {},
        )


def evaluate_tasks(tasks: Sequence[Task], *, processes: int = 1) -> Iterator[tuple[Task, EvaluatedRecord | str]]:
    """Measure records and yield each with its figures as it finishes, or with the reason why it has none.

    Parameters
    ----------
    tasks : sequence of Task
        What to measure.
    processes : int
        How many to measure at the same time; with 1 in this process.
    """
    if processes == 1 or len(tasks) < 2:
        for task in tasks:
            yield task, _attempt(task)
        return
    context = get_context("spawn")  # torch and numba hold threads that do not survive a fork
    with ProcessPoolExecutor(min(processes, len(tasks)), mp_context=context, initializer=_ignore_ctrl_c) as pool:
        waiting = {pool.submit(_attempt, task): task for task in tasks}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _ignore_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it reaches the whole group; the parent decides


def _attempt(task: Task) -> EvaluatedRecord | str:
    try:
        return task.run()
    except PipelineError as error:
        return " ".join(str(error).split())


def models_beside(model: Path, seeds: int) -> tuple[Path, ...]:
    """Return a model's file and those of its other seeds that lie beside it, ``seeds`` at the most."""
    others = (model.with_suffix(f".seed{k}{model.suffix}") for k in range(1, seeds))
    return (model, *(path for path in others if path.is_file()))


def snr_of(record: str) -> int | None:
    """Return the signal-to-noise ratio in dB that a name of nstdb states, -6 for ``nstdb/118e_6``; None for others."""
    found = re.fullmatch(rf"(?:.*/)?{NOISES}/(?:.*/)?\d+e(_?\d+)", record)
    return None if found is None else int(found[1].replace("_", "-"))
