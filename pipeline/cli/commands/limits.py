"""``ecg-anomaly limits``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import json_option, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.settings import AlarmSettings
    from pipeline.storage.database.limits import LimitChange

EPILOG = """
Examples:
  ecg-anomaly limits
  ecg-anomaly limits ward/bed-1
  ecg-anomaly limits ward/bed-1 --set tachy_bpm=160 --by "A. Nurse"
  ecg-anomaly limits ward/bed-1 --set tachy_bpm=usual --by "A. Nurse"
  ecg-anomaly limits --log

Live monitoring goes by these limits two seconds after they are set, here or on
a page. Records that are scored from files go by the settings alone, which name
patients too: [alarms.limits."mitdb/208"] in ecg-anomaly.toml. Times are of the
time zone that the settings name: ECG_TIME_ZONE=Europe/Berlin; UTC by default.
"""


def _settings(_ctx: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, float | None]:
    """Return limits by name; None where the usual one is to hold."""
    from pipeline.alarm_limits import LIMITS

    limits: dict[str, float | None] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in LIMITS:
            raise click.BadParameter(f"there is no limit {name!r}; the limits are {', '.join(LIMITS)}")
        try:
            limits[name] = None if value == "usual" else float(value)
        except ValueError:
            raise click.BadParameter(f"{text!r} is no number; write {name}=120, or {name}=usual") from None
    return limits


@click.command("limits", cls=PipelineCommand, epilog=EPILOG)
@click.argument("patient", required=False)
@click.option(
    "--set", "limits", multiple=True, callback=_settings, metavar="NAME=VALUE", help="Set a limit; repeatable."
)
@click.option("--by", help="Name of who does so, for the log.")
@click.option("--log", "show_log", is_flag=True, help="Show who set what and when, the last first.")
@json_option
def command(
    patient: str | None, limits: dict[str, float | None], by: str | None, show_log: bool, as_json: bool
) -> None:
    """Show the limits of alarms of PATIENT, or of all patients who have their own, or set them."""
    if limits and patient is None:
        raise click.UsageError("--set needs the name of a patient")
    if limits and not (by or "").strip():
        raise click.UsageError("--by names who sets limits")
    if limits and show_log:
        raise click.UsageError("--log does not go with --set")
    from pipeline.cli.database import open_database
    from pipeline.clock import now_us

    settings = read_settings()
    with open_database(settings) as database:
        if show_log:
            _show_log(database.limits.history(patient), settings.time_zone, as_json)
            return
        own = database.limits.current(patient)
        if limits and patient is not None:
            try:
                check = partial(settings.alarms.of, patient)
                database.limits.set(patient, limits, by or "", at_us=now_us(), check=check)
            except ValueError as error:
                raise click.UsageError(str(error)) from error
            own = database.limits.current(patient)
    names = [patient] if patient is not None else sorted(own.keys() | settings.alarms.limits.keys())
    _show({name: _rows(settings.alarms.of(name), own.get(name, {})) for name in names}, as_json)


def _rows(usual: AlarmSettings, own: dict[str, float]) -> list[dict[str, Any]]:
    from dataclasses import asdict

    from pipeline.alarm_limits import LIMITS

    return [
        {**asdict(limit), "usual": getattr(usual, limit.name), "own": own.get(limit.name)} for limit in LIMITS.values()
    ]


def _show(patients: dict[str, list[dict[str, Any]]], as_json: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from pipeline.cli.display import show_json, show_table

    if as_json:
        show_json(patients)
        return
    for patient, rows in patients.items():
        table = Table(box=SIMPLE_HEAD, padding=0, title=Text(patient), title_justify="left")
        for name in ("limit", "name", "this patient", "usual"):
            table.add_column(name, justify="left" if name in ("limit", "name") else "right")
        for row in rows:
            own = "" if row["own"] is None else f"{row['own']:g} {row['unit']}"
            table.add_row(row["meaning"], row["name"], own, f"{row['usual']:g} {row['unit']}")
        show_table(table)
    if not patients:
        click.echo("No patient has limits of its own. Set one:")
        click.echo("  ecg-anomaly limits PATIENT --set tachy_bpm=160 --by NAME")


def _show_log(changes: Sequence[LimitChange], zone: str, as_json: bool) -> None:
    from dataclasses import asdict

    from pipeline.cli.display import show_json
    from pipeline.clock import moment

    if as_json:
        show_json([asdict(one) for one in changes])
        return
    for one in changes:
        value = "usual" if one.value is None else f"{one.value:g}"
        click.echo(f"{moment(one.set_at_us, zone)}  {one.by}  {one.patient}  {one.name} = {value}")
