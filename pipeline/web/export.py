"""Stored alarms as FHIR R4, with the signal that a running monitor remembers, or the record still has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import requests
from numpy.typing import NDArray

from pipeline.errors import PipelineError, SourceUnavailable
from pipeline.records import Alarm, Record
from pipeline.storage.database.alarms import DEMO, StoredAlarm
from pipeline.web.fhir import NO_SIGNAL, Strip, stored_observation, stretch_of
from pipeline.web.ring import to_steps

__all__ = ["RunningMonitor", "bundle", "exported", "is_live", "strips_of"]

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
        except requests.exceptions.SSLError as error:
            raise SourceUnavailable(
                f"monitor {self._url}: its certificate is not trusted here; REQUESTS_CA_BUNDLE names a file of those "
                "that are"
            ) from error
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


def strips_of(record: Record, alarms: Sequence[Alarm]) -> list[Strip | None]:
    """Return the signal around each alarm of a record, which is read once; None where it has none there."""
    fs, leads = record.fs, record.leads
    spans = []
    for alarm in alarms:
        start_s, stop_s = stretch_of(alarm)
        spans.append((max(0, round(start_s * fs)), round(stop_s * fs)))
    parts: list[list[NDArray[np.float32]]] = [[] for _ in alarms]
    last = max((stop for _, stop in spans), default=0)
    for chunk in record.chunks(READ_S):
        if chunk.start >= last:
            break
        for (start, stop), found in zip(spans, parts, strict=True):
            if chunk.start < stop and chunk.stop > start:
                found.append(chunk.signal[max(0, start - chunk.start) : stop - chunk.start])
    return [
        Strip(fs, leads, start, to_steps(np.concatenate(found))) if found else None
        for (start, _), found in zip(spans, parts, strict=True)
    ]


def exported(
    stored: Sequence[StoredAlarm], open_record: Callable[[str], Record], monitor: RunningMonitor | None
) -> list[tuple[dict[str, Any], bool]]:
    """Return each alarm as an ``Observation``, and whether it has its signal.

    Parameters
    ----------
    stored : sequence of StoredAlarm
        The alarms.
    open_record : callable
        Opens a record by name; not asked for alarms of live patients, whose names may be those of records.
    monitor : RunningMonitor or None
        Asked first, if there is one.

    Raises
    ------
    SourceUnavailable
        If the monitor does not answer.
    """
    documents = {one.id: monitor.observation(one.id) if monitor is not None else None for one in stored}
    strips: dict[int, Strip | None] = {}
    reasons: dict[int, str] = {}
    by_record: dict[str, list[StoredAlarm]] = {}
    for one in stored:
        if documents[one.id] is None and not is_live(one):
            by_record.setdefault(one.alarm.record, []).append(one)
    for name, ones in by_record.items():
        try:
            found = strips_of(open_record(name), [one.alarm for one in ones])
            strips |= {one.id: strip for one, strip in zip(ones, found, strict=True)}
        except (PipelineError, ValueError) as error:
            reasons |= dict.fromkeys((one.id for one in ones), f"the signal of this alarm is not at hand: {error}")
    made = [
        documents[one.id]
        or stored_observation(
            one.alarm,
            strips.get(one.id),
            number=one.id,
            began_us=one.started_at_us,
            without=reasons.get(one.id, NO_SIGNAL),
            acknowledged=(one.acknowledged_by, one.acknowledged_at_us),
        )
        for one in stored
    ]
    return [(document, "component" in document) for document in made]


def is_live(stored: StoredAlarm) -> bool:
    """Tell whether an alarm was raised live or in the demo, and not where a record was scored or replayed."""
    return stored.origin.startswith(("live/", "monitor/", DEMO))


def bundle(observations: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a ``Bundle`` of observations."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in observations]}
