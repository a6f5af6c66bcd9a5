"""Stored alarms as FHIR R4, with the signal that a running monitor remembers, or the record still has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import requests

from pipeline.errors import PipelineError, SourceUnavailable
from pipeline.records import Alarm, Record
from pipeline.storage.database.alarms import StoredAlarm
from pipeline.web.fhir import NO_SIGNAL, Strip, stored_observation, stretch_of
from pipeline.web.ring import to_steps

__all__ = ["RunningMonitor", "bundle", "exported", "is_live", "strip_of"]

TIMEOUT_S = 10.0
READ_S = 60.0  # s of a record read at a time


class RunningMonitor:
    """The page of a running monitor, which has the newest half hour of each patient in memory.

    Parameters
    ----------
    url : str
        Where it is served.
    token : str or None
        What it asks for, if it does.
    """

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def observation(self, number: int) -> dict[str, Any] | None:
        """Return an alarm as the monitor has it; None where it is not of its run.

        Raises
        ------
        SourceUnavailable
            If the monitor does not answer, or refuses.
        """
        try:
            answer = self._session.get(f"{self._url}/api/alarms/{number}/observation", timeout=TIMEOUT_S)
        except requests.RequestException as error:
            raise SourceUnavailable(f"monitor {self._url} does not answer ({type(error).__name__})") from error
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise SourceUnavailable(
                f"monitor {self._url} answers {answer.status_code}: is ECG_MONITOR_TOKEN its token?"
            )
        document: dict[str, Any] = answer.json()
        return document


def strip_of(record: Record, alarm: Alarm) -> Strip | None:
    """Return the signal around an alarm of a record, read from its beginning; None where it has none there."""
    start_s, stop_s = stretch_of(alarm)
    start, stop = max(0, round(start_s * record.fs)), round(stop_s * record.fs)
    parts, leads = [], record.leads
    for chunk in record.chunks(READ_S):
        if chunk.start >= stop:
            break
        if chunk.stop > start:
            parts.append(chunk.signal[max(0, start - chunk.start) : stop - chunk.start])
    signal = np.concatenate(parts) if parts else np.empty((0, len(leads)), np.float32)
    return Strip(record.fs, leads, start, to_steps(signal)) if len(signal) else None


def exported(
    stored: StoredAlarm, open_record: Callable[[str], Record], monitor: RunningMonitor | None
) -> tuple[dict[str, Any], bool]:
    """Return an alarm as an ``Observation``, and whether it has its signal.

    Parameters
    ----------
    stored : StoredAlarm
        The alarm.
    open_record : callable
        Opens a record by name; not asked for alarms of live patients, whose names may be those of records.
    monitor : RunningMonitor or None
        Asked first, if there is one.

    Raises
    ------
    SourceUnavailable
        If the monitor does not answer.
    """
    document = monitor.observation(stored.id) if monitor is not None else None
    if document is None:
        strip, reason = None, NO_SIGNAL
        if not is_live(stored):
            try:
                strip = strip_of(open_record(stored.alarm.record), stored.alarm)
            except (PipelineError, ValueError) as error:
                reason = f"the signal of this alarm is not at hand: {error}"
        document = stored_observation(
            stored.alarm,
            strip,
            number=stored.id,
            began_us=stored.started_at_us,
            without=reason,
            acknowledged=(stored.acknowledged_by, stored.acknowledged_at_us),
        )
    return document, "component" in document


def is_live(stored: StoredAlarm) -> bool:
    """Tell whether an alarm was raised live or in the demo, and not where a record was scored or replayed."""
    return stored.origin.startswith(("live/", "monitor/", "demo-"))


def bundle(observations: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a ``Bundle`` of observations."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in observations]}
