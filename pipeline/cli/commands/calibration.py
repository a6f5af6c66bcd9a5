"""``ecg-anomaly calibration``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand, bad_arguments
from pipeline.cli.options import data_dir_option, leads_option, model_option, progress_option, read_settings
from pipeline.cli.study import (
    asked,
    check_outputs,
    chosen_records,
    figure_option,
    insert_option,
    insert_text,
    json_file_option,
    rpeaks_option,
    wide_console,
    write_json,
)

WIDTH = 130  # columns, where standard output is no terminal

EPILOG = """
Examples:
  ecg-anomaly calibration --split DS2
  ecg-anomaly calibration --split DS2 --rpeaks detected --figure calibration.png
  ecg-anomaly calibration --split DS2 --step 1.5
  ecg-anomaly calibration mitdb/208 mitdb/119 --json calibration.json

Each rule sees the same scores and no label. Rates are those of normal beats
from 5:00 on. The population of the shipped model is DS1: figures on DS1 are in-
sample.

Exit codes: 0 all records measured, 1 some failed (the others were measured).
"""


@click.command("calibration", cls=PipelineCommand, epilog=EPILOG)
@click.argument("records", nargs=-1)
@click.option("--split", type=click.Choice(["DS1", "DS2"]), help="Records of mitdb.")
@data_dir_option
@rpeaks_option("detected")
@leads_option
@model_option
@click.option(
    "--step",
    type=click.FloatRange(0.1, 10.0),
    metavar="FACTOR",
    help="Also multiply the signal by this from 15:00 on, and count the beats until verdicts recover.",
)
@figure_option
@json_file_option
@insert_option
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
    check_outputs(json_file, insert, figure)
    settings = read_settings()
    names = chosen_records(records, split, data_dir, settings)
    from pipeline.cli.display import progress_bar
    from pipeline.detection.model import DEFAULT_MODEL, BeatModel
    from pipeline.errors import PipelineError
    from pipeline.evaluation.run import Task
    from pipeline.evaluation.threshold_study import (
        MAIN_RATE,
        judge_rules,
        recovery_sheet,
        rule_figures,
        rule_recoveries,
        rule_sheets,
    )

    path = model or DEFAULT_MODEL
    with bad_arguments():
        guesses = BeatModel.load(path).guesses
    judged, stepped, failed = [], [], {}
    with progress_bar("calibration", progress) as show:
        for k, name in enumerate(names):
            show(name, k / len(names))
            task = Task(name, settings, (path,), rpeaks, data_dir, leads, rivals=False)
            try:
                scored = task.score()
                disturbed = replace(task, step=step).score().findings if step else None
            except PipelineError as error:
                failed[name] = str(error)
                continue
            judged.append(judge_rules(scored.findings, scored.annotations, guesses, n_samples=scored.n_samples))
            if disturbed is not None:
                stepped.append(
                    judge_rules(disturbed, scored.annotations, guesses, n_samples=scored.n_samples, rates=(MAIN_RATE,))
                )
    for reason in failed.values():
        click.echo(f"Error: {reason}", err=True)
    if not judged:
        raise click.ClickException("no record could be measured")
    figures = rule_figures(judged)
    sheets = list(rule_sheets(figures))
    recoveries = rule_recoveries(stepped, judged) if stepped else {}
    if step and recoveries:
        sheets.append(recovery_sheet(recoveries, step))
    console = wide_console(WIDTH)
    for sheet in sheets:
        console.print(sheet.rich())
    if figure is not None:
        from pipeline.figures import draw_calibration, save_figure

        save_figure(draw_calibration(figures), figure)
        click.echo(f"Written: {figure}")
    if json_file is not None:
        rules: dict[str, dict[str, object]] = {}
        for found in figures:
            rules.setdefault(found.rule, {})[f"{found.declared:g}"] = found.to_dict()
        for rule, beats in recoveries.items():
            rules[rule]["recovery_beats"] = beats  # null stands for never
        write_json(json_file, {"rules": rules, "failed": failed, "rpeaks": rpeaks, "step": step})
    if insert is not None:
        insert_text(*insert, "\n\n".join([f"From `{asked()}`, from 5:00 on.", *(sheet.markdown() for sheet in sheets)]))
    ctx.exit(int(bool(failed)))
