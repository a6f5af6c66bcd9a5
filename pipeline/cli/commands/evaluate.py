"""``ecg-anomaly evaluate``."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.group import PipelineCommand, bad_arguments
from pipeline.cli.options import (
    annotator_option,
    data_dirs_option,
    leads_option,
    model_option,
    progress_option,
    read_settings,
)
from pipeline.cli.study import (
    asked,
    check_outputs,
    chosen_groups,
    insert_option,
    insert_text,
    json_file_option,
    rpeaks_option,
    wide_console,
    write_json,
)

if TYPE_CHECKING:
    from pipeline.evaluation import EvaluatedRecord
    from pipeline.evaluation.run import Task

WIDTH = 100  # columns, where standard output is no terminal

EPILOG = """
Examples:
  ecg-anomaly evaluate --split DS1 --rpeaks reference
  ecg-anomaly evaluate mitdb/208 mitdb/119 --rpeaks detected --json figures.json
  ecg-anomaly evaluate --split svdb-dev --split DS2
  ecg-anomaly evaluate --data-dir svdb --data-dir my-study --rpeaks detected
  ecg-anomaly evaluate nstdb --rpeaks detected
  ecg-anomaly evaluate --split DS1 --model forecaster
  ecg-anomaly evaluate --split DS1 --noise em --snr 6

Any annotated WFDB database will do. Without RECORDS: the records of --split,
from PhysioNet or a --data-dir that holds them, or every annotated record of
--data-dir. Several splits or folders have their tables one after the other.
Figures count from 5:00 on; what comes before is learnt from, without labels.

Exit codes: 0 all records measured, 1 some failed (the others were measured).
"""


@click.command("evaluate", cls=PipelineCommand, epilog=EPILOG)
@click.argument("records", nargs=-1)
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice(["DS1", "DS2", "all", "svdb-dev", "svdb-test"]),
    help="Records of mitdb, paced ones only in `all`, or of svdb: 800 to 859 and 860 to 894; may be given again.",
)
@data_dirs_option
@rpeaks_option("reference")
@leads_option
@model_option
@click.option(
    "--seeds",
    type=click.IntRange(1, 20),
    default=3,
    show_default=True,
    help="Number of networks of other seeds to score with, if so many lie there.",
)
@annotator_option
@click.option("--noise", type=click.Choice(["bw", "em", "ma"]), help="Noise of nstdb to mix in, with --snr.")
@click.option("--snr", type=click.FloatRange(-40, 60), help="Signal-to-noise ratio in dB for --noise.")
@click.option(
    "--rivals/--no-rivals",
    default=True,
    show_default=True,
    help="Score the other kind of model and the rivals as well.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Records measured at the same time.  [default: the cores]")
@json_file_option
@insert_option
@click.option("--only", help="Insert only the table whose title begins so.")
@progress_option
@click.pass_context
def command(
    ctx: click.Context,
    records: tuple[str, ...],
    splits: tuple[str, ...],
    data_dirs: tuple[Path, ...],
    rpeaks: str,
    leads: tuple[str, ...] | None,
    model: Path | None,
    seeds: int,
    annotator: str,
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
    check_outputs(json_file, insert)
    settings = read_settings()
    groups = chosen_groups(records, splits, data_dirs, settings, annotator)
    from pipeline.cli.display import progress_bar
    from pipeline.detection.model import BeatModel
    from pipeline.detection.shipped import DEFAULT_MODEL, SHIPPED
    from pipeline.evaluation import PACED, evaluate
    from pipeline.evaluation.result import package_versions
    from pipeline.evaluation.run import NOISES, Noise, Task, evaluate_tasks, models_beside
    from pipeline.evaluation.tables import print_tables, sheets, to_markdown

    started = time.perf_counter()
    with bad_arguments():
        models = models_beside(model or DEFAULT_MODEL, seeds)
        first = BeatModel.load(models[0])
    versions = package_versions() | {"model": first.checksum}
    beside = tuple(SHIPPED.items()) if rivals else ()
    beside = tuple((kind, path) for kind, path in beside if kind != first.kind)
    mixed = None if noise is None or snr is None else Noise(f"nstdb/{noise}", snr)
    tasks = {
        group.name: [
            Task(
                name,
                settings,
                models,
                rpeaks,
                group.data_dir,
                leads,
                mixed,
                rivals,
                group.database,
                beside=beside,
                annotator=annotator,
            )
            for name in group.records
        ]
        for group in groups
    }
    for name, chosen in tasks.items():
        tasks[name] = [task for task in chosen if task.name in records or task.record not in NOISES]
        _check_names(tasks[name])
    every = [task for chosen in tasks.values() for task in chosen]
    of = {id(task): name for name, chosen in tasks.items() for task in chosen}
    measured: dict[str, list[EvaluatedRecord]] = {name: [] for name in tasks}
    failed: dict[str, dict[str, str]] = {name: {} for name in tasks}
    n = 0
    with (
        progress_bar("evaluating", progress) as show,
        closing(evaluate_tasks(every, processes=jobs or os.cpu_count() or 1)) as running,
    ):
        for task, outcome in running:
            if isinstance(outcome, str):
                failed[of[id(task)]][task.record] = outcome
            else:
                measured[of[id(task)]].append(outcome)
            n += 1
            show(task.record, n / len(every))
    _complain(measured, failed)
    measured = {name: some for name, some in measured.items() if any(one.record not in PACED for one in some)}
    if not measured:
        raise click.ClickException("no record could be measured")
    documents, texts = {}, []
    for name, some in measured.items():
        result = evaluate(some, track=rpeaks, command=asked(), versions=versions)
        if name:
            click.secho(f"\n{name}\n", bold=True)
        print_tables(result, wide_console(WIDTH))
        warnings = {record.record: list(record.warnings) for record in some if record.warnings}
        documents[name] = result.to_dict() | {"failed": failed[name], "warnings": warnings}
        tables = [sheet for sheet in sheets(result, per_record=False) if sheet.title.startswith(only or "")]
        heading = f"#### {name}\n\n" if len(measured) > 1 else ""
        texts.append(heading + to_markdown(result, tables))
    if json_file is not None:
        write_json(json_file, documents if len(documents) > 1 else next(iter(documents.values())))
    if insert is not None:
        insert_text(*insert, "\n\n".join(texts))
    if len(models) < seeds:
        click.echo(
            f"{len(models)} of {seeds} seeds lie beside the model; `ecg-anomaly train --seeds {seeds}` makes them."
        )
    done = sum(map(len, measured.values()))
    click.echo(f"{done} of {len(every)} records in {time.perf_counter() - started:.0f} s.")
    ctx.exit(int(any(failed.values())))


def _complain(measured: Mapping[str, Sequence[EvaluatedRecord]], failed: Mapping[str, Mapping[str, str]]) -> None:
    """Say what went wrong, and what is to be known of what went well."""
    for errors in failed.values():
        for name in sorted(errors):
            click.echo(f"Error: {errors[name]}", err=True)
    for some in measured.values():
        for record in sorted(some, key=lambda one: one.record):
            for line in record.warnings:
                click.echo(f"Warning: {record.record}: {line}", err=True)


def _check_names(tasks: Sequence[Task]) -> None:
    from pipeline.evaluation import PACED

    names: dict[str, str] = {}
    for task in tasks:
        other = names.setdefault(task.record, task.name)
        if other != task.name:
            raise click.UsageError(f"{other} and {task.name} are one record: leave one of them out")
    if all(name in PACED for name in names):
        raise click.UsageError("EC57 leaves paced records out, all but their R peaks: name others beside them")
