"""One process serves the deployments: a second one would pause, when it ends, what the first goes on serving."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import datetime

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import DeploymentStatus
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings

from pipeline.errors import PipelineError

__all__ = ["refuse_if_served"]

SLACK_S = 5.0  # the server notes in the background that somebody has asked for work


def refuse_if_served(deployments: Sequence[RunnerDeployment]) -> None:
    """Make sure that nobody else, on any machine, asks the server for the work of these deployments.

    Who serves a deployment asks for its work again and again, which the server notes. Where somebody has asked lately,
    it is watched whether they still do: a process that was killed a moment ago may be replaced at once.

    Raises
    ------
    PipelineError
        If somebody does.
    """
    with get_client(sync_client=True) as client:
        before = _last_asked(client, deployments)
        if not before:
            return
        wait_s = 1.5 * get_current_settings().runner.poll_frequency + SLACK_S
        sys.stdout.write(f"served until lately; up to {wait_s:.0f} s to see whether by a process that still runs\n")
        sys.stdout.flush()
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            time.sleep(0.5)  # the server tells nobody that it was asked: it has to be looked at
            now = _last_asked(client, deployments)
            if served := sorted(name for name in before if now.get(name, before[name]) != before[name]):
                raise PipelineError(
                    f"{', '.join(served)}: served by another process already, whose schedules would be paused when "
                    "this one ends; stop that one first (or the worker of the work pool), or let it go on alone"
                )


def _last_asked(client: SyncPrefectClient, deployments: Sequence[RunnerDeployment]) -> dict[str, datetime]:
    """Return when work was last asked for, of the deployments that the server counts as served."""
    asked: dict[str, datetime] = {}
    for deployment in deployments:
        try:
            there = client.read_deployment_by_name(deployment.full_name)
        except ObjectNotFound:
            continue
        if there.status == DeploymentStatus.READY and there.last_polled is not None:
            asked[deployment.full_name] = there.last_polled
    return asked
