"""``ecg-anomaly monitor``."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import data_dir_option, leads_option, read_settings, seed_option

if TYPE_CHECKING:
    from threading import Event

    from pipeline.live.engine import Engine

EPILOG = """
Examples:
  ecg-anomaly monitor --demo
  ecg-anomaly monitor --demo --tui
  ecg-anomaly monitor --records mitdb/208,mitdb/119
  ECG_MONITOR_TOKEN=... ecg-anomaly monitor --demo --host 0.0.0.0 --name ward.example.org

The page is served on this machine alone. Elsewhere it asks for a token: that of
ECG_MONITOR_TOKEN, or one that is made and shown. Put a proxy with TLS in front.
Alarms and who acknowledged them are kept in the database of the settings.
"""


@click.command("monitor", cls=PipelineCommand, epilog=EPILOG)
@click.option("--demo", is_flag=True, help="Show eight synthetic patients.")
@click.option("--records", help="Play these records, such as mitdb/208,mitdb/119.")
@click.option("--speed", type=click.FloatRange(0.1, 20), default=1.0, show_default=True, help="Times real time.")
@click.option("--tui", is_flag=True, help="Show it on this terminal; no page is served.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the page is served.")
@click.option("--port", type=click.IntRange(0, 65535), default=8600, show_default=True, help="And at which port.")
@click.option("--name", "names", multiple=True, help="Another name by which the page is reached, as of a proxy.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open the page if there is a screen.")
@seed_option
@data_dir_option
@leads_option
def command(
    demo: bool,
    records: str | None,
    speed: float,
    tui: bool,
    host: str,
    port: int,
    names: tuple[str, ...],
    browser: bool,
    seed: int,
    data_dir: Path | None,
    leads: tuple[str, ...] | None,
) -> None:
    """Watch many patients on a page, or on the terminal."""
    from pipeline.cli.page import Address, watch
    from pipeline.web.feed import demo_patients, play_records, play_ward

    settings = read_settings()
    if demo:
        patients = demo_patients(seed)

        def feed(engine: Engine, stop: Event) -> None:
            play_ward(engine, patients, stop)

    elif records is not None or data_dir is not None:
        from pipeline.sources import list_records, open_record

        wanted = () if records is None else tuple(name.strip() for name in records.split(","))
        try:
            found = list_records(*wanted, data_dir=data_dir, settings=settings)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        opened = [open_record(name, data_dir=data_dir, leads=leads, settings=settings) for name in found]

        def feed(engine: Engine, stop: Event) -> None:
            play_records(engine, opened, stop, speed=speed)

    else:
        raise click.UsageError("ask for synthetic patients with --demo, or name records with --records mitdb/208")
    watch(
        feed,
        settings,
        origin=f"{'demo' if demo else 'replay'}-{time.time_ns() // 1000}",
        is_live=demo or speed == 1,
        address=None if tui else Address(host, port, names, os.environ.get("ECG_MONITOR_TOKEN") or None, browser),
    )
