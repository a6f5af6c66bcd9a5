"""The deployments of ``prefect.yaml``, for serving them and for registering one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron, Interval, Schedule
from prefect.variables import Variable

from pipeline.errors import PipelineError

__all__ = ["FILE", "keep_added_schedules", "keep_paused", "load_deployments", "rest"]

FILE = Path(__file__).resolve().parent.parent / "prefect.yaml"
RESTING = "ecg_resting"
"""Variable on the server: deployments that :func:`rest` has paused, so that what a person has paused is told apart."""

DECLARED = "declared-"
"""How the slug of a schedule begins that the file declares: the server tells it from what somebody has added."""


def load_deployments(file: Path = FILE) -> list[RunnerDeployment]:
    """Return the deployments that a file declares, as they would be served from here.

    ``prefect deploy`` reads the same file for a work pool; what it says of one counts there alone.

    Raises
    ------
    PipelineError
        If the file is not there or declares none.
    """
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        entries = list(document["deployments"])
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise PipelineError(f"{file} declares no deployments ({error}); run this in a checkout") from error
    return [_deployment(entry, file.parent) for entry in entries]


def keep_added_schedules(deployments: Sequence[RunnerDeployment]) -> dict[str, str]:
    """Let deployments that are about to be registered keep the schedules that somebody has added on the server.

    Registering puts a deployment's schedules in the place of those that were there. One that an earlier version of the
    file declared goes.

    Returns
    -------
    dict of str to str
        What was kept, by deployment; those without any are left out.
    """
    kept = {}
    with get_client(sync_client=True) as client:
        for deployment in deployments:
            try:
                there = client.read_deployment_by_name(deployment.full_name)
            except ObjectNotFound:
                continue
            declared = list(deployment.schedules or [])
            for schedule in there.schedules:
                if (schedule.slug or "").startswith(DECLARED):
                    if schedule.slug not in {one.slug for one in declared}:
                        client.delete_deployment_schedule(there.id, schedule.id)
                elif schedule.schedule not in [one.schedule for one in declared]:
                    added = DeploymentScheduleCreate(
                        schedule=schedule.schedule,
                        active=schedule.active,
                        parameters=schedule.parameters,
                        slug=schedule.slug,
                    )
                    deployment.schedules = [*(deployment.schedules or []), added]
            if more := len(deployment.schedules or []) - len(declared):
                kept[f"schedules of {deployment.full_name}"] = f"{more} added by hand kept"
    return kept


def keep_paused(deployments: Sequence[RunnerDeployment]) -> dict[str, str]:
    """Let deployments that are about to be registered stay paused where a person has paused them.

    Returns
    -------
    dict of str to str
        What stays paused, by deployment.
    """
    resting = set(_resting())
    kept = {}
    with get_client(sync_client=True) as client:
        for deployment in deployments:
            try:
                there = client.read_deployment_by_name(deployment.full_name)
            except ObjectNotFound:
                continue
            if there.paused and deployment.full_name not in resting:
                deployment.paused = True
                kept[f"deployment {deployment.full_name}"] = "stays paused"
    return kept


def rest(deployments: Sequence[RunnerDeployment]) -> None:
    """Pause deployments that nothing serves from now on, and note which: those that a person has paused are not."""
    names = []
    with get_client(sync_client=True) as client:
        for deployment in deployments:
            there = client.read_deployment_by_name(deployment.full_name)
            if not there.paused:
                client.pause_deployment(there.id)
                names.append(deployment.full_name)
    others = set(_resting()) - {deployment.full_name for deployment in deployments}
    Variable.set(RESTING, sorted({*names, *others}), overwrite=True)


def _resting() -> list[str]:
    names: Any = Variable.get(RESTING, default=None)
    return [str(name) for name in names] if isinstance(names, list) else []


def _deployment(entry: Mapping[str, Any], root: Path) -> RunnerDeployment:
    limit = entry.get("concurrency_limit")
    return RunnerDeployment.from_entrypoint(
        entrypoint=_entrypoint(entry["entrypoint"], root),
        name=entry["name"],
        description=entry.get("description"),
        tags=entry.get("tags"),
        parameters=entry.get("parameters"),
        schedules=[
            _schedule(one, one.get("slug", f"{DECLARED}{i}")) for i, one in enumerate(entry.get("schedules", ()), 1)
        ],
        concurrency_limit=ConcurrencyLimitConfig(**limit) if isinstance(limit, Mapping) else limit,
        enforce_parameter_schema=True,
    )


def _entrypoint(text: str, root: Path) -> str:
    # A path from where the process is: a flow run's process starts in the same folder.
    path, _, name = text.partition(":")
    return f"{root / path}:{name}"


def _schedule(one: Mapping[str, Any], slug: str) -> Schedule:
    shared = {"timezone": one["timezone"], "active": one.get("active", True), "slug": slug}
    if "cron" in one:
        return Cron(one["cron"], **shared)
    anchor = datetime.fromisoformat(one["anchor_date"]) if "anchor_date" in one else None
    return Interval(timedelta(seconds=one["interval"]), anchor_date=anchor, **shared)
