"""``ecg-anomaly evaluate-alarms``."""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import model_option, progress_option, read_settings
from pipeline.cli.study import (
    asked,
    check_outputs,
    figure_option,
    insert_option,
    insert_text,
    json_file_option,
    wide_console,
    write_json,
)

if TYPE_CHECKING:
    from pipeline.evaluation.alarm_run import AlarmTask, Judged
    from pipeline.evaluation.sheet import Sheet
    from pipeline.settings import Settings

WIDTH = 118  # columns, where standard output is no terminal
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

EPILOG = """
Examples:
  ecg-anomaly evaluate-alarms --rhythms vfdb --rhythms cudb
  ecg-anomaly evaluate-alarms --challenge challenge-2015/training
  ecg-anomaly evaluate-alarms --rhythms nsrdb --no-rivals --json figures.json
  ecg-anomaly evaluate-alarms --rhythms vfdb --rhythms cudb --rhythms mitdb --split DS1 --held-out

A folder of --rhythms holds WFDB records with rhythm annotations ((VT, (VFL, (N
...) or [ and ]; a record that nobody annotated counts as that of a healthy
person. The folder of --challenge holds records and the file ALARMS.

With --held-out the detector of fibrillation is fitted five times on the records
of all these folders (of mitdb: DS1), each time without a fifth of the people,
whom it then judges. A record that cannot be read is told and counted; the
others are measured. Without rivals, rhythms are one table.

Exit codes: 0 all records measured, 1 some failed (the others were measured).
"""


@click.command("evaluate-alarms", cls=PipelineCommand, epilog=EPILOG)
@click.option(
    "--rhythms", type=FOLDER, multiple=True, help="Records with annotated rhythms; may be given several times."
)
@click.option(
    "--challenge", type=FOLDER, help="The training set of the PhysioNet/CinC Challenge 2015, or a part of it."
)
@click.option("--split", type=click.Choice(["DS1", "DS2"]), help="Take these records alone from a folder of mitdb.")
@click.option("--held-out", is_flag=True, help="Judge each person by a detector of fibrillation fitted on others.")
@model_option
@click.option("--rivals/--no-rivals", default=True, show_default=True, help="Measure rules without shapes as well.")
@click.option("--waves/--no-waves", default=True, show_default=True, help="Hear pulse waves where there are some.")
@click.option("--jobs", type=click.IntRange(min=1), help="Records measured at the same time.  [default: the cores]")
@json_file_option
@figure_option
@click.option(
    "--strips",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Draw each lethal episode of 5 s and more that was missed, one .png each.",
)
@insert_option
@progress_option
@click.pass_context
def command(
    ctx: click.Context,
    rhythms: tuple[Path, ...],
    challenge: Path | None,
    split: str | None,
    held_out: bool,
    model: Path | None,
    rivals: bool,
    waves: bool,
    jobs: int | None,
    json_file: Path | None,
    figure: Path | None,
    strips: Path | None,
    insert: tuple[Path, str] | None,
    progress: bool | None,
) -> None:
    """Measure the alarms: lethal episodes told and how soon, false alarms an hour, the Challenge 2015."""
    if not (rhythms or challenge):
        raise click.UsageError("name folders with --rhythms, --challenge, or both")
    check_outputs(json_file, insert, figure)
    if figure is not None and not rhythms:
        raise click.UsageError("--figure draws annotated rhythms: name folders with --rhythms")
    if strips is not None:
        try:
            strips.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.UsageError(f"--strips: {strips}: {error.strerror}") from error
    settings = read_settings()
    from pipeline.cli.display import progress_bar
    from pipeline.evaluation.alarm_tables import document
    from pipeline.evaluation.run import evaluate_tasks

    started = time.perf_counter()
    processes = jobs or os.cpu_count() or 1
    groups: dict[str, list[AlarmTask]] = {}
    for folder in rhythms:
        if _title(folder) in groups:
            raise click.UsageError(f"two folders of --rhythms are called {_title(folder)}: rename one")
        groups[_title(folder)] = _tasks(folder, settings, rivals, model, split=split)
    if challenge is not None:
        groups["challenge 2015"] = _tasks(challenge, settings, rivals, model, challenge=True)
    if held_out:
        from pipeline.evaluation.fit_fibrillation import fold_of, gather, person_of, weights_of_folds

        folders = (*rhythms, *((challenge,) if challenge else ()))
        click.echo("fitting the detector of fibrillation without a fifth of the people, five times", err=True)
        examples, unread = gather(folders, processes=processes)
        if unread:
            click.echo(f"{len(unread)} records could not be read: the detector is fitted without them", err=True)
        weights = weights_of_folds(examples)
        groups = {
            title: [replace(task, fibrillation=weights[fold_of(person_of(task.data_dir, task.name))]) for task in tasks]
            for title, tasks in groups.items()
        }
    if not waves:
        groups = {title: [replace(task, waves=False) for task in tasks] for title, tasks in groups.items()}
    whole = sum(map(len, groups.values()))
    done: dict[str, list[Judged]] = {title: [] for title in groups}
    failed: dict[str, str] = {}
    with progress_bar("evaluating alarms", progress) as show:
        for title, tasks in groups.items():
            with closing(evaluate_tasks(tasks, processes=processes)) as running:
                for task, outcome in running:
                    if isinstance(outcome, str):
                        failed[f"{title}/{task.record}"] = outcome
                    else:
                        done[title].append(outcome)
                    show(task.record, (sum(map(len, done.values())) + len(failed)) / whole)
    for name in sorted(failed):
        click.echo(f"Error: {failed[name]}", err=True)
    measured = {title: sorted(judged, key=lambda one: one.record) for title, judged in done.items() if judged}
    if not measured:
        raise click.ClickException("no record could be measured")
    sheets = _sheets(measured, rivals=rivals, waves=waves)
    console = wide_console(WIDTH)
    for sheet in sheets:
        console.print(sheet.rich())
    if json_file is not None:
        write_json(json_file, {"command": asked(), **document(measured), "failed": failed})
    if figure is not None:
        _draw(measured, figure)
    if strips is not None:
        _draw_misses(measured, groups, strips)
    if insert is not None:
        insert_text(*insert, "\n\n".join([f"From `{asked()}`.", *(sheet.markdown() for sheet in sheets)]))
    n = sum(map(len, measured.values()))
    click.echo(f"{n} of {whole} records in {time.perf_counter() - started:.0f} s.")
    ctx.exit(int(bool(failed)))


