"""``ecg-anomaly evaluate``."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import data_dir_option, leads_option, model_option, progress_option, read_settings
from pipeline.errors import OutputError

if TYPE_CHECKING:
    from pipeline.evaluation import EvaluatedRecord
    from pipeline.evaluation.run import Task
    from pipeline.settings import Settings

WIDTH = 100  # columns, where standard output is no terminal

EPILOG = """
Examples:
  ecg-anomaly evaluate --split DS1 --rpeaks reference
  ecg-anomaly evaluate mitdb/208 mitdb/119 --rpeaks detected --json figures.json
  ecg-anomaly evaluate --data-dir svdb --rpeaks detected
  ecg-anomaly evaluate nstdb --rpeaks detected
  ecg-anomaly evaluate --split DS1 --model forecaster
  ecg-anomaly evaluate --split DS1 --noise em --snr 6

Any annotated WFDB database will do. Without RECORDS: the records of --split, from
PhysioNet or a --data-dir that holds mitdb, or every annotated record of --data-dir.
Figures count from 5:00 on; what comes before is learnt from, without labels.

Exit codes: 0 all records measured, 1 some failed (the others were measured).
"""


@click.command("evaluate", cls=PipelineCommand, epilog=EPILOG)
@click.argument("records", nargs=-1)
@click.option("--split", type=click.Choice(["DS1", "DS2", "all"]), help="Records of mitdb; paced ones only in `all`.")
@data_dir_option
@click.option(
    "--rpeaks",
    type=click.Choice(["reference", "detected"]),
    default="reference",
    show_default=True,
    help="Score annotated R peaks, or those that the project detects.",
)
@leads_option
@model_option
@click.option(
    "--seeds", type=click.IntRange(1, 20), default=5, show_default=True, help="Networks, if so many lie there."
)
@click.option("--noise", type=click.Choice(["bw", "em", "ma"]), help="Noise of nstdb to mix in, with --snr.")
@click.option("--snr", type=click.FloatRange(-40, 60), help="Signal-to-noise ratio in dB for --noise.")
@click.option(
    "--rivals/--no-rivals",
    default=True,
    show_default=True,
    help="Score the other kind of model and the rivals as well.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Records measured at the same time.  [default: the cores]")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write all figures here."
)
@click.option(
    "--insert",
    type=(click.Path(exists=True, dir_okay=False, path_type=Path), str),
    metavar="FILE NAME",
    help="Also put the tables into a Markdown file, between <!-- NAME:begin --> and <!-- NAME:end -->.",
)
@click.option("--only", help="Of the tables, insert only the one whose title begins so.")
@progress_option
@click.pass_context
def command(
    ctx: click.Context,
    records: tuple[str, ...],
    split: str | None,
    data_dir: Path | None,
    rpeaks: str,
    leads: tuple[str, ...] | None,
    model: Path | None,
    seeds: int,
    noise: str | None,
    snr: float | None,
    rivals: bool,
    jobs: int | None,
    json_file: Path | None,
    insert: tuple[Path, str] | None,
    only: str | None,
    progress: bool | None,
) -> None:
    """Measure the detection on annotated RECORDS, beside plain rivals, by EC57-stream."""
    if (noise is None) != (snr is None):
        raise click.UsageError("--noise and --snr go together, such as --noise em --snr 6")
    if split and records:
        raise click.UsageError("--split names records of mitdb: leave out RECORDS, or --split")
    if not (records or split or data_dir):
        raise click.UsageError("name records, a database, --split DS1, or a folder with --data-dir")
    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise click.UsageError(f"--json: there is no folder {json_file.parent}")
    if insert is not None:
        _inserted(*insert, "")  # a file without markers is better told of now than after the work
    settings = read_settings()
    from rich.console import Console

    from pipeline.cli.display import progress_bar
    from pipeline.detection.model import BeatModel
    from pipeline.detection.shipped import DEFAULT_MODEL, SHIPPED
    from pipeline.evaluation import PACED, evaluate
    from pipeline.evaluation.result import package_versions
    from pipeline.evaluation.run import NOISES, Noise, Task, evaluate_tasks, models_beside
    from pipeline.evaluation.tables import print_tables, sheets, to_markdown

    started = time.perf_counter()
    models = models_beside(model or DEFAULT_MODEL, seeds)
    first = BeatModel.load(models[0])
    versions = package_versions() | {"model": first.checksum}
    beside = tuple(SHIPPED.items()) if rivals else ()
    beside = tuple((kind, path) for kind, path in beside if kind != first.network.kind)
    mixed = None if noise is None or snr is None else Noise(f"nstdb/{noise}", snr)
    database = "mitdb" if split else None
    tasks = [
        Task(name, settings, models, rpeaks, data_dir, leads, mixed, rivals, database, beside=beside)
        for name in _names(records, split, data_dir, settings)
    ]
    tasks = [task for task in tasks if task.name in records or task.record not in NOISES]
    _check_names(tasks)
    measured: list[EvaluatedRecord] = []
    failed: dict[str, str] = {}
    with (
        progress_bar("evaluating", progress) as show,
        closing(evaluate_tasks(tasks, processes=jobs or os.cpu_count() or 1)) as running,
    ):
        for task, outcome in running:
            if isinstance(outcome, str):
                failed[task.record] = outcome
            else:
                measured.append(outcome)
            show(task.record, (len(measured) + len(failed)) / len(tasks))
    for name in sorted(failed):
        click.echo(f"Error: {failed[name]}", err=True)
    if all(record.record in PACED for record in measured):
        raise click.ClickException("no record could be measured")
    asked = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    result = evaluate(measured, track=rpeaks, command=asked, versions=versions)
    print_tables(result, Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False))
    if json_file is not None:
        document = result.to_dict() | {"failed": failed}
        _write(json_file, json.dumps(document, indent=2, allow_nan=False) + "\n")
        click.echo(f"Figures: {json_file}")
    if insert is not None:
        tables = [sheet for sheet in sheets(result, per_record=False) if sheet.title.startswith(only or "")]
        _write(insert[0], _inserted(*insert, to_markdown(result, tables)))
        click.echo(f"Tables: {insert[0]}")
    if len(models) < seeds:
        click.echo(
            f"{len(models)} of {seeds} seeds lie beside the model; `ecg-anomaly train --seeds {seeds}` makes them."
        )
    click.echo(f"{len(measured)} of {len(tasks)} records in {time.perf_counter() - started:.0f} s.")
    ctx.exit(int(bool(failed)))


def _names(records: Sequence[str], split: str | None, data_dir: Path | None, settings: Settings) -> list[str]:
    from pipeline.evaluation import DS1, DS2
    from pipeline.sources import list_records

    if split in ("DS1", "DS2"):
        chosen = DS1 if split == "DS1" else DS2
        return [name if data_dir is None else name.rpartition("/")[2] for name in chosen]
    if data_dir is None:
        return list_records(*(records or ["mitdb"]), settings=settings)
    names = list_records(*records, data_dir=data_dir)
    if records:
        return names
    annotated = [name for name in names if (data_dir / f"{name}.atr").is_file()]
    if not annotated:
        raise click.UsageError(f"{data_dir} holds no record with beat annotations (.atr)")
    if len(annotated) < len(names):
        left_out = f"{len(names) - len(annotated)} of {len(names)} records in {data_dir}"
        click.echo(f"{left_out} have no annotations (.atr): left out.", err=True)
    return annotated


def _check_names(tasks: Sequence[Task]) -> None:
    from pipeline.evaluation import PACED

    names: dict[str, str] = {}
    for task in tasks:
        other = names.setdefault(task.record, task.name)
        if other != task.name:
            raise click.UsageError(f"{other} and {task.name} are one record: leave one of them out")
    if all(name in PACED for name in names):
        raise click.UsageError("EC57 leaves paced records out, all but their R peaks: name others beside them")


def _inserted(file: Path, name: str, text: str) -> str:
    from pipeline.evaluation.sheet import insert_between_markers

    try:
        return insert_between_markers(file.read_text("utf-8"), text, name)
    except ValueError as error:
        raise click.UsageError(f"--insert: {file}: {error}") from error


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise OutputError(f"{file}: {error.strerror}") from error
