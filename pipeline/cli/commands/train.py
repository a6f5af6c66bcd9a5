"""``ecg-anomaly train``."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import data_dir_option, json_option, progress_option, read_settings, seed_option
from pipeline.errors import OutputError

EPILOG = """
Examples:
  ecg-anomaly train --out my-model.safetensors
  ecg-anomaly train mitdb 'svdb/80*' --epochs 2 --out wide.safetensors
  ecg-anomaly train --data-dir my-records --one-class --out ward.safetensors
  ecg-anomaly train --kind forecaster --out forecaster.safetensors
  ecg-anomaly train --optimizer rmsprop --schedule cosine --loss-curve loss.png
  ecg-anomaly train mitdb --epochs 1 --sequence-passes 10   # a quick try

RECORDS are names, globs or databases, five records at least. Without them and
without --data-dir the model is trained on the training half of mitdb and on
records 800 to 859 of svdb, as the ones that ship were; those learnt from
annotated normal beats alone (--one-class). A card with the model's figures is
written beside it.
Use the new model with: ecg-anomaly score ... --model FILE
"""


def _model_file(_ctx: click.Context, _parameter: click.Parameter, out: Path) -> Path:
    """Refuse a name whose card, NAME.md, would take the place of the model or of another model's card."""
    from pipeline.detection.shipped import MODEL_SUFFIX

    if out.suffix != MODEL_SUFFIX:
        raise click.BadParameter(
            f"{str(out)!r} does not end in {MODEL_SUFFIX}; did you mean {str(out.with_suffix(MODEL_SUFFIX))!r}?"
        )
    return out


@click.command("train", cls=PipelineCommand, epilog=EPILOG)
@click.argument("records", nargs=-1)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default="model.safetensors",
    show_default=True,
    callback=_model_file,
    help="File of the model; its name ends in .safetensors.",
)
@data_dir_option
@click.option(
    "--kind",
    type=click.Choice(["autoencoder", "forecaster"]),
    default="autoencoder",
    show_default=True,
    help="Rebuild the whole beat, or foretell its next samples from the ones before.",
)
@click.option("--hidden", type=click.IntRange(1, 512), help="Units of each LSTM.  [default: 40; forecaster 60]")
@click.option("--epochs", type=click.IntRange(min=1), default=4, show_default=True, help="Passes over the beats.")
@click.option(
    "--sequence-passes",
    type=click.IntRange(min=1),
    help="Passes over the records of the network that reads the beats in sequence.  [default: 120]",
)
@click.option(
    "--patience",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Stop after so many passes without a lower error on the records held out.",
)
@click.option("--batch", type=click.IntRange(min=1), default=256, show_default=True, help="Beats a step.")
@click.option(
    "--optimizer",
    type=click.Choice(["adamw", "adam", "rmsprop"]),
    default="adamw",
    show_default=True,
    help="Method of optimisation.",
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0, min_open=True),
    default=3e-3,
    show_default=True,
    help="The highest that the schedule comes to.",
)
@click.option(
    "--schedule",
    type=click.Choice(["onecycle", "cosine", "constant"]),
    default="onecycle",
    show_default=True,
    help="Course of the learning rate.",
)
@click.option(
    "--weight-decay", type=click.FloatRange(min=0), default=1e-4, show_default=True, help="Pull of the weights to 0."
)
@click.option(
    "--clip", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Longest gradient; 0 for any."
)
@click.option("--standardise", is_flag=True, help="Standardise what is known of a beat; folded into the weights.")
@click.option("--one-class", is_flag=True, help="Learn from annotated normal beats alone.")
@click.option(
    "--loss-curve",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also draw the losses here (.png, .svg or .pdf).",
)
@seed_option
@click.option(
    "--seeds",
    type=click.IntRange(1, 20),
    default=1,
    show_default=True,
    help="Networks to train, each with a seed of its own; all but the first serve `evaluate` alone.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Trainings at once.  [default: one a core, up to 4]")
@json_option
@progress_option
def command(
    records: tuple[str, ...],
    out: Path,
    data_dir: Path | None,
    kind: str,
    hidden: int | None,
    sequence_passes: int | None,
    one_class: bool,
    loss_curve: Path | None,
    seeds: int,
    workers: int | None,
    as_json: bool,
    progress: bool | None,
    **how: Any,
) -> None:
    """Train a network on RECORDS and write a model file.

    The defaults are those of the models that ship, but for ``--one-class``. A training that was stopped goes on from
    its last pass when the same is asked for again.
    """
    settings = read_settings()
    from pipeline.cli.display import progress_bar, show_json, show_lines
    from pipeline.detection.networks import NETWORKS
    from pipeline.detection.sequence.training import SequenceSettings
    from pipeline.detection.training import TrainingSettings
    from pipeline.learning.training import train_model
    from pipeline.sources import list_records

    if loss_curve is not None:
        from pipeline.figures import check_format

        try:
            check_format(loss_curve)
        except ValueError as error:
            raise click.UsageError(f"--loss-curve: {error}") from error
        _check_writable(loss_curve)
    _check_writable(out)
    shape = NETWORKS[kind]().shape
    names = list_records(*records, data_dir=data_dir, settings=settings) if records or data_dir else None
    started = time.perf_counter()
    with progress_bar("training", progress) as show:

        def follow(share: float, loss: float) -> None:
            show(f"loss {loss:.3f}", share)

        try:
            facts = train_model(
                names,
                data_dir=data_dir,
                asked=records,
                out=out,
                kind=kind,
                shape=shape if hidden is None else replace(shape, hidden=hidden),
                how=TrainingSettings(**how),
                sequence=SequenceSettings() if sequence_passes is None else SequenceSettings(passes=sequence_passes),
                seeds=seeds,
                one_class=one_class,
                workers=workers,
                settings=settings,
                progress=follow,
            )
        except ValueError as error:  # such as fewer beats than one batch
            raise click.UsageError(f"these records make no model: {error}") from error
    if loss_curve is not None:
        from pipeline.figures import draw_losses, save_figure

        save_figure(draw_losses(facts), loss_curve)
    if as_json:
        show_json({"model": str(out), "seconds": round(time.perf_counter() - started, 1), **facts})
    else:
        plain = {name: str(value) for name, value in facts.items() if not isinstance(value, dict | list)}
        show_lines(plain | _figures(facts["cross_validation"]))
        click.echo(f"Model: {out}, card: {out.with_suffix('.md').name}")


def _figures(cross_validation: dict[str, float]) -> dict[str, str]:
    """Return the figures that there are: a class that no record has gives NaN."""
    return {name: f"{value:.4f}" for name, value in cross_validation.items() if not math.isnan(value)}


def _check_writable(out: Path) -> None:
    """Find out before the training, not after it."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=out.parent).close()
    except OSError as error:
        raise OutputError(f"model {out.name!r}: {out.parent}: {error.strerror}; choose another --out") from error
