"""``ecg-anomaly train``."""

from __future__ import annotations

import time
from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import data_dir_option, json_option, progress_option, read_settings, seed_option

EPILOG = """
Examples:
  ecg-anomaly train --out my-model.safetensors
  ecg-anomaly train mitdb/101 mitdb/106 --epochs 2 --out small.safetensors
  ecg-anomaly train --data-dir my-records --one-class --out ward.safetensors

Without RECORDS the model is trained on the training half of mitdb, as the model
that ships was. Use the new model with: ecg-anomaly score ... --model FILE
"""


@click.command("train", cls=PipelineCommand, epilog=EPILOG)
@click.argument("records", nargs=-1)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default="model.safetensors",
    show_default=True,
    help="File of the model.",
)
@data_dir_option
@click.option("--epochs", type=click.IntRange(min=1), default=4, show_default=True, help="Passes over the beats.")
@click.option("--one-class", is_flag=True, help="Learn from annotated normal beats alone.")
@seed_option
@json_option
@progress_option
def command(
    records: tuple[str, ...],
    out: Path,
    data_dir: Path | None,
    epochs: int,
    one_class: bool,
    seed: int,
    as_json: bool,
    progress: bool | None,
) -> None:
    """Train the autoencoder on RECORDS and write a model file."""
    settings = read_settings()
    from pipeline.cli.display import progress_bar, show_json, show_lines
    from pipeline.training import train_model

    started = time.perf_counter()
    with progress_bar("training", progress) as show:

        def follow(step: int, steps: int, loss: float) -> None:
            show(f"loss {loss:.3f}", step / steps)

        facts = train_model(
            records or None,
            data_dir=data_dir,
            out=out,
            seed=seed,
            epochs=epochs,
            one_class=one_class,
            settings=settings,
            progress=follow,
        )
    if as_json:
        show_json({"model": str(out), "seconds": round(time.perf_counter() - started, 1), **facts})
    else:
        show_lines({name: str(value) for name, value in facts.items() if not isinstance(value, dict | list)})
        click.echo(f"Model: {out}")
