"""Sequence networks that learn from some records and read the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from pipeline.detection.score_parts import ScoreParts
from pipeline.detection.sequence.compiled import CompiledSequence
from pipeline.detection.sequence.ectopy import SequenceBeats
from pipeline.detection.sequence.network import SequenceNetwork
from pipeline.detection.sequence.reader import SequenceReader, SequenceReading
from pipeline.detection.sequence.training import SequenceSettings, train_sequence
from pipeline.learning.crossvalidation import RecordBeats
from pipeline.learning.side_by_side import Progress, side_by_side

__all__ = ["cross_validate_sequences", "read_with", "sequence_beats"]

USUAL_SHAPE = 0.5  # a beat of a stranger shape is not taken for normal without a label


def sequence_beats(part: RecordBeats, shapes: ScoreParts, *, one_class: bool = False) -> SequenceBeats:
    """Return a record's beats as the sequence network's training takes them.

    Without labels, beats that lie near a template and come on time are learnt as normal; with ``one_class`` those that
    somebody annotated as normal.
    """
    if one_class and part.aami is not None:
        normal = part.aami == "N"
    else:
        normal = part.beats.near & part.beats.on_time & (shapes.shape < USUAL_SHAPE)
    return SequenceBeats.of(part.beats.rr, shapes.shape, shapes.p_wave, shapes.burst, normal)


def cross_validate_sequences(
    records: Sequence[SequenceBeats],
    *,
    folds: int,
    settings: SequenceSettings | None = None,
    workers: int = 1,
    progress: Callable[[float, float], None] | None = None,
    keep: Path | None = None,
) -> tuple[list[SequenceReading], list[SequenceNetwork]]:
    """Read each record with a network that has learnt from the others.

    Parameters
    ----------
    records : sequence of SequenceBeats
        The records, dealt out as :func:`pipeline.learning.crossvalidation.cross_validate` does.
    folds, workers, progress, keep
        As there.
    settings : SequenceSettings, optional
        How to train.

    Returns
    -------
    readings : list of SequenceReading
        By record.
    networks : list of SequenceNetwork
        By fold.
    """

    def fit_without(fold: int, report: Progress) -> tuple[SequenceNetwork, dict[int, SequenceReading]]:
        held_out = range(fold, len(records), folds)
        network = train_sequence(
            [record for i, record in enumerate(records) if i not in held_out],
            settings=settings,
            progress=report,
            checkpoint=None if keep is None else keep / f"sequence{fold}.safetensors",
        )
        frozen = network.frozen()
        return network, {i: read_with(records[i], frozen) for i in held_out}

    done = side_by_side([partial(fit_without, fold) for fold in range(folds)], workers=workers, progress=progress)
    found = {i: reading for _, readings in done for i, reading in readings.items()}
    return [found[i] for i in range(len(records))], [network for network, _ in done]


def read_with(record: SequenceBeats, network: CompiledSequence) -> SequenceReading:
    """Read a whole record from its beginning."""
    return SequenceReader(network).read(record.rr, record.shape, record.p_wave, record.noise)
