"""``ecg-anomaly alarms``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import json_option, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.storage.database.acknowledging import AlarmAction
    from pipeline.storage.database.alarms import StoredAlarm

EPILOG = """
Examples:
  ecg-anomaly alarms --open
  ecg-anomaly alarms --record mitdb/208 --json
  ecg-anomaly alarms --open --record mitdb/208 --acknowledge --by "A. Nurse"
  ecg-anomaly alarms --number 17 --take-back --by "A. Nurse"
  ecg-anomaly alarms --log

Alarms of the flows and of live monitoring stay open until somebody has taken
note of them, on a page or here. Who did what is kept in a log, also when it is
taken back. Alarms of the synthetic patients of `monitor --demo` are left out,
unless --demos or a --number asks for them. Times are of the time zone that the
settings name: ECG_TIME_ZONE=Europe/Berlin; UTC by default.
"""


@click.command("alarms", cls=PipelineCommand, epilog=EPILOG)
@click.option("--open", "only_open", is_flag=True, help="Take the alarms alone that nobody has acknowledged.")
@click.option("--record", help="Take the alarms of this record or patient alone.")
@click.option("--number", type=click.IntRange(min=1), multiple=True, help="Take the alarm of this number; repeatable.")
@click.option("--limit", type=click.IntRange(min=1), help="Take the newest so many.  [default: all]")
@click.option("--demos", is_flag=True, help="Take the alarms of `monitor --demo` as well.")
@click.option("--acknowledge", is_flag=True, help="Acknowledge the open ones among them, all or none.")
@click.option("--take-back", is_flag=True, help="Open the acknowledged ones among them again, all or none.")
@click.option("--by", help="Name of who does so, for the log.")
@click.option("--yes", is_flag=True, help="Ask no question.")
@click.option("--log", "show_log", is_flag=True, help="Show who acknowledged what and when, and who took it back.")
@json_option
def command(
    only_open: bool,
    record: str | None,
    number: tuple[int, ...],
    limit: int | None,
    demos: bool,
    acknowledge: bool,
    take_back: bool,
    by: str | None,
    yes: bool,
    show_log: bool,
    as_json: bool,
) -> None:
    """List stored alarms, acknowledge them, or show who did."""
    if acknowledge and take_back:
        raise click.UsageError("--acknowledge does not go with --take-back")
    if (acknowledge or take_back) and not (by or "").strip():
        raise click.UsageError("--by names who acknowledges or takes back")
    if show_log and (acknowledge or take_back):
        raise click.UsageError("--log does not go with --acknowledge or --take-back")
    from pipeline.cli.database import open_database
    from pipeline.clock import now_us

    settings = read_settings()
    with open_database(settings) as database:
        if show_log:
            _show_log(database.alarms.actions(limit or 1000, record=record), settings.time_zone, as_json)
            return
        found = database.alarms.newest(
            limit,
            record=record,
            only_open=only_open or acknowledge,
            numbers=number or None,
            with_demos=demos or bool(number),
        )
        if missing := set(number) - {one.id for one in found}:
            known = {one.id for one in database.alarms.newest(numbers=missing)}
            if unknown := missing - known:
                raise click.UsageError(f"there is no alarm of number {min(unknown)}")
        if take_back:
            found = [one for one in found if one.acknowledged_by is not None]
        if (acknowledge or take_back) and found:
            what = "Acknowledge" if acknowledge else "Open again"
            if not yes:
                click.confirm(f"{what} {len(found)} alarms, as {by}?", abort=True, err=True)
            change = database.alarms.acknowledge_all if acknowledge else database.alarms.take_back
            changed = {one.id: one for one in change([one.id for one in found], by or "", at_us=now_us())}
            found = [changed[one.id] for one in found]
    _show(found, settings.time_zone, as_json)


def _show(found: Sequence[StoredAlarm], zone: str, as_json: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from pipeline.cli.display import show_json, show_table

    if as_json:
        show_json([_document(one) for one in found])
        return
    table = Table(box=SIMPLE_HEAD, padding=0)
    for name in ("no.", "record", "alarm", "began", "lasted s", "acknowledged"):
        table.add_column(name, overflow="fold", justify="right" if name in ("no.", "lasted s") else "left")
    for one in found:
        alarm = one.alarm
        lasted = "" if alarm.ended_s is None else f"{max(0.0, alarm.ended_s - alarm.onset_s):.0f}"
        table.add_row(
            str(one.id),
            Text(alarm.record),
            Text(f"{alarm.kind}, {alarm.priority}"),
            _began(one, zone),
            lasted,
            Text(_by(one, zone)),
        )
    show_table(table)
    still = sum(one.acknowledged_by is None for one in found)
    click.echo(f"{len(found)} alarms, {still} of them open")


def _show_log(actions: Sequence[AlarmAction], zone: str, as_json: bool) -> None:
    from dataclasses import asdict

    from pipeline.cli.display import show_json
    from pipeline.clock import moment

    if as_json:
        show_json([asdict(one) for one in actions])
        return
    for one in actions:
        what = f"alarm {one.alarm}" if one.alarm is not None else "an alarm that is gone"
        about = f"{what}, {one.kind} ({one.priority}) of {one.record}"
        click.echo(f"{moment(one.done_at_us, zone)}  {one.by}  {one.action}  {about}")
    click.echo(f"{len(actions)} lines", err=True)


def _document(one: StoredAlarm) -> dict[str, Any]:
    from dataclasses import asdict

    rest = {name: getattr(one, name) for name in ("id", "origin", "started_at_us", "noted_at_us", "run")}
    return {**rest, **asdict(one.alarm), "by": one.acknowledged_by, "acknowledged_at_us": one.acknowledged_at_us}


def _began(one: StoredAlarm, zone: str) -> str:
    from pipeline.clock import moment

    if one.started_at_us is not None:
        return moment(one.started_at_us + round(one.alarm.onset_s * 1e6), zone)
    minutes, seconds = divmod(one.alarm.onset_s, 60)
    return f"{minutes:.0f}:{int(seconds):02d}"


def _by(one: StoredAlarm, zone: str) -> str:
    from pipeline.clock import moment

    if one.acknowledged_by is None or one.acknowledged_at_us is None:
        return ""
    return f"{one.acknowledged_by}, {moment(one.acknowledged_at_us, zone)}"
