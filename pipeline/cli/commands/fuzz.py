"""``ecg-anomaly fuzz``."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import OUT, json_option, progress_option, seed_option

EPILOG = """
Examples:
  ecg-anomaly fuzz
  ecg-anomaly fuzz frames ward --inputs 100000 --seed 7 --keep found
  ecg-anomaly fuzz --json

Each door gets its share of the inputs, made from ones of its own with something
wrong. An input is taken or refused in one of the project's errors; all else is
counted, and kept with --keep. The same seed makes the same inputs.

Exit codes: 0 every input was taken or refused, 1 otherwise.
"""


@click.command("fuzz", cls=PipelineCommand, epilog=EPILOG)
@click.argument("doors", nargs=-1, metavar="[DOOR]...")
@click.option("--inputs", type=click.IntRange(min=1), default=2000, show_default=True, help="Number of inputs in all.")
@click.option("--keep", type=OUT, help="Folder for inputs that were neither taken nor refused.")
@seed_option
@json_option
@progress_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    doors: tuple[str, ...],
    inputs: int,
    keep: Path | None,
    seed: int,
    as_json: bool,
    progress: bool | None,
) -> None:
    """Send broken inputs through every door: frames, states, models, records, results, the page, a mirror.

    Counted are errors of another kind, inputs that hang (over 20 s) or grow (over 500 MB), and other patients touched.
    """
    from dataclasses import asdict

    from pipeline.cli.display import progress_bar, show_json, show_table
    from pipeline.fuzzing.registry import names as all_names
    from pipeline.fuzzing.registry import shares
    from pipeline.fuzzing.run import fuzz

    there = all_names()
    if unknown := [name for name in doors if name not in there]:
        raise click.UsageError(f"there is no door {unknown[0]!r}; there are {', '.join(there)}")
    wanted = shares(list(dict.fromkeys(doors)) or there, inputs)
    whole = sum(wanted.values())
    with progress_bar("fuzzing", progress) as show:
        done = fuzz(wanted, seed=seed, keep=keep, progress=lambda name, number: show(name, number / whole))
    if as_json:
        show_json([asdict(outcome) for outcome in done])
    else:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD, padding=0)
        table.add_column("door", no_wrap=True)
        for name in ("inputs", "taken", "refused", "other errors", "over 20 s", "over 500 MB", "others touched"):
            table.add_column(name, justify="right")
        for one in done:
            numbers = (one.inputs, one.taken, one.refused, one.broke, one.hung, one.grew, one.touched)
            table.add_row(one.door, *(f"{n:,}" for n in numbers))
        show_table(table)
        for one in done:
            for error, number in one.errors.items():
                click.echo(f"{one.door}, input {number}: {error}")
    ctx.exit(0 if all(outcome.is_clean for outcome in done) else 1)
