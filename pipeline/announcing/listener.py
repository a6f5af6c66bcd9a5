"""A listener of the live monitor that tells a scheduler of drifts and alarms."""

from __future__ import annotations

from pipeline.announcing.events import events_of
from pipeline.announcing.sender import EventSender
from pipeline.live.listener import Status
from pipeline.records import Chunk, Findings, Gap

__all__ = ["EventListener"]


class EventListener:
    """Tells of each drift and alarm as it is found; a :class:`pipeline.live.listener.Listener`.

    Parameters
    ----------
    sender : EventSender
        What sends; it never makes the monitor wait.
    model : str
        Checksum of the model that scores.
    """

    def __init__(self, sender: EventSender, model: str = "") -> None:
        self._sender = sender
        self._model = model

    def signal(self, chunk: Chunk) -> None:
        """Take signal, of which there is nothing to tell."""

    def findings(self, findings: Findings) -> None:
        """Take beats just scored and tell of their drifts and alarms."""
        found = (findings.record, findings.drifts, findings.alarms)
        for event in events_of(*found, source="monitor", model=self._model):
            self._sender.send(event)

    def gap(self, gap: Gap) -> None:
        """Take a gap, which is no event of its own: where it matters, an alarm tells of it."""

    def status(self, status: Status) -> None:
        """Take a status, of which there is nothing to tell."""
