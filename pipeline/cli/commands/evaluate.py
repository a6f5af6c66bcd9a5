"""``ecg-anomaly evaluate``."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import data_dir_option, leads_option, model_option, progress_option, read_settings
from pipeline.errors import OutputError

if TYPE_CHECKING:
    from pipeline.evaluation import EvaluatedRecord, EvaluationResult

EPILOG = """
Examples:
  ecg-anomaly evaluate --split DS1 --rpeaks reference
  ecg-anomaly evaluate mitdb/208 mitdb/119 --rpeaks detected --json figures.json
  ecg-anomaly evaluate --data-dir svdb --rpeaks detected
  ecg-anomaly evaluate nstdb --rpeaks detected
  ecg-anomaly evaluate --split DS1 --noise em --snr 6

Any annotated WFDB database will do. Without RECORDS: the records of --split, or
every annotated record of --data-dir. Figures count from 5:00 on; what comes
before is learnt from, without labels.

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
@click.option("--snr", type=float, help="Signal-to-noise ratio in dB for --noise.")
@click.option("--rivals/--no-rivals", default=True, show_default=True, help="Score the rivals as well.")
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
    if split and (records or data_dir):
        raise click.UsageError("--split names records of mitdb: leave out RECORDS and --data-dir, or --split")
    if not (records or split or data_dir):
        raise click.UsageError("name records, a database, --split DS1, or a folder with --data-dir")
    settings = read_settings()
    from pipeline.cli.display import progress_bar
    from pipeline.detection.model import DEFAULT_MODEL
    from pipeline.evaluation.run import Noise, Task, evaluate_tasks, models_beside

    started = time.perf_counter()
    models = models_beside(model or DEFAULT_MODEL, seeds)
    mixed = None if noise is None or snr is None else Noise(noise, snr)
    tasks = [
        Task(name, settings, models, rpeaks, data_dir, leads, mixed, rivals)
        for name in _names(records, split, data_dir, settings)
    ]
    measured: list[EvaluatedRecord] = []
    failed: dict[str, str] = {}
    with progress_bar("evaluating", progress) as show:
        for task, outcome in evaluate_tasks(tasks, processes=jobs or os.cpu_count() or 1):
            if isinstance(outcome, str):
                failed[task.name] = outcome
            else:
                measured.append(outcome)
            show(task.name, (len(measured) + len(failed)) / len(tasks))
    for reason in failed.values():
        click.echo(f"Error: {reason}", err=True)
    if not measured:
        raise click.ClickException("no record could be measured")
    _show(measured, failed, rpeaks, json_file, insert, only)
    if len(models) < seeds:
        click.echo(
            f"{len(models)} of {seeds} seeds lie beside the model; `ecg-anomaly train --seeds {seeds}` makes them."
        )
    click.echo(f"{len(measured)} of {len(tasks)} records in {time.perf_counter() - started:.0f} s.")
    ctx.exit(int(bool(failed)))


def _names(records: Sequence[str], split: str | None, data_dir: Path | None, settings: Any) -> list[str]:
    from pipeline.evaluation import DS1, DS2
    from pipeline.evaluation.run import snr_of
    from pipeline.sources import list_records

    if split in ("DS1", "DS2"):
        return list(DS1 if split == "DS1" else DS2)
    names = list_records(*(("mitdb",) if split else records), data_dir=data_dir, settings=settings)
    if records == ("nstdb",):
        names = [name for name in names if snr_of(name) is not None]  # bw, em and ma are noise alone
    if data_dir is not None and not records:
        bare = [name for name in names if not (data_dir / f"{name}.atr").is_file()]
        if bare:
            click.echo(
                f"{len(bare)} of {len(names)} records in {data_dir} have no annotations (.atr): left out.", err=True
            )
        names = [name for name in names if name not in bare]
        if not names:
            raise click.UsageError(f"{data_dir} holds no record with beat annotations (.atr)")
    return names


def _show(
    measured: Sequence[EvaluatedRecord],
    failed: dict[str, str],
    track: str,
    json_file: Path | None,
    insert: tuple[Path, str] | None,
    only: str | None,
) -> None:
    from rich.console import Console

    from pipeline.evaluation import evaluate
    from pipeline.evaluation.run import snr_of
    from pipeline.evaluation.tables import (
        insert_between_markers,
        noise_sheet,
        print_tables,
        sheets,
        to_markdown,
    )

    asked = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    result = evaluate(measured, track=track, command=asked)
    ratios = {record.record: snr_of(record.record) for record in measured}
    levels = sorted({ratio for ratio in ratios.values() if ratio is not None}, reverse=True)
    by_snr: dict[str, EvaluationResult] = {
        str(level): evaluate([r for r in measured if ratios[r.record] == level], track=track) for level in levels
    }
    by_ratio = [noise_sheet(by_snr)] if by_snr else []
    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
    print_tables(result, console)
    for sheet in by_ratio:
        console.print(sheet.rich())
    try:
        if json_file is not None:
            document = result.to_dict() | {"failed": failed}
            if by_snr:
                document["noise"] = {name: part.to_dict() for name, part in by_snr.items()}
            json_file.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n")
            click.echo(f"Figures: {json_file}")
        if insert is not None:
            file, name = insert
            tables = [*sheets(result, per_record=False), *by_ratio]
            text = to_markdown(result, [sheet for sheet in tables if sheet.title.startswith(only or "")])
            marks = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
            file.write_text(insert_between_markers(file.read_text(), text, *marks))
            click.echo(f"Tables: {file}")
    except ValueError as error:
        raise click.UsageError(f"--insert: {error}") from error
    except OSError as error:
        raise OutputError(f"{error.filename}: {error.strerror}") from error
