"""``ecg-anomaly fhir``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import data_dir_option, read_settings

EPILOG = """
Examples:
  ecg-anomaly fhir --out alarms.ndjson
  ecg-anomaly fhir --record mitdb/208 --form json --out 208.json
  ecg-anomaly fhir --number 17 --monitor http://127.0.0.1:8600

Signal comes with an alarm as SampledData where it is kept: that of a scored
record for as long as the record is at hand; that of a live patient for as long
as a running monitor remembers it, half an hour, so name its page with --monitor
(and its token with ECG_MONITOR_TOKEN). An alarm whose signal is no longer kept
is written without it and says so in a note; a line on standard error counts
them. Alarms of the synthetic patients of `monitor --demo` are left out, unless
--demos or a --number asks for them.
"""


@click.command("fhir", cls=PipelineCommand, epilog=EPILOG)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write.  [default: standard output]"
)
@click.option(
    "--form",
    type=click.Choice(["ndjson", "json"]),
    default="ndjson",
    show_default=True,
    help="Write a resource a line, or one Bundle.",
)
@click.option("--record", help="Write the alarms of this record or patient alone.")
@click.option(
    "--number", type=click.IntRange(min=1), multiple=True, help="Write the alarm of this number alone; may be repeated."
)
@click.option("--limit", type=click.IntRange(min=1), help="Write the newest so many alone.  [default: all]")
@click.option("--demos", is_flag=True, help="Write the alarms of `monitor --demo` as well.")
@click.option("--monitor", "monitor_url", help="Address of a running monitor's page, which is asked for signal first.")
@data_dir_option
def command(
    out: Path | None,
    form: str,
    record: str | None,
    number: tuple[int, ...],
    limit: int | None,
    demos: bool,
    monitor_url: str | None,
    data_dir: Path | None,
) -> None:
    """Export stored alarms as FHIR R4 Observations with their signal, those of earlier runs too."""
    from pipeline.cli.database import open_database
    from pipeline.sources import open_record
    from pipeline.storage.files import replace_file
    from pipeline.web.export import RunningMonitor, bundle, exported

    settings = read_settings()
    with open_database(settings) as database:
        most = None if limit is None else max(limit, len(number))
        with_demos = demos or bool(number)
        stored = database.alarms.newest(most, record=record, numbers=number or None, with_demos=with_demos)
        every = database.alarms.count(record=record, numbers=number or None)
        left = database.alarms.count(record=record, numbers=number or None, with_demos=with_demos) - len(stored)
        of_demos = every - left - len(stored)
    if missing := set(number) - {one.id for one in stored}:
        raise click.UsageError(f"there is no alarm of number {min(missing)}")
    monitor = RunningMonitor(monitor_url, os.environ.get("ECG_MONITOR_TOKEN") or None) if monitor_url else None
    made = exported(stored, lambda name: open_record(name, data_dir=data_dir, settings=settings), monitor)
    observations = [document for document, _ in made]
    if form == "json":
        text = json.dumps(bundle(observations), allow_nan=False) + "\n"
    else:
        text = "".join(json.dumps(document, allow_nan=False) + "\n" for document in observations)
    if out is None:
        click.echo(text, nl=False)
    else:
        replace_file(out, lambda path: path.write_text(text))
    without = sum(not has_signal for _, has_signal in made)
    why = f", {without} of them without signal: their notes say why" if without else ""
    rest = [f"{left} older ones by --limit"] if left else []
    rest += [f"{of_demos} of `monitor --demo`"] if of_demos else []
    left_out = f"; left out: {', '.join(rest)}" if rest else ""
    click.echo(f"{len(made)} alarms{why}{left_out}", err=True)
