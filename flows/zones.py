"""Schedules in time zones whose clocks change, and a word about what Prefect makes of them there."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound

__all__ = ["changes_clocks", "warnings_of", "warnings_of_deployments", "warnings_of_this_run"]


def changes_clocks(zone: str, year: int) -> bool:
    """Tell whether a time zone's clocks change in a year.

    >>> changes_clocks("Europe/Berlin", 2026), changes_clocks("Asia/Tokyo", 2026), changes_clocks("Etc/UTC", 2026)
    (True, False, False)
    """
    try:
        known = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    noons = (datetime(year, 1, 1, 12, tzinfo=UTC) + timedelta(days=day) for day in range(366))
    return len({noon.astimezone(known).utcoffset() for noon in noons}) > 1


def warnings_of(name: str, schedules: Iterable[Any]) -> dict[str, str]:
    """Return a word about each schedule of a deployment in a zone whose clocks change, by what it is about.

    Parameters
    ----------
    name : str
        Of the deployment.
    schedules : iterable
        Its schedules, as a file declares or the server holds them: each has a ``schedule`` with a ``timezone``.
    """
    year = datetime.now(UTC).year
    zones = {str(getattr(one.schedule, "timezone", None) or "UTC") for one in schedules}
    return {
        f"schedule of {name} in {zone}": "clocks change there: Prefect starts a night's run an hour early in spring, "
        "and intervals pause or move in autumn; the next run scores what is not scored yet; in UTC no night moves"
        for zone in sorted(zones)
        if changes_clocks(zone, year)
    }


def warnings_of_deployments(names: Iterable[str], client: SyncPrefectClient | None = None) -> dict[str, str]:
    """Return the same for the schedules that the server holds, those that somebody has added among them."""
    if client is None:
        with get_client(sync_client=True) as own:
            return warnings_of_deployments(names, own)
    said: dict[str, str] = {}
    for name in names:
        try:
            said |= warnings_of(name, client.read_deployment_by_name(name).schedules)
        except ObjectNotFound:
            continue
    return said


def warnings_of_this_run() -> dict[str, str]:
    """Return the same for the deployment that this flow run belongs to; nothing for a run that somebody has started."""
    from prefect.runtime import deployment

    if deployment.id is None:
        return {}
    try:
        with get_client(sync_client=True) as client:
            there = client.read_deployment(deployment.id)
    except Exception as error:  # a word about schedules is no reason not to score
        if not isinstance(error, ObjectNotFound):
            logging.getLogger(__name__).warning("nothing is known of this deployment's schedules: %r", error)
        return {}
    return warnings_of(str(there.name), there.schedules)
