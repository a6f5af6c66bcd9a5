"""Fit the detector of fibrillation: ``python -m pipeline.evaluation.fit_fibrillation``, or ``make fibrillation``.

A logistic regression on the features of windows of one lead and their squares, so that every weight can be read.
Positive are windows within annotated ventricular flutter or fibrillation, negative all others that touch no lethal
rhythm: normal and paced rhythm, atrial fibrillation, supraventricular tachycardia, noise, healthy people. The figures
are those of five folds over people, each judged by weights that have not seen them; the weights that ship are fitted on
all of them. A person's fold is a matter of the name alone, so that other commands hold out the same people.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from pipeline.annotations import Annotations
from pipeline.detection.fibrillation import USABLE, WEIGHTS_FILE, FibrillationWeights
from pipeline.errors import PipelineError
from pipeline.evaluation.challenge import read_alarms
from pipeline.evaluation.protocol import DS1
from pipeline.evaluation.rhythm_alarms import FIBRILLATION, rhythm_spans
from pipeline.evaluation.run import NOISES, evaluate_tasks
from pipeline.records import Record
from pipeline.signals.beats import BeatFinder
from pipeline.signals.resample import FS
from pipeline.signals.window_features import FEATURES, SPAN, WINDOW_FS
from pipeline.signals.windows import WindowStage
from pipeline.sources import open_record

__all__ = ["FOLDS", "ExampleTask", "Examples", "fit", "fold_of", "gather", "person_of", "weights_of_folds"]

FOLDS = 5
PENALTY = 5.0  # of the squared weights, beside the sum of log losses
MARGIN_S = 1.0  # windows so near to a lethal rhythm are neither positive nor negative
SECONDS = SPAN / WINDOW_FS
# Of healthy and annotated people there are so many windows that a part of them says the same.
SHARES = {"vfdb": 1.0, "cudb": 1.0, "nsrdb-2h": 0.03, "mitdb": 0.12, "svdb": 0.05, "nstdb": 0.2, "challenge-2015": 0.25}
TAIL = 0.001  # share of the windows beyond which a feature is clipped
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Windows of one lead each: features, whether they are of fibrillation, and the fold of the person."""

    features: Array
    positive: NDArray[np.bool_]
    fold: NDArray[np.int64]

    def of(self, keep: NDArray[np.bool_]) -> Examples:
        """Return a part."""
        return Examples(self.features[keep], self.positive[keep], self.fold[keep])


