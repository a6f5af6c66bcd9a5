"""``ecg-anomaly setup-prefect``."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import json_option

EPILOG = """
Examples:
  export PREFECT_API_URL=http://127.0.0.1:4200/api
  ecg-anomaly setup-prefect

It declares limits (requests to PhysioNet, one training at a time), variables
(ecg_monitor_url) and automations (retraining on drift, marking dead runs). Running
it again changes nothing that is there and up to date; `make serve` runs it as well.
It warns of schedules in time zones whose clocks change.
"""


@click.command("setup-prefect", cls=PipelineCommand, epilog=EPILOG)
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Deployments; by default prefect.yaml of the checkout.",
)
@json_option
def command(file: Path | None, as_json: bool) -> None:
    """Tell Prefect's server of limits, variables and automations."""
    from flows.deployments import FILE, load_deployments
    from flows.setup import set_up
    from flows.zones import warnings_of, warnings_of_deployments
    from pipeline.cli.display import show_json, show_lines

    done = set_up(file or FILE)
    deployments = load_deployments(file or FILE)
    said: dict[str, str] = {}
    for one in deployments:
        said |= warnings_of(one.full_name, one.schedules or [])
    said |= warnings_of_deployments(one.full_name for one in deployments)
    for about, what in said.items():
        click.echo(f"Warning: {about}: {what}", err=True)
    show_json(done) if as_json else show_lines(done)