def _draw(measured: dict[str, list[Judged]], path: Path) -> None:
    from pipeline.evaluation.alarm_run import OWN
    from pipeline.figures import draw_alarms, save_figure

    own = {title: [one.rhythms[OWN] for one in judged if one.rhythms] for title, judged in measured.items()}
    save_figure(draw_alarms({title: records for title, records in own.items() if records}), path)
    click.echo(f"Written: {path}")


def _draw_misses(measured: dict[str, list[Judged]], groups: dict[str, list[AlarmTask]], folder: Path) -> None:
    from pipeline.evaluation.alarm_run import OWN
    from pipeline.figures import draw_miss, save_figure
    from pipeline.figures.alarms import SHORTEST_S
    from pipeline.sources import open_record

    drawn = 0
    for title, judged in measured.items():
        tasks = {task.record: task for task in groups[title]}
        for one in judged:
            episodes = one.rhythms[OWN].episodes if one.rhythms else ()
            for episode in episodes:
                if episode.raised_s is not None or episode.seconds < SHORTEST_S:
                    continue
                task = tasks[one.record]
                record = open_record(task.name, data_dir=task.data_dir, settings=task.settings)
                name = f"{title}-{one.record}-{episode.start_s:.0f}s.png".replace("/", "-")
                save_figure(draw_miss(record, episode, one.alarms), folder / name)
                drawn += 1
    click.echo(f"Written: {drawn} strips in {folder}")


def _sheets(measured: dict[str, list[Judged]], *, rivals: bool, waves: bool) -> list[Sheet]:
    from pipeline.evaluation.alarm_run import OWN
    from pipeline.evaluation.alarm_tables import challenge_sheet, overview_sheet, rhythm_sheet

    of_rhythms = {title: judged for title, judged in measured.items() if judged[0].challenge is None}
    sheets = []
    if of_rhythms and not rivals:
        sheets.append(overview_sheet(of_rhythms, OWN))
    elif of_rhythms:
        sheets += [rhythm_sheet(title, judged) for title, judged in of_rhythms.items()]
    of_alarms = [judged for judged in measured.values() if judged[0].challenge is not None]
    return sheets + [challenge_sheet(judged, waves=waves) for judged in of_alarms]


def _title(folder: Path) -> str:
    """Return the name of a database: that of its folder, unless that is a version or a part."""
    from pipeline.sources.names import is_version

    parts = [part for part in folder.resolve().parts if not is_version(part) and part not in ("training", "files")]
    return parts[-1]


def _tasks(
    folder: Path,
    settings: Settings,
    rivals: bool,
    model: Path | None,
    *,
    challenge: bool = False,
    split: str | None = None,
) -> list[AlarmTask]:
    from pipeline.detection.shipped import DEFAULT_MODEL
    from pipeline.evaluation.alarm_run import AlarmTask
    from pipeline.evaluation.challenge import read_alarms
    from pipeline.evaluation.protocol import DS1, DS2
    from pipeline.evaluation.run import NOISES
    from pipeline.sources import list_records

    chosen = model or DEFAULT_MODEL
    if challenge:
        there = {header.stem for header in folder.glob("*.hea")}
        alarms = [alarm for alarm in read_alarms(folder) if alarm.record in there]
        return [AlarmTask(alarm.record, folder, settings, alarm, rivals, chosen) for alarm in alarms]
    noises = {name.rpartition("/")[2] for name in NOISES}
    names = [name for name in list_records(data_dir=folder) if name not in noises]
    if split and _title(folder) == "mitdb":
        kept = {name.rpartition("/")[2] for name in (DS1 if split == "DS1" else DS2)}
        names = [name for name in names if name in kept]
    return [AlarmTask(name, folder, settings, None, rivals, chosen) for name in names]