def windows_of(record: Record) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Return when each window of a record ends in s, its features, and which leads of it are usable."""
    leads = min(2, len(record.leads))
    finder, stage = BeatFinder(record.fs, leads), WindowStage(leads)
    parts = []
    for chunk in record.chunks():
        finder.process(chunk.signal[:, :leads])
        parts.append(stage.process(*finder.fresh()))
    stop = np.concatenate([part.stop for part in parts]) / FS
    features = np.concatenate([part.features for part in parts])
    return stop, features, np.concatenate([part.absent for part in parts]) <= USABLE


def labels_of(stop: Array, annotations: Annotations | None, length_s: float) -> NDArray[np.int8]:
    """Return 1 for a window within fibrillation or flutter, 0 for one that touches no lethal rhythm, -1 for others."""
    labels = np.zeros(len(stop), dtype=np.int8)
    for span in rhythm_spans(annotations, length_s):
        if span.sort != "lethal":
            continue
        near = (stop > span.start_s - MARGIN_S) & (stop - SECONDS < span.stop_s + MARGIN_S)
        labels[near & (labels == 0)] = -1
        if span.label in FIBRILLATION:
            labels[(stop - SECONDS >= span.start_s) & (stop <= span.stop_s)] = 1
    return labels


def challenge_labels(stop: Array, kind: str, is_true: bool) -> NDArray[np.int8]:
    """Return the labels of a record of the Challenge 2015, of which experts judged the 10 s up to 5:00 alone."""
    labels = np.zeros(len(stop), dtype=np.int8)
    if kind == "Ventricular_Tachycardia" and is_true:
        labels[:] = -1
    if kind == "Ventricular_Flutter_Fib":
        labels[:] = -1
        labels[(stop >= (296.0 if is_true else 290.0)) & (stop <= 300.0)] = int(is_true)
    return labels


def person_of(folder: Path, record: str) -> str:
    """Return whose record it is: the records of nstdb are two people of mitdb under noise.

    >>> person_of(Path("nstdb"), "118e06"), person_of(Path("vfdb"), "418")
    ('mitdb/118', 'vfdb/418')
    """
    database = _database(folder)
    return f"mitdb/{record[:3]}" if database == "nstdb" else f"{database}/{record}"


def fold_of(person: str) -> int:
    """Return the fold in which a person is held out."""
    return zlib.crc32(person.encode()) % FOLDS


@dataclass(frozen=True, slots=True)
class ExampleTask:
    """One record whose windows are to be cut.

    Attributes
    ----------
    folder : Path
        Its folder.
    name : str
        Its name there.
    seed : int
        Of the choice among negative windows.
    """

    folder: Path
    name: str
    seed: int = 0

    @property
    def record(self) -> str:
        """Name of the record."""
        return self.name

    def run(self) -> Examples:
        """Cut and label them; raises PipelineError if the record cannot be read."""
        database, truth = _database(self.folder), None
        if (self.folder / "ALARMS").is_file():
            truth = next((one for one in read_alarms(self.folder) if one.record == self.name), None)
        record = open_record(self.name, data_dir=self.folder)
        stop, features, usable = windows_of(record)
        if truth is None:
            labels = labels_of(stop, record.annotations(), record.n_samples / record.fs)
        else:
            labels = challenge_labels(stop, truth.kind, truth.is_true)
        person = person_of(self.folder, self.name)
        rng = np.random.default_rng([self.seed, zlib.crc32(f"{database}/{self.name}".encode())])
        kept = (labels == 1) | ((labels == 0) & (rng.random(len(labels)) < SHARES.get(database, 1.0)))
        keep = usable & kept[:, None]
        of = np.broadcast_to(labels[:, None] == 1, keep.shape)[keep]
        return Examples(features[keep], of, np.full(len(of), fold_of(person)))


def gather(folders: Sequence[Path], *, seed: int = 0, processes: int = 1) -> tuple[Examples, dict[str, str]]:
    """Return the windows of all records in some folders, of mitdb those of DS1; and why others could not be read.

    Returns
    -------
    examples : Examples
        The windows of those that could.
    failed : dict of str to str
        The reason of each other, by record.

    Raises
    ------
    PipelineError
        If no record could be read.
    """
    tasks = []
    for folder in folders:
        database = _database(folder)
        for header in sorted(folder.glob("*.hea")):
            is_noise = database == "nstdb" and f"nstdb/{header.stem}" in NOISES
            if not is_noise and (database != "mitdb" or f"mitdb/{header.stem}" in DS1):
                tasks.append(ExampleTask(folder, header.stem, seed))
    parts: dict[object, Examples] = {}
    failed: dict[str, str] = {}
    with closing(evaluate_tasks(tasks, processes=processes)) as running:
        for task, part in running:
            if isinstance(part, str):
                failed[str(task.record)] = part
            else:
                parts[task] = part
    if not parts:
        raise PipelineError(next(iter(failed.values()), "there is no record to fit the detector of fibrillation on"))
    read = [parts[task] for task in tasks if task in parts]  # in their order, whichever was done first
    columns = [[getattr(part, name) for part in read] for name in ("features", "positive", "fold")]
    return Examples(*(np.concatenate(column) for column in columns)), failed


def _database(folder: Path) -> str:
    return next((name for name in SHARES if name in folder.resolve().parts), folder.name)


def fit(data: Examples) -> FibrillationWeights:
    """Fit the weights to examples."""
    low, high = np.quantile(data.features, [TAIL, 1.0 - TAIL], axis=0)
    clipped = np.clip(data.features, low, high)
    centre, scale = clipped.mean(axis=0), clipped.std(axis=0) + 1e-9
    z = (clipped - centre) / scale
    inputs = np.concatenate([z, z * z], axis=1)

    def loss(weights: Array) -> tuple[float, Array]:
        odds = inputs @ weights[:-1] + weights[-1]
        value = np.logaddexp(0.0, odds).sum() - odds[data.positive].sum() + PENALTY * (weights[:-1] ** 2).sum()
        error = expit(odds) - data.positive
        return float(value), np.append(inputs.T @ error + 2.0 * PENALTY * weights[:-1], error.sum())

    weights = minimize(loss, np.zeros(inputs.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    n = len(FEATURES)
    return FibrillationWeights(FEATURES, low, high, centre, scale, weights[:n], weights[n:-1], float(weights[-1]))


def auroc(odds: Array, positive: NDArray[np.bool_]) -> float:
    """Return the area under the curve: how often a positive window lies above a negative one."""
    rank = np.argsort(np.argsort(odds)) + 1
    n = int(positive.sum())
    return float((rank[positive].sum() - n * (n + 1) / 2) / (n * (len(odds) - n)))


def weights_of_folds(data: Examples) -> tuple[FibrillationWeights, ...]:
    """Return the weights fitted without the people of each fold."""
    return tuple(fit(data.of(data.fold != fold)) for fold in range(FOLDS))


def held_out(data: Examples) -> Array:
    """Return the log odds of each window by weights that have not seen its person."""
    odds = np.empty(len(data.positive))
    for fold, weights in enumerate(weights_of_folds(data)):
        odds[data.fold == fold] = weights.log_odds(data.features[data.fold == fold])
    return odds


def save(weights: FibrillationWeights, data: str, path: Path = WEIGHTS_FILE) -> None:
    """Write weights as JSON, by feature."""
    names = ("low", "high", "centre", "scale", "linear", "square")
    features = {
        feature: {name: round(float(getattr(weights, name)[i]), 5) for name in names}
        for i, feature in enumerate(FEATURES)
    }
    facts = {"data": data, "bias": round(weights.bias, 5), "features": features}
    path.write_text(json.dumps(facts, indent=1) + "\n")


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(folders: tuple[Path, ...]) -> None:
    """Fit on the records of FOLDERS, report cross-validated figures, and write the weights that ship."""
    data, failed = gather(folders, processes=os.cpu_count() or 1)
    for name in sorted(failed):
        click.echo(f"left out: {failed[name]}", err=True)
    odds = held_out(data)
    click.echo(f"{len(data.positive):,} windows, {data.positive.sum():,} of fibrillation")
    click.echo(f"AUROC on people not seen: {auroc(odds, data.positive):.4f}")
    for bar in (0.0, 2.0):
        found, false = (odds > bar)[data.positive].mean(), (odds > bar)[~data.positive].mean()
        click.echo(f"log odds above {bar:g}: {100 * found:.1f} % of fibrillation, {100 * false:.2f} % of the others")
    save(fit(data), ", ".join(_database(folder) for folder in folders))


if __name__ == "__main__":
    main()
