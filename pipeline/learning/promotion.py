"""Whether a new model takes the place of the current one: held side by side on records that neither should have seen.

The records of the test set (DS2) have no say here: no choice is made on them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from pipeline.detection.model import DEFAULT_MODEL, BeatModel
from pipeline.detection.sequence.training import SequenceSettings
from pipeline.detection.training import TrainingSettings
from pipeline.errors import ModelError, PipelineError
from pipeline.evaluation import DS1, DS2, PACED, evaluate
from pipeline.evaluation.run import Task, evaluate_tasks
from pipeline.learning.training import train_model
from pipeline.settings import Settings
from pipeline.sources.names import PhysioNetName
from pipeline.storage.database import ModelStore, current_model
from pipeline.whole_file import private_folder

__all__ = [
    "FIGURE",
    "MARGIN",
    "TRAINING_RECORDS",
    "VALIDATION_RECORDS",
    "Comparison",
    "Promotion",
    "compare",
    "model_in_use",
    "train_and_promote",
]

FIGURE = "macro.auprc"
"""What decides: the mean over records of the area under precision and recall, on the project's own R peaks."""

MARGIN = 0.001
"""What it must win by. The five shipped seeds deviate by 0.0003 on the validation records, and a change costs: every
record is scored anew, and live patients begin anew."""

VALIDATION_RECORDS = tuple(f"mitdb/{i}" for i in (106, 118, 208, 209, 223))  # of DS1, with S, V and F beats among them
TRAINING_RECORDS = tuple(name for name in DS1 if name not in VALIDATION_RECORDS)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same records.

    Attributes
    ----------
    candidate, current : dict of str to float
        Figures of each, such as ``macro.auprc``; those without a value are left out.
    seen : tuple of str
        Validation records that the current model was trained on, which is to its advantage.
    """

    candidate: dict[str, float]
    current: dict[str, float]
    seen: tuple[str, ...]

    @property
    def is_better(self) -> bool:
        """True if the candidate's :data:`FIGURE` is greater by more than :data:`MARGIN`."""
        return self.candidate[FIGURE] > self.current[FIGURE] + MARGIN


@dataclass(frozen=True, slots=True)
class Promotion:
    """What became of a new model.

    Attributes
    ----------
    checksum : str
        Of the new model.
    current : str
        Of the model that is the current one now: the new one, if it was published.
    comparison : Comparison
        Their figures.
    facts : dict
        What the new model's card states.
    """

    checksum: str
    current: str
    comparison: Comparison
    facts: dict[str, object]

    @property
    def is_published(self) -> bool:
        """True if the new model took the place of the current one; the same training gives the same model again."""
        return self.comparison.is_better


def model_in_use(settings: Settings) -> Path:
    """Return the file of the model that was published last, or of the one that ships if none was.

    Raises
    ------
    ModelError
        If the file of the published model is gone.
    """
    return current_model(settings.models) or DEFAULT_MODEL


def compare(
    candidate: Path, current: Path, records: Sequence[str], settings: Settings, *, data_dir: Path | None = None
) -> Comparison:
    """Measure two models on the same annotated records.

    Parameters
    ----------
    candidate, current : Path
        Files of the models.
    records : sequence of str
        Names of annotated records, as :func:`pipeline.sources.open_record` takes them.
    settings : Settings
        Where records come from; threshold and alarms.
    data_dir : Path, optional
        A folder of WFDB records, in place of PhysioNet.

    Raises
    ------
    ValueError
        If there are no records, or one is of the test set.
    ModelError
        If the records hold too few anomalies to tell.
    PipelineError
        If a record or a model cannot be read: a choice on a part of the records would be another one.
    """
    _check(records, data_dir)
    ours = _figures(candidate, records, settings, data_dir)
    theirs = _figures(current, records, settings, data_dir)
    if FIGURE not in ours or FIGURE not in theirs:
        raise ModelError(
            f"validation on {', '.join(records)}: no record has ten annotated anomalies after 5:00, so no model can be "
            "told from another; name others"
        )
    trained_on = BeatModel.load(current).facts.get("records", [])
    return Comparison(ours, theirs, tuple(name for name in records if name in trained_on))


