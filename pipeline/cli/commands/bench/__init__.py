"""``ecg-anomaly bench``."""

from __future__ import annotations

import click

from pipeline.cli.commands.bench.backfill import backfill
from pipeline.cli.commands.bench.endurance import endurance_command
from pipeline.cli.commands.bench.growth import growth
from pipeline.cli.commands.bench.kernels import kernels
from pipeline.cli.commands.bench.live import live
from pipeline.cli.commands.bench.peers import peers
from pipeline.cli.commands.bench.soak import soak_command

__all__ = ["command"]


@click.group("bench")
def command() -> None:
    """Measure speed and endurance on this machine."""


for _measured in (backfill, endurance_command, growth, kernels, live, peers, soak_command):
    command.add_command(_measured)
