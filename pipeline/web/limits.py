"""How long a request may take to arrive, and how many may be on their way: half a request holds up nobody."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["MOST_WAITING", "REQUEST_S", "limited_protocol"]

REQUEST_S = 10.0  # s in which a request must be there, head and body: a page's is 4 KB at the most
MOST_WAITING = 100  # requests that are on their way; where there are more, the oldest goes
MOST = 1000  # connections, pages that are open among them


def limited_protocol(request_s: float = REQUEST_S, most_waiting: int = MOST_WAITING) -> type[H11Protocol]:
    """Return uvicorn's protocol for one server, with these limits."""
    waiting: OrderedDict[H11Protocol, asyncio.TimerHandle] = OrderedDict()

    class Limited(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's is
            super().connection_made(transport)
            if len(self.connections) > MOST:
                transport.abort()
                return
            self._begin()
            while len(waiting) > most_waiting:
                oldest = next(iter(waiting))
                waiting.pop(oldest).cancel()
                oldest.transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self not in waiting and self.conn.their_state is h11.IDLE:  # the next request of a connection
                self._begin()
            super().data_received(data)

        def handle_events(self) -> None:
            super().handle_events()
            if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
                self._end()

        def handle_websocket_upgrade(self, event: h11.Request) -> None:
            self._end()
            super().handle_websocket_upgrade(event)

        def _begin(self) -> None:
            waiting[self] = self.loop.call_later(request_s, self._give_up)

        def _end(self) -> None:
            timer = waiting.pop(self, None)
            if timer is not None:
                timer.cancel()

        def _give_up(self) -> None:
            waiting.pop(self, None)
            self.transport.abort()

    return Limited
