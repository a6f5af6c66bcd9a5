"""The deployments of ``prefect.yaml``, for serving them and for registering one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron, Interval, Schedule

from pipeline.errors import PipelineError

__all__ = ["FILE", "load_deployments"]

FILE = Path(__file__).resolve().parent.parent / "prefect.yaml"


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


def _deployment(entry: Mapping[str, Any], root: Path) -> RunnerDeployment:
    limit = entry.get("concurrency_limit")
    return RunnerDeployment.from_entrypoint(
        entrypoint=_entrypoint(entry["entrypoint"], root),
        name=entry["name"],
        description=entry.get("description"),
        tags=entry.get("tags"),
        parameters=entry.get("parameters"),
        schedules=[_schedule(one) for one in entry.get("schedules", ())],
        concurrency_limit=ConcurrencyLimitConfig(**limit) if isinstance(limit, Mapping) else limit,
        enforce_parameter_schema=True,
    )


def _entrypoint(text: str, root: Path) -> str:
    # A path from where the process is: a flow run's process starts in the same folder.
    path, _, name = text.partition(":")
    return f"{root / path}:{name}"


def _schedule(one: Mapping[str, Any]) -> Schedule:
    shared = {"timezone": one["timezone"], "active": one.get("active", True)}
    if "cron" in one:
        return Cron(one["cron"], **shared)
    anchor = datetime.fromisoformat(one["anchor_date"]) if "anchor_date" in one else None
    return Interval(timedelta(seconds=one["interval"]), anchor_date=anchor, **shared)
