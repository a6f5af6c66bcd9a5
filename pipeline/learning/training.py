"""From records to a model file: beats in context, cross-validated scores, calibration, final fit, model card."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.lstm_autoencoder import LSTMAutoencoder
from pipeline.detection.networks import NETWORKS, save_model
from pipeline.detection.population import Population
from pipeline.detection.reading import Shape
from pipeline.detection.sequence.network import SequenceNetwork
from pipeline.detection.sequence.training import SequenceSettings, train_sequence
from pipeline.detection.shipped import MODEL_SUFFIX
from pipeline.detection.training import Fit, TrainingSettings, train
from pipeline.errors import ModelError, RecordUnsupported
from pipeline.evaluation.protocol import DS1, LEARNING_S, SVDB_DEV
from pipeline.evaluation.result import package_versions
from pipeline.learning.crossvalidation import RecordBeats, cross_validate, figures_of, in_context, learnable
from pipeline.learning.model_card import model_card
from pipeline.learning.reproduce import PASSES, training_command
from pipeline.learning.sequences import cross_validate_sequences, sequence_beats
from pipeline.learning.side_by_side import Progress, cores, side_by_side
from pipeline.settings import Settings
from pipeline.sources import open_record

__all__ = ["sibling", "train_model"]

FOLDS = 5
OF_SHAPES = 0.1  # what training a network that rebuilds beats takes beside a sequence network
FEWEST_NORMAL = 100  # beats that tell how a person's are spread
FEWEST_ABNORMAL = 10


def train_model(
    records: Sequence[str] | None,
    *,
    data_dir: Path | None = None,
    asked: Sequence[str] | None = None,
    out: Path,
    kind: str = LSTMAutoencoder.kind,
    shape: Shape | None = None,
    how: TrainingSettings | None = None,
    sequence: SequenceSettings | None = None,
    seeds: int = 1,
    one_class: bool = False,
    workers: int | None = None,
    settings: Settings | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> dict[str, Any]:
    """Train a model, calibrate it on records that it has not seen, and write it with its card.

    The records are split into five folds; each fold's beats are rebuilt by a network that was trained on the others,
    and what that says of their shapes is read by sequence networks that were trained on the others likewise. Their
    scores give the figures of the card and the population of the thresholds, which so is that of new patients. The
    networks that are written are then trained on all records, the first for as many passes as the folds needed.

    A training that was stopped goes on from its last pass when the same is asked for again, with the same result. Where
    it stands is kept in ``NAME.training`` beside the model, until that is written.

    Parameters
    ----------
    records : sequence of str or None
        Names of the records; by default the training half of mitdb (DS1) and the development half of svdb.
    data_dir : Path, optional
        Folder of WFDB records, in place of PhysioNet.
    asked : sequence of str, optional
        What stands for the records in the command that the card names, such as a glob; by default their names.
    out : Path
        The model's file, which ends in ``.safetensors``; the card stands beside it with the ending ``.md``, and takes
        up ``NAME.notes.md`` if there is one.
    kind : str
        Kind of the network, a key of :data:`pipeline.detection.networks.NETWORKS`.
    shape : Shape, optional
        Its sizes; by default those of its kind.
    how : TrainingSettings, optional
        How the networks that rebuild beats are trained; ``epochs`` are the most passes of a fold, 4 by default.
    sequence : SequenceSettings, optional
        How the sequence networks are trained; their seed is that of ``how``.
    seeds : int
        Networks that are trained on all records in the end, with as many seeds: the first is the model, the others lie
        beside it (:func:`sibling`), so that an evaluation can tell what is chance.
    one_class : bool
        If True, only beats that are annotated as normal are learnt; by default all are, without labels.
    workers : int, optional
        Trainings at once, each on one thread; by default one for each core, four at the most. It changes no bit.
    settings : Settings, optional
        Where PhysioNet is, and how it is asked.
    progress : callable, optional
        Told the share of the work that is done, and the loss that came last.

    Returns
    -------
    dict
        What the card states.

    Raises
    ------
    ModelError
        If there are fewer records than folds, or the file has another ending or cannot be written.
    SourceError
        If a record cannot be read.
    """
    if out.suffix != MODEL_SUFFIX:  # the card would take the place of the model, or of another model's card
        raise ModelError(f"{out} does not end in {MODEL_SUFFIX}: choose another --out")
    names = [*DS1, *SVDB_DEV] if records is None else list(records)
    if len(names) < FOLDS:
        raise ModelError(f"{len(names)} records are too few: cross-validation takes {FOLDS} at least")
    shape = NETWORKS[kind]().shape if shape is None else shape
    opened = [open_record(name, data_dir=data_dir, settings=settings) for name in names]
    workers = cores() if workers is None else workers
    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(partial(in_context, shape=shape), opened))
    if one_class and any(part.aami is None for part in parts):
        bare = next(part.record.name for part in parts if part.aami is None)
        raise RecordUnsupported(f"{bare} has no annotations: leave out --one-class, or the record")
    how = how or TrainingSettings(epochs=PASSES)
    reading = replace(sequence or SequenceSettings(), seed=how.seed)
    keep = out.with_suffix(".training")
    told = _Stages(progress, (OF_SHAPES * FOLDS, OF_SHAPES * seeds, FOLDS, seeds))
    shapes, fits = cross_validate(
        parts, folds=FOLDS, kind=kind, shape=shape, settings=how, one_class=one_class, workers=workers,
        progress=told.stage(0), keep=keep,
    )  # fmt: skip
    learnt = [learnable(part, one_class) for part in parts]
    passes = round(float(np.median([int(np.argmin(fit.validation_loss)) + 1 for fit in fits])))

    def fit_all(k: int, report: Progress) -> Fit:
        return train(
            learnt,
            kind=kind,
            shape=shape,
            settings=replace(how, epochs=passes, seed=how.seed + k),
            progress=report,
            checkpoint=keep / f"final{k}.safetensors",
        )

    finals = side_by_side([partial(fit_all, k) for k in range(seeds)], workers=workers, progress=told.stage(1))
    final = finals[0]
    sequences = [sequence_beats(part, shapes[part.record.name], one_class=one_class) for part in parts]
    readings, _ = cross_validate_sequences(
        sequences, folds=FOLDS, settings=reading, workers=workers, progress=told.stage(2), keep=keep
    )
    scores = {part.record.name: found.score for part, found in zip(parts, readings, strict=True)}

    def read_all(k: int, report: Progress) -> SequenceNetwork:
        return train_sequence(
            sequences,
            settings=replace(reading, seed=how.seed + k),
            progress=report,
            checkpoint=keep / f"sequence-final{k}.safetensors",
        )

    readers = side_by_side([partial(read_all, k) for k in range(seeds)], workers=workers, progress=told.stage(3))
    is_ds1 = records is None and data_dir is None
    facts = {
        "population": _population(parts, scores),
        "records": names,
        "data": _data(is_ds1, data_dir),
        "licence_of_data": "ODC-By 1.0" if is_ds1 else "that of the records",
        "labels": "beats that are annotated as normal" if one_class else "none (all beats)",
        "beats": int(sum(len(part.residual) for part in learnt)),
        "kind": kind,
        "training": asdict(how),
        "sequence_training": asdict(reading),
        "shape": asdict(shape),
        "seed": how.seed,
        "passes": passes,
        "parameters": sum(p.numel() for p in final.network.parameters()),
        "sequence_parameters": sum(p.numel() for p in readers[0].parameters()),
        "training_loss": list(final.training_loss),
        "held_out_loss": [min(fit.validation_loss) for fit in fits],
        "folds": [{"training": list(fit.training_loss), "held_out": list(fit.validation_loss)} for fit in fits],
        "cross_validation": figures_of(parts, scores),
        "cross_validation_by_database": _by_database(parts, scores),
        "versions": package_versions() | {"platform": platform.machine()},
    }
    command = training_command(
        asked if asked is not None else records or (),
        out=out,
        data_dir=data_dir,
        kind=kind,
        shape=shape,
        how=how,
        sequence=reading,
        seeds=seeds,
        one_class=one_class,
    )
    card = model_card(out, facts, parts, command, is_ds1=is_ds1)
    try:
        for k, fit in enumerate(finals):
            save_model(sibling(out, k), fit.network, readers[k], facts | {"seed": how.seed + k})
        notes = out.with_suffix(".notes.md")  # what a person has to say of the model
        out.with_suffix(".md").write_text(card + (f"\n{notes.read_text()}" if notes.is_file() else ""))
    except OSError as error:
        raise ModelError(f"cannot write {out} ({error.strerror}): choose another --out") from error
    shutil.rmtree(keep, ignore_errors=True)
    return facts


def sibling(model: Path, k: int) -> Path:
    """Return where the network of the ``k``-th seed lies: the model itself, then ``NAME.seed1.safetensors``, ..."""
    return model if k == 0 else model.with_suffix(f".seed{k}{model.suffix}")


def _data(is_ds1: bool, data_dir: Path | None) -> str:
    if is_ds1:
        return "mitdb 1.0.0, records DS1 (de Chazal et al. 2004), and svdb 1.0.0, records 800 to 859"
    return "records given by name" if data_dir is None else "records of a folder"


def _by_database(parts: Sequence[RecordBeats], scores: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    databases = dict.fromkeys(part.record.name.rpartition("/")[0] for part in parts)
    if len(databases) < 2:
        return {}
    return {
        name: figures_of([part for part in parts if part.record.name.rpartition("/")[0] == name], scores)
        for name in databases
    }


def _population(parts: Sequence[RecordBeats], scores: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Measure how the held-out scores of normal and abnormal beats are spread.

    Where nobody has annotated a record, its usual beats stand for the normal ones, and it tells nothing of the others.
    """
    normal: list[NDArray[np.float64]] = []
    abnormal: list[list[NDArray[np.float64]]] = [[], []]
    for part in parts:
        values = scores[part.record.name]
        late = (part.r_peak >= LEARNING_S * part.record.fs) & part.scorable
        usual = part.beats.near & part.beats.on_time if part.aami is None else part.aami == "N"
        if (usual & late).sum() >= FEWEST_NORMAL:
            normal.append(values[usual & late])
        for group, letters in zip(abnormal, ("VF", "S"), strict=True):
            chosen = late & (np.isin(part.aami, list(letters)) if part.aami is not None else np.False_)
            if chosen.sum() >= FEWEST_ABNORMAL:
                group.append(values[chosen])
    if not normal:
        raise ModelError(f"no record has {FEWEST_NORMAL} normal beats after 5:00: training takes longer records")
    return Population.measured(normal, abnormal).to_dict()


class _Stages:
    """The progress of stages that follow each other, each a part of the whole."""

    def __init__(self, progress: Callable[[float, float], None] | None, sizes: Sequence[float]) -> None:
        self._progress = progress
        self._ends = np.cumsum([0.0, *sizes]) / sum(sizes)

    def stage(self, k: int) -> Callable[[float, float], None] | None:
        """Return what the ``k``-th stage reports to: its share that is done, and the loss that came last."""
        progress = self._progress
        if progress is None:
            return None
        first, stop = self._ends[k], self._ends[k + 1]
        return lambda share, loss: progress(float(first + (stop - first) * share), loss)
