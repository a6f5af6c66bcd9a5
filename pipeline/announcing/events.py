"""What is told: the names of the events and their payloads, which automations rely on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.records import Alarm, Drift

__all__ = ["RECORD_RESOURCE", "AlarmEvent", "DriftEvent", "Event", "events_of"]

RECORD_RESOURCE = "ecg-anomaly.record."
"""What ``prefect.resource.id`` begins with; the record's name follows."""

Source = Literal["score", "monitor"]


class Event(BaseModel):
    """What all events say."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: ClassVar[str]

    record: str = Field(description="name of the record or patient, such as mitdb/208 or ward/bed-1")
    source: Source = Field(description="score: found in a whole record; monitor: found live")
    model: str = Field("", description="checksum of the model that scored")
    count: int = Field(1, ge=1, description="how many there were; the other fields are those of the last")


class DriftEvent(Event):
    """The level of a patient's scores has changed. Of a record that was scored as a whole there is one in all."""

    name: ClassVar[str] = "ecg-anomaly.drift.detected"

    time_s: float = Field(ge=0, description="when, in s from the record's start")
    before: float | None = Field(description="mean standardised score before; null where it is not known")
    after: float | None = Field(description="the same after")
    action: str = Field("", description="what was done about it")


class AlarmEvent(Event):
    """A person is told something. Of a record that was scored as a whole there is one for each kind of alarm."""

    name: ClassVar[str] = "ecg-anomaly.alarm.raised"

    kind: str = Field(description="the rule, such as those of `ecg-anomaly rules`")
    priority: str = Field(description="high, medium or low")
    physiological: bool = Field(description="True: about the heart; False: about the signal")
    onset_s: float = Field(description="when it began, in s from the record's start")
    raised_s: float = Field(description="when it was raised")
    message: str = Field(description="one line for a person")


def events_of(
    record: str, drifts: Sequence[Drift], alarms: Sequence[Alarm], *, source: Source, model: str = ""
) -> list[Event]:
    """Return what there is to tell of a record: one event about all drifts, one about each kind of alarm.

    Parameters
    ----------
    record : str
        Name of the record.
    drifts, alarms : sequence
        What was found, in order of time.
    source : {"score", "monitor"}
        Where it was found.
    model : str
        Checksum of the model.
    """
    events: list[Event] = []
    if drifts:
        last = drifts[-1]
        events.append(
            DriftEvent(
                record=record,
                source=source,
                model=model,
                count=len(drifts),
                time_s=last.time_s,
                before=last.before,
                after=last.after,
                action=last.action,
            )
        )
    by_kind: dict[str, list[Alarm]] = {}
    for alarm in alarms:
        by_kind.setdefault(alarm.kind, []).append(alarm)
    for kind, of_kind in by_kind.items():
        alarm = of_kind[-1]
        events.append(
            AlarmEvent(
                record=record,
                source=source,
                model=model,
                count=len(of_kind),
                kind=kind,
                priority=alarm.priority,
                physiological=alarm.physiological,
                onset_s=alarm.onset_s,
                raised_s=alarm.raised_s,
                message=alarm.message,
            )
        )
    return events
