"""Fit the detector of fibrillation: ``python -m pipeline.evaluation.fit_fibrillation``, or ``make fibrillation``.

A logistic regression on the features of windows of one lead and their squares, so that every weight can be read.
Positive are windows within annotated ventricular flutter or fibrillation, negative all others that touch no lethal
rhythm: normal and paced rhythm, atrial fibrillation, supraventricular tachycardia, noise, healthy people. The figures
are those of five folds over people, each judged by weights that have not seen them; the weights that ship are fitted on
all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from pipeline.annotations import Annotations
from pipeline.detection.fibrillation import USABLE, WEIGHTS_FILE, FibrillationWeights
from pipeline.evaluation.challenge import read_alarms
from pipeline.evaluation.protocol import DS1
from pipeline.evaluation.rhythm_alarms import FIBRILLATION, rhythm_spans
from pipeline.records import Record
from pipeline.signals.beats import BeatFinder
from pipeline.signals.resample import FS
from pipeline.signals.window_features import FEATURES, SPAN, WINDOW_FS
from pipeline.signals.windows import WindowStage
from pipeline.sources import open_record

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
    """Windows of one lead each: features, whether they are of fibrillation, and the person as a number."""

    features: Array
    positive: NDArray[np.bool_]
    person: NDArray[np.int64]

    def of(self, keep: NDArray[np.bool_]) -> Examples:
        """Return a part."""
        return Examples(self.features[keep], self.positive[keep], self.person[keep])


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


def examples(folders: Sequence[Path], seed: int = 0) -> Iterator[tuple[str, Examples]]:
    """Yield the windows of every record in some folders, with the record's name."""
    rng = np.random.default_rng(seed)
    person = 0
    for folder in folders:
        database = _database(folder)
        truths = {one.record: one for one in read_alarms(folder)} if (folder / "ALARMS").is_file() else {}
        for header in sorted(folder.glob("*.hea")):
            if database == "nstdb" and header.stem in ("bw", "em", "ma"):
                continue
            if database == "mitdb" and f"mitdb/{header.stem}" not in DS1:
                continue
            record = open_record(header.stem, data_dir=folder)
            stop, features, usable = windows_of(record)
            truth = truths.get(header.stem)
            if truth is None:
                labels = labels_of(stop, record.annotations(), record.n_samples / record.fs)
            else:
                labels = challenge_labels(stop, truth.kind, truth.is_true)
            kept = (labels == 1) | ((labels == 0) & (rng.random(len(labels)) < SHARES.get(database, 1.0)))
            keep = usable & kept[:, None]
            of = np.broadcast_to(labels[:, None] == 1, keep.shape)[keep]
            yield record.name, Examples(features[keep], of, np.full(len(of), person))
            person += 1


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


def held_out(data: Examples, seed: int = 0) -> Array:
    """Return the log odds of each window by weights that have not seen its person."""
    folds = np.random.default_rng(seed).integers(0, FOLDS, int(data.person.max()) + 1)[data.person]
    odds = np.empty(len(data.positive))
    for fold in range(FOLDS):
        odds[folds == fold] = fit(data.of(folds != fold)).log_odds(data.features[folds == fold])
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
    parts = [part for _, part in examples(folders)]
    data = Examples(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.positive for part in parts]),
        np.concatenate([part.person for part in parts]),
    )
    odds = held_out(data)
    click.echo(f"{len(data.positive):,} windows of {len(parts)} records, {data.positive.sum():,} of fibrillation")
    click.echo(f"AUROC on people not seen: {auroc(odds, data.positive):.4f}")
    for bar in (0.0, 2.0):
        found, false = (odds > bar)[data.positive].mean(), (odds > bar)[~data.positive].mean()
        click.echo(f"log odds above {bar:g}: {100 * found:.1f} % of fibrillation, {100 * false:.2f} % of the others")
    save(fit(data), ", ".join(_database(folder) for folder in folders))


if __name__ == "__main__":
    main()