def train_and_promote(
    records: Sequence[str],
    validation: Sequence[str],
    store: ModelStore,
    settings: Settings,
    *,
    at_us: int,
    data_dir: Path | None = None,
    validation_dir: Path | None = None,
    epochs: int = 4,
    sequence_passes: int | None = None,
    seed: int = 0,
    progress: Callable[[float, float], None] | None = None,
) -> Promotion:
    """Train a model and publish it with its card if it is better than the current one on the validation records.

    The model that ships is published first where none was, so that it can be restored as well.

    Parameters
    ----------
    records, validation : sequence of str
        What to train on, and what to decide on; none may be in both.
    store : ModelStore
        Where models are published.
    settings : Settings
        Where records come from; threshold and alarms.
    at_us : int
        The time now, in microseconds since 1970 UTC.
    data_dir, validation_dir : Path, optional
        Folders of WFDB records to train and to decide on, in place of PhysioNet.
    epochs, seed, progress
        As :func:`pipeline.learning.training.train_model` takes them.
    sequence_passes : int, optional
        Passes of the sequence network, as many as of the model that ships by default.

    Raises
    ------
    ValueError
        If a record is in both, or is of the test set.
    ModelError
        If the records are too few to train on or to decide on.
    PipelineError
        If a record cannot be read, or the model cannot be published; then the current one still is.
    """
    _check(records, data_dir)
    _check(validation, validation_dir)
    if data_dir == validation_dir and (both := set(map(_plain, records)) & set(map(_plain, validation))):
        raise ValueError(f"{', '.join(sorted(both))}: trained and validated on; a model is not judged by what it knows")
    if store.pointer is None:
        shipped = BeatModel.load(DEFAULT_MODEL).facts.get("cross_validation", {})
        store.publish(DEFAULT_MODEL, at_us=at_us - 1, figures={"shipped": "yes", **_finite(shipped)})
    current = model_in_use(settings)
    private_folder(settings.state_dir)
    with tempfile.TemporaryDirectory(prefix="training-", dir=settings.state_dir) as folder:
        file = Path(folder) / "model.safetensors"
        facts = train_model(
            records,
            data_dir=data_dir,
            out=file,
            how=TrainingSettings(epochs=epochs, seed=seed),
            sequence=SequenceSettings() if sequence_passes is None else SequenceSettings(passes=sequence_passes),
            settings=settings,
            progress=progress,
        )
        comparison = compare(file, current, validation, settings, data_dir=validation_dir)
        checksum = BeatModel.load(file).checksum
        if comparison.is_better:
            figures = {**comparison.candidate, "before": round(comparison.current[FIGURE], 4)}
            store.publish(file, at_us=at_us, figures=figures)
    now = checksum if comparison.is_better else BeatModel.load(current).checksum
    return Promotion(checksum, now, comparison, facts)


def _check(records: Sequence[str], data_dir: Path | None) -> None:
    if not records:
        raise ValueError("no records: name some to train on, and others to decide on")
    if data_dir is None and (tested := set(map(_plain, records)) & {*DS2, *PACED}):
        raise ValueError(
            f"{', '.join(sorted(tested))}: paced or of the test set DS2; nothing is trained or chosen on those"
        )


def _plain(name: str) -> str:
    """Return a record's name without its version."""
    parsed = PhysioNetName.parse(name)
    return f"{parsed.database}/{parsed.path}" if parsed.path else parsed.database


def _figures(model: Path, records: Sequence[str], settings: Settings, data_dir: Path | None) -> dict[str, float]:
    tasks = [Task(name, settings, (model,), "detected", data_dir, rivals=False) for name in records]
    measured = []
    for task, outcome in evaluate_tasks(tasks):
        if isinstance(outcome, str):
            raise PipelineError(f"validation on {task.record}: {outcome}")
        measured.append(outcome)
    return _finite(evaluate(measured, track="detected", n_boot=1).strict.ranking.figures)


def _finite(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in figures.items() if isfinite(value)}
