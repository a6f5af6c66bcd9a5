"""From records to a model file: beats in context, cross-validated scores, calibration, final fit, model card."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import aami_class
from pipeline.detection.contextual import ContextualBeats
from pipeline.detection.guesses import gaussian
from pipeline.detection.model import BeatModel
from pipeline.detection.network import LSTMAutoencoder, Shape, inputs, save_model
from pipeline.detection.population import Population
from pipeline.detection.scorer import Prepared, Scorer, Scores
from pipeline.detection.training import Examples, Fit, TrainingSettings, train
from pipeline.errors import ModelError, RecordUnsupported
from pipeline.evaluation.beats import judge
from pipeline.evaluation.matching import match_beats
from pipeline.evaluation.protocol import DS1, LEARNING_S
from pipeline.evaluation.ranking import ranking
from pipeline.evaluation.result import package_versions
from pipeline.records import Record
from pipeline.settings import Settings
from pipeline.signals.beats import BeatFinder
from pipeline.signals.resample import FS
from pipeline.sources import open_record

__all__ = ["sibling", "train_model"]

FOLDS = 5
FEWEST_NORMAL = 100  # beats that tell how a person's are spread
FEWEST_ABNORMAL = 10
Progress = Callable[[int, int, float], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Beats:
    """One record's beats in context, with what the annotations say of them."""

    record: Record
    beats: ContextualBeats
    examples: Examples
    r_peak: NDArray[np.int64]
    scorable: NDArray[np.bool_]
    aami: NDArray[np.str_] | None  # AAMI class of each detected beat, "" for none


