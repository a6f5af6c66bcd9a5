"""Events on their way to Prefect's server, over HTTP, from a thread of their own."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import deque
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import requests

from pipeline.announcing.events import RECORD_RESOURCE, Event

__all__ = ["EventSender"]

_BATCH = 50  # events a request
_TIMEOUT_S = (3.0, 10.0)  # to connect, to answer
_LONGEST_PAUSE_S = 60.0

_logger = logging.getLogger(__name__)


class EventSender:
    """Sends events in the background.

    :meth:`send` returns at once, whatever the server does. An event that the server has not taken is sent again, after
    a pause that grows to a minute; it keeps its number, by which the server knows it, and its time.

    Parameters
    ----------
    api_url : str
        Of Prefect's server, such as ``http://127.0.0.1:4200/api``.
    auth : str
        ``USER:PASSWORD`` of a server that asks for it.
    most : int
        Events that may wait; of more, the oldest are dropped.
    first_pause_s : float
        Pause after the first try that failed; it doubles.

    Attributes
    ----------
    sent, dropped : int
        Events that the server has taken, and those that it never will.
    """

    def __init__(self, api_url: str, *, auth: str = "", most: int = 1000, first_pause_s: float = 1.0) -> None:
        if most < 1:
            raise ValueError(f"most must be at least 1, not {most}")
        self.sent = 0
        self.dropped = 0
        self._url = f"{api_url.rstrip('/')}/events"
        self._auth = auth
        self._most = most
        self._first_pause_s = first_pause_s
        self._waiting: deque[dict[str, Any]] = deque()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="events to Prefect", daemon=True)
        self._thread.start()

    @classmethod
    def to_prefect(cls) -> Self | None:
        """Return a sender to the server that ``PREFECT_API_URL`` names, or None where it names none."""
        url = os.environ.get("PREFECT_API_URL", "")
        return cls(url, auth=os.environ.get("PREFECT_API_AUTH_STRING", "")) if url else None

    def send(self, event: Event) -> None:
        """Take an event, and return at once."""
        message = {
            "id": str(uuid4()),
            "occurred": datetime.now(UTC).isoformat(),
            "event": event.name,
            "resource": {
                "prefect.resource.id": f"{RECORD_RESOURCE}{event.record}",
                "prefect.resource.name": event.record,
            },
            "payload": json.loads(event.model_dump_json()),  # there NaN is null
        }
        with self._changed:
            if len(self._waiting) >= self._most:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(message)
            self._changed.notify_all()

    def close(self, timeout_s: float = 5.0) -> None:
        """Give what waits this long to be sent, in s, then drop it and end the thread."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, timeout_s)
            self._closing.set()
            self._changed.notify_all()
        self._thread.join(sum(_TIMEOUT_S))
        with self._changed:
            lost = len(self._waiting)
            self._waiting.clear()
            self.dropped += lost
        if lost:
            _logger.warning("%d events were not taken by %s", lost, self._url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        pause_s = self._first_pause_s
        with requests.Session() as session:
            if self._auth:
                user, _, password = self._auth.partition(":")
                session.auth = (user, password)
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
                    if self._closing.is_set():
                        return
                    batch = [self._waiting[i] for i in range(min(_BATCH, len(self._waiting)))]
                taken = self._post(session, batch)
                if taken is not None:
                    pause_s = self._first_pause_s
                    self._done(batch, taken)
                else:
                    self._closing.wait(pause_s)
                    pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _post(self, session: requests.Session, batch: list[dict[str, Any]]) -> bool | None:
        """Return True if the server has the events, False if it refuses them, None if it may take them later."""
        try:
            with session.post(self._url, json=batch, timeout=_TIMEOUT_S) as answer:
                if answer.status_code < 400:
                    return True
                reason = f"{answer.status_code} {answer.reason}"
                may_pass = answer.status_code in (401, 403, 404, 408, 425, 429) or answer.status_code >= 500
        except requests.RequestException as error:
            reason, may_pass = type(error).__name__, True
        if may_pass:
            _logger.debug("%s does not take events (%s); trying again", self._url, reason)
            return None
        _logger.warning("%d events were refused by %s (%s)", len(batch), self._url, reason)
        return False

    def _done(self, batch: list[dict[str, Any]], taken: bool) -> None:
        numbers = {message["id"] for message in batch}
        with self._changed:
            while self._waiting and self._waiting[0]["id"] in numbers:  # the oldest may have been dropped meanwhile
                self._waiting.popleft()
                self.sent += taken
                self.dropped += not taken
            self._changed.notify_all()
