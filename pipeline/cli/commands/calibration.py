"""``ecg-anomaly calibration``."""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import data_dir_option, leads_option, model_option, progress_option, read_settings
from pipeline.errors import OutputError

if TYPE_CHECKING:
    from pipeline.evaluation.sheet import Sheet

WIDTH = 110  # columns, where standard output is no terminal

EPILOG = """
Examples:
  ecg-anomaly calibration --split DS2
  ecg-anomaly calibration --split DS2 --rpeaks detected --figure calibration.png
  ecg-anomaly calibration --split DS2 --step 1.5
  ecg-anomaly calibration mitdb/208 mitdb/119 --json calibration.json

Each rule sees the same scores and no label. Rates are those of normal beats from
5:00 on. The population of the shipped model is DS1: figures on DS1 are in-sample.

Exit codes: 0 all records measured, 1 some failed (the others were measured).
"""


@click.command("calibration", cls=PipelineCommand, epilog=EPILOG)
@click.argument("records", nargs=-1)
@click.option("--split", type=click.Choice(["DS1", "DS2"]), help="Records of mitdb.")
@data_dir_option
@click.option(
    "--rpeaks",
    type=click.Choice(["reference", "detected"]),
    default="detected",
    show_default=True,
    help="Score annotated R peaks, or those that the project detects.",
)
@leads_option
@model_option
@click.option(
    "--step",
    type=click.FloatRange(0.1, 10.0),
    metavar="FACTOR",
    help="Also multiply the signal by this from 15:00 on, and count the beats until verdicts recover.",
)
@click.option(
    "--figure", type=click.Path(dir_okay=False, path_type=Path), help="Also draw the rates of all records here."
)
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write all figures here."
)
@click.option(
    "--insert",
    type=(click.Path(exists=True, dir_okay=False, path_type=Path), str),
    metavar="FILE NAME",
    help="Also put the tables into a Markdown file, between <!-- NAME:begin --> and <!-- NAME:end -->.",
)
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
    step: float | None,
    figure: Path | None,
    json_file: Path | None,
    insert: tuple[Path, str] | None,
    progress: bool | None,
) -> None:
    """Hold threshold rules side by side: does the declared rate come true."""
    if bool(records) + bool(split) > 1 or not (records or split or data_dir):
        raise click.UsageError("name records, or a split of mitdb with --split DS2, or a folder with --data-dir")
    settings = read_settings()
    from rich.console import Console

    from pipeline.cli.display import progress_bar
    from pipeline.detection.model import DEFAULT_MODEL, BeatModel
    from pipeline.errors import PipelineError
    from pipeline.evaluation import DS1, DS2
    from pipeline.evaluation.run import Task
    from pipeline.evaluation.threshold_study import (
        MAIN_RATE,
        judge_rules,
        recovery_sheet,
        rule_figures,
        rule_recoveries,
        rule_sheets,
    )
    from pipeline.sources import list_records

    path = model or DEFAULT_MODEL
    guesses = BeatModel.load(path).guesses
    names = (DS1 if split == "DS1" else DS2) if split else list_records(*records, data_dir=data_dir, settings=settings)
    judged, stepped, failed = [], [], {}
    with progress_bar("calibration", progress) as show:
        for k, name in enumerate(names):
            show(name, k / len(names))
            task = Task(name, settings, (path,), rpeaks, data_dir, leads, rivals=False)
            try:
                findings, annotations, n_samples, _ = task.score()
                disturbed = replace(task, step=step).score().findings if step else None
            except PipelineError as error:
                failed[name] = str(error)
                continue
            judged.append(judge_rules(findings, annotations, guesses, n_samples=n_samples))
            if disturbed is not None:
                stepped.append(judge_rules(disturbed, annotations, guesses, n_samples=n_samples, rates=(MAIN_RATE,)))
    for reason in failed.values():
        click.echo(f"Error: {reason}", err=True)
    if not judged:
        raise click.ClickException("no record could be measured")
    figures = rule_figures(judged)
    sheets = list(rule_sheets(figures))
    recoveries = rule_recoveries(stepped, judged) if stepped else {}
    if step and recoveries:
        sheets.append(recovery_sheet(recoveries, step))
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    for sheet in sheets:
        console.print(sheet.rich())
    if figure is not None:
        from pipeline.evaluation.calibration_figure import draw_calibration

        _write(figure, lambda: draw_calibration(figures, figure))
    if json_file is not None:
        document: dict[str, dict[str, object]] = {}
        for found in figures:
            document.setdefault(found.rule, {})[f"{found.declared:g}"] = found.to_dict()
        for rule, beats in recoveries.items():  # JSON has no infinity: null stands for never
            document[rule]["recovery_beats"] = [b if math.isfinite(b) else None for b in beats]
        text = json.dumps({"rules": document, "failed": failed, "rpeaks": rpeaks, "step": step}, indent=2) + "\n"
        _write(json_file, lambda: json_file.write_text(text, "utf-8"))
    if insert is not None:
        _insert(*insert, sheets)
    ctx.exit(int(bool(failed)))


def _insert(file: Path, name: str, sheets: Sequence[Sheet]) -> None:
    from pipeline.evaluation.sheet import insert_between_markers

    asked = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    text = "\n\n".join([f"From `{asked}`, from 5:00 on.", *(sheet.markdown() for sheet in sheets)])
    try:
        changed = insert_between_markers(file.read_text("utf-8"), text, name)
    except ValueError as error:
        raise click.UsageError(f"--insert: {file}: {error}") from error
    _write(file, lambda: file.write_text(changed, "utf-8"))


def _write(file: Path, write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as error:
        raise OutputError(f"{file}: {error.strerror}") from error
    click.echo(f"Written: {file}")
