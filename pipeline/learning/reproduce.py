"""The command that trains a model once more, from what the training was given."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pipeline.detection.networks import NETWORKS
from pipeline.detection.reading import Shape
from pipeline.detection.sequence.training import SequenceSettings
from pipeline.detection.training import TrainingSettings

__all__ = ["PASSES", "training_command"]

PASSES = 4  # over the beats, at the most

WITHOUT_OPTION = ("noise", "blur", "drop_lead", "swap_leads")
"""Settings of a training that only Python can change."""


def training_command(
    records: Sequence[str],
    *,
    out: Path,
    data_dir: Path | None,
    kind: str,
    shape: Shape,
    how: TrainingSettings,
    sequence: SequenceSettings,
    seeds: int,
    one_class: bool,
) -> str:
    """Return the command that trains the same from the same records, with what differs from the defaults.

    Parameters
    ----------
    records : sequence of str
        Names, globs or databases as they were given; none for all of ``data_dir``, or, without one, for the
        records of the shipped models.
    out, data_dir, kind, shape, how, sequence, seeds, one_class
        As :func:`pipeline.learning.training.train_model` takes them. What no option of the command sets follows in
        brackets, as Python sets it.
    """
    words = ["ecg-anomaly", "train", *records]
    if data_dir is not None:
        words += ["--data-dir", str(data_dir)]
    words += ["--out", out.name, "--seed", str(how.seed)]
    usual_shape = NETWORKS[kind]().shape
    if kind != "autoencoder":
        words += ["--kind", kind]
    if shape.hidden != usual_shape.hidden:
        words += ["--hidden", str(shape.hidden)]
    usual = asdict(TrainingSettings(epochs=PASSES, seed=how.seed))
    changed = {name: value for name, value in asdict(how).items() if value != usual[name]}
    for name, value in changed.items():
        if name not in WITHOUT_OPTION:
            option = f"--{name.replace('_', '-')}"
            words += [option] if value is True else [option, str(value)]
    if sequence.passes != SequenceSettings().passes:
        words += ["--sequence-passes", str(sequence.passes)]
    if one_class:
        words.append("--one-class")
    if seeds != 1:
        words += ["--seeds", str(seeds)]
    sizes, usual_sizes = asdict(shape), asdict(usual_shape)
    by_hand = [f"{name}={value}" for name, value in changed.items() if name in WITHOUT_OPTION]
    by_hand += [f"{name}={sizes[name]}" for name in sizes if name != "hidden" and sizes[name] != usual_sizes[name]]
    return shlex.join(words) + (f" ({', '.join(by_hand)} from Python)" if by_hand else "")