def train_model(
    records: Sequence[str] | None,
    *,
    data_dir: Path | None = None,
    out: Path,
    seed: int = 0,
    seeds: int = 1,
    epochs: int = 4,
    one_class: bool = False,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a model, calibrate it on records that it has not seen, and write it with its card.

    The records are split into five folds; each fold's beats are scored by a network that was trained on the others.
    These scores give the figures of the card and the population of the thresholds, which so is that of new patients.
    The network that is written is then trained on all records, for as many passes as the folds needed.

    Parameters
    ----------
    records : sequence of str or None
        Names of the records; the training half of mitdb (DS1) by default.
    data_dir : Path, optional
        Folder of WFDB records, in place of PhysioNet.
    out : Path
        The model's file; the card stands beside it with the ending ``.md``, and takes up ``NAME.notes.md`` if there
        is one.
    seed : int
        Seed of everything that is drawn.
    seeds : int
        Networks that are trained on all records in the end, with as many seeds: the first is the model, the others lie
        beside it (:func:`sibling`), so that an evaluation can tell what is chance.
    epochs : int
        Passes over the beats, at the most.
    one_class : bool
        If True, only beats that are annotated as normal are learnt; by default all are, without labels.
    settings : Settings, optional
        Where PhysioNet is, and how it is asked.
    progress : callable, optional
        Called with steps done, steps in all, and the loss.

    Returns
    -------
    dict
        What the card states.

    Raises
    ------
    ModelError
        If there are fewer records than folds, or the file cannot be written.
    SourceError
        If a record cannot be read.
    """
    names = list(DS1) if records is None else list(records)
    if len(names) < FOLDS:
        raise ModelError(f"{len(names)} records are too few: cross-validation takes {FOLDS} at least")
    shape = Shape()
    opened = [open_record(name, data_dir=data_dir, settings=settings) for name in names]
    parts = [_in_context(record, shape) for record in opened]
    if one_class and any(part.aami is None for part in parts):
        bare = next(part.record.name for part in parts if part.aami is None)
        raise RecordUnsupported(f"{bare} has no annotations: leave out --one-class, or the record")
    how = TrainingSettings(epochs=epochs, seed=seed)
    steps = _Steps(progress, FOLDS + seeds)
    learnt = [_learnable(part, one_class) for part in parts]
    scores: dict[str, Scores] = {}
    fits: list[Fit] = []
    for fold in range(FOLDS):
        held_out = range(fold, len(parts), FOLDS)
        training = [learnt[i] for i in range(len(parts)) if i not in held_out]
        fit = train(training, [learnt[i] for i in held_out], shape=shape, settings=how, progress=steps.next())
        fits.append(fit)
        for i in held_out:
            scores[parts[i].record.name] = _score(parts[i], fit.network)
    passes = round(float(np.median([int(np.argmin(fit.validation_loss)) + 1 for fit in fits])))
    finals = [
        train(learnt, shape=shape, settings=replace(how, epochs=passes, seed=seed + k), progress=steps.next())
        for k in range(seeds)
    ]
    final = finals[0]
    facts = {
        "population": _population(parts, scores),
        "records": names,
        "data": "mitdb 1.0.0, records DS1 (de Chazal et al. 2004)" if records is None else "records given by name",
        "licence_of_data": "ODC-By 1.0" if records is None else "that of the records",
        "labels": "normal beats only" if one_class else "none (all beats)",
        "beats": int(sum(len(part.residual) for part in learnt)),
        "seed": seed,
        "passes": passes,
        "parameters": sum(p.numel() for p in final.network.parameters()),
        "training_loss": list(final.training_loss),
        "held_out_loss": [min(fit.validation_loss) for fit in fits],
        "cross_validation": _figures(parts, scores),
        "versions": package_versions() | {"platform": platform.machine()},
    }
    try:
        for k, fit in enumerate(finals):
            save_model(sibling(out, k), fit.network, facts | {"seed": seed + k})
        notes = out.with_suffix(".notes.md")  # what a person has to say of the model
        out.with_suffix(".md").write_text(_card(out, facts) + (f"\n{notes.read_text()}" if notes.is_file() else ""))
    except OSError as error:
        raise ModelError(f"cannot write {out} ({error.strerror}): choose another --out") from error
    return facts


def sibling(model: Path, k: int) -> Path:
    """Return where the network of the ``k``-th seed lies: the model itself, then ``NAME.seed1.safetensors``, ..."""
    return model if k == 0 else model.with_suffix(f".seed{k}{model.suffix}")


class _Steps:
    """Turn the steps of several fits into one count."""

    def __init__(self, progress: Progress | None, fits: int) -> None:
        self._progress, self._fits, self._fit = progress, fits, -1

    def next(self) -> Progress | None:
        self._fit += 1
        return None if self._progress is None else self._report

    def _report(self, step: int, total: int, loss: float) -> None:
        assert self._progress is not None  # noqa: S101 - next() has checked
        self._progress(self._fit * total + step, self._fits * total, loss)


def _in_context(record: Record, shape: Shape) -> _Beats:
    finder = BeatFinder(record.fs, len(record.leads))
    scorer = Scorer(_bare_model(LSTMAutoencoder(shape)), len(record.leads))
    parts, peaks = [], []
    for chunk in record.chunks():
        beats = finder.process(chunk.signal)
        parts.append(scorer.prepare(beats.sample / FS, beats.window, beats.present, beats.broken).beats)
        peaks.append(beats.r_peak)
    joined = ContextualBeats(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ContextualBeats.__slots__)
    )
    r_peak = np.concatenate(peaks)
    return _Beats(record, joined, Examples(*inputs(joined, shape)), r_peak, joined.member >= 0, _aami(record, r_peak))


def _aami(record: Record, r_peak: NDArray[np.int64]) -> NDArray[np.str_] | None:
    annotations = record.annotations()
    if annotations is None:
        return None
    sample, symbol = annotations.beats()
    pairs = match_beats(sample, r_peak, record.fs, leave_out=annotations.flutter(), start_s=0.0)
    out = np.full(len(r_peak), "", dtype="U1")
    out[pairs.detection] = [aami_class(s) or "" for s in symbol[pairs.reference]]
    return out


def _learnable(part: _Beats, one_class: bool) -> Examples:
    keep = part.scorable
    if one_class and part.aami is not None:
        keep = keep & (part.aami == "N")
    return Examples(part.examples.residual[keep], part.examples.condition[keep])


def _bare_model(network: LSTMAutoencoder) -> BeatModel:
    return BeatModel(network.eval(), gaussian(), "", {})


def _score(part: _Beats, network: LSTMAutoencoder) -> Scores:
    scorer = Scorer(_bare_model(network), part.beats.present.shape[1])
    rebuilt = network.run(part.examples.residual, part.examples.condition)
    return scorer.finish(Prepared(part.beats, part.examples.residual, part.examples.condition), rebuilt)


def _population(parts: Sequence[_Beats], scores: dict[str, Scores]) -> dict[str, Any]:
    """Measure how the held-out scores of normal and abnormal beats are spread.

    Where nobody has annotated a record, its usual beats stand for the normal ones, and it tells nothing of the others.
    """
    out = {}
    for kind, groups in (("score", ("VF", "S")), ("shape", ("VF",))):
        normal: list[NDArray[np.float64]] = []
        abnormal: list[list[NDArray[np.float64]]] = [[] for _ in groups]
        for part in parts:
            values = getattr(scores[part.record.name], kind)
            late = (part.r_peak >= LEARNING_S * part.record.fs) & part.scorable
            usual = part.beats.near & part.beats.on_time if part.aami is None else part.aami == "N"
            if (usual & late).sum() >= FEWEST_NORMAL:
                normal.append(values[usual & late])
            for group, letters in zip(abnormal, groups, strict=True):
                chosen = late & (np.isin(part.aami, list(letters)) if part.aami is not None else np.False_)
                if chosen.sum() >= FEWEST_ABNORMAL:
                    group.append(values[chosen])
        if not normal:
            raise ModelError(f"no record has {FEWEST_NORMAL} normal beats after 5:00: training takes longer records")
        out[kind] = Population.measured(normal, abnormal).to_dict()
    return out


def _figures(parts: Sequence[_Beats], scores: dict[str, Scores]) -> dict[str, float]:
    judged = []
    for part in parts:
        annotations = part.record.annotations()
        if annotations is None:
            continue
        columns = {"score": scores[part.record.name].score}
        fs, length = part.record.fs, part.record.n_samples
        judged.append(judge(part.record.name, annotations, part.r_peak, columns, fs=fs, n_samples=length))
    if not judged:
        return {}
    figures = ranking(judged, n_boot=200, seed=0)
    return {name: round(value, 4) for name, value in figures.figures.items()}


def _card(out: Path, facts: dict[str, Any]) -> str:
    figures = facts["cross_validation"]
    rows = "\n".join(f"| {name} | {value:.4f} |" for name, value in figures.items())
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return f"""# Model card: {out.stem}

Not a medical device.

- **What it is**: an LSTM autoencoder of {facts["parameters"]} parameters that rebuilds the residual of a heartbeat
  against the patient's own running beat. Weights and population lie in `{out.name}` (safetensors).
- **Data**: {facts["data"]}; {len(facts["records"])} records, {facts["beats"]} beats. Licence of the data:
  {facts["licence_of_data"]}.
- **Labels in training**: {facts["labels"]}. The population (how the scores of each
  person's normal beats and of abnormal beats are spread) and the constants of the score were chosen with the labels of
  the same records, by five-fold cross-validation over records.
- **Seed** {facts["seed"]}, {facts["passes"]} passes. Mean absolute error on held-out folds, in units of the patient's
  noise: {", ".join(f"{loss:.3f}" for loss in facts["held_out_loss"])}.
- **Reproduce**: `ecg-anomaly train --out {out.name} --seed {facts["seed"]}`
- **Versions**: {versions}.

## Figures on the training records, each scored by a network that had not seen it

Own R-peak detector, from 5:00, anomaly = AAMI S, V or F (missed beats count as missed anomalies).

| figure | value |
|---|---|
{rows}

## Limits

Trained on 30-minute, two-lead ambulatory records of {len(facts["records"])} people, sampled at 360 Hz. Paced rhythm and
ventricular flutter were left out. Atrial fibrillation raises the score where normal beats are irregular.
"""
