"""The stream of one page: signal and events from the hub, as fast as the page takes them and no faster."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from pipeline.web.hub import Hub
from pipeline.web.wire import Block, hello_event, signal_message

__all__ = ["Viewer"]

TICK_S = 0.04  # s between looks at the hub
SILENCE_S = 1.0  # s after which something is sent although nothing happened: a page tells a dead connection by it
BEHIND_S = 4.0  # s of signal that a page may be behind by before it is moved on to the newest
FIRST_S = 20.0  # s of signal that a page starts with: a whole strip of a wall screen


class Viewer:
    """One page that is connected.

    It has no queue: it remembers how far it was sent, and while the connection takes nothing, it sends nothing. Then it
    goes on from there, or from the newest where that is too long ago.

    Parameters
    ----------
    hub : Hub
        What it looks at.
    socket : WebSocket
        Where it sends to.
    """

    def __init__(self, hub: Hub, socket: WebSocket) -> None:
        self._hub = hub
        self._socket = socket
        self._told: int | None = None
        self._sent: dict[int, int] = {}  # patient -> position one past the last sample sent
        self._watched: set[int] | None = None  # None: all

    async def run(self) -> None:
        """Serve the page until it goes."""
        await self._socket.accept()
        self._hub.metrics.viewers.inc()
        sending = asyncio.create_task(self._send())
        try:
            while True:
                self._hear(await self._socket.receive_text())
        except (WebSocketDisconnect, KeyError, ValueError, TypeError, RecursionError):
            pass  # gone, or not a page of ours
        finally:
            self._hub.metrics.viewers.dec()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    def _hear(self, text: str) -> None:
        """Take what the page says: ``{"watch": [numbers]}``, whose signal it draws."""
        watch = json.loads(text)["watch"]
        if not isinstance(watch, list) or not all(isinstance(one, int) for one in watch):
            raise ValueError(f"watch {watch!r} is no list of patients")
        self._watched = set(watch)

    async def _send(self) -> None:
        last = time.monotonic()
        while True:
            events, blocks = self._news()
            if events or time.monotonic() - last > SILENCE_S:
                await self._socket.send_text(json.dumps(events, separators=(",", ":"), allow_nan=False))
                last = time.monotonic()
            if blocks:
                await self._socket.send_bytes(signal_message(blocks))
                last = time.monotonic()
            await asyncio.sleep(TICK_S)

    def _news(self) -> tuple[list[dict[str, Any]], list[Block]]:
        events: list[dict[str, Any]] | None = None
        if self._told is None:
            self._told = self._hub.told
        else:
            self._told, events = self._hub.events_since(self._told)
        patients = self._hub.patients()
        if events is None:
            events = [hello_event(patients)]
        blocks: list[Block] = []
        watched = [one for one in patients if self._watched is None or one.number in self._watched]
        for patient in watched:
            sent = self._sent.get(patient.number)
            longest = round((FIRST_S if sent is None else BEHIND_S) * patient.fs)
            position, steps = patient.signal_since(sent or 0, longest)
            if len(steps):
                blocks.append((patient.number, position, sent != position, steps))
                if sent is not None and sent != position:
                    self._hub.metrics.skipped.inc()
                self._sent[patient.number] = position + len(steps)
        self._sent = {one.number: self._sent[one.number] for one in watched if one.number in self._sent}
        return events, blocks
