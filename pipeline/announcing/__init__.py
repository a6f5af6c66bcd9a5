"""Telling a scheduler what was found: events with stable names, sent from a thread that nobody waits for.

::

    with EventSender.to_prefect() as sender:             # None where PREFECT_API_URL names no server
        sender.send(DriftEvent(record="ward/bed-1", source="monitor", ...))

An event goes to Prefect's HTTP interface as it is; Prefect itself is not imported, so a monitor stays light. While the
server is away events wait, the oldest are dropped where too many do, and the sender counts them.
"""

from __future__ import annotations

from pipeline.announcing.events import AlarmEvent, DriftEvent, Event, events_of
from pipeline.announcing.listener import EventListener
from pipeline.announcing.sender import EventSender

__all__ = ["AlarmEvent", "DriftEvent", "Event", "EventListener", "EventSender", "events_of"]
