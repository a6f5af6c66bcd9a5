"""Frames over HTTP, for devices that speak neither NATS nor MQTT: checked at the door, then stored in the log.

A device posts one frame, or several, and is answered once the broker has them. Frames that were sent before may be sent
again: the worker knows a twin by its time and content.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pipeline.errors import FrameError, SourceUnavailable
from pipeline.live.frames import MAX_BYTES, Frame, decode
from pipeline.web.access import Access, Guard
from pipeline.web.probes import Check

__all__ = ["Log", "create_gateway", "frames_of"]

LONGEST = 4 * MAX_BYTES  # bytes of a request
MOST = 200  # frames of a request
AT_ONCE = 20  # requests that wait for the log; others come again
ONE = ("application/json", "application/msgpack", "application/vnd.msgpack")
LINES = ("application/x-ndjson", "application/jsonl")

logger = logging.getLogger(__name__)


class Log(Protocol):
    """Where frames go."""

    def send(self, frames: Sequence[Frame]) -> None:
        """Store frames, or raise :class:`~pipeline.errors.SourceUnavailable`."""


def frames_of(media_type: str, body: bytes) -> list[Frame]:
    """Return the frames of a request.

    Parameters
    ----------
    media_type : str
        ``application/json`` or ``application/msgpack`` for one frame, ``application/x-ndjson`` for one a line.
    body : bytes
        What was sent.

    Raises
    ------
    ValueError
        If the media type is none of these.
    FrameError
        If a frame is not as it should be; the message names it by its number, from 1, where there are several.
    """
    if media_type in ONE:
        return [decode(body)]
    if media_type not in LINES:
        raise ValueError(f"send {ONE[0]} or {ONE[1]} for one frame, {LINES[0]} for one a line")
    lines = [line for line in body.split(b"\n") if line.strip()]
    if not 1 <= len(lines) <= MOST:
        raise FrameError(f"{len(lines)} frames: send 1 to {MOST} in a request")
    frames = []
    for number, line in enumerate(lines, start=1):
        try:
            frames.append(decode(line.strip()))
        except FrameError as error:
            raise FrameError(f"frame {number}: {error}") from error
    return frames


def create_gateway(log: Log, access: Access, checks: Mapping[str, Check]) -> Starlette:
    """Return an ASGI application that takes frames at ``POST /frames``.

    It answers 200 with the number of frames once the log has all of them, 422 if one of them is not as it should be
    (then none is stored), and 503 if the log does not confirm them: then they are to be sent again.

    Parameters
    ----------
    log : Log
        Where frames are stored.
    access : Access
        Who may send: whoever has the token.
    checks : mapping of str to callable
        What must be well for ``/readyz``; the answer names what fails.
    """
    registry = CollectorRegistry()
    counts = Counter("ecg_gateway_frames", "Frames posted, by what became of them", ["outcome"], registry=registry)
    for outcome in ("stored", "unstored"):
        counts.labels(outcome)
    refused = Counter("ecg_gateway_refused", "Requests of which no frame was taken", registry=registry)

    waiting = 0

    def unstored(frames: Sequence[Frame], why: str) -> Response:
        counts.labels("unstored").inc(len(frames))
        logger.warning("%d frames are not stored: %s", len(frames), why)
        return JSONResponse({"error": "the log does not answer: send them again"}, 503, {"Retry-After": "1"})

    async def take(request: Request) -> Response:
        nonlocal waiting
        body = bytearray()
        try:
            async for part in request.stream():
                body += part
                if len(body) > LONGEST:
                    refused.inc()
                    return JSONResponse({"error": f"more than {LONGEST:,} bytes: send fewer frames at once"}, 413)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            frames = await run_in_threadpool(frames_of, media_type, bytes(body))
        except (FrameError, ValueError) as error:
            refused.inc()
            logger.warning("refused: %s", error)
            return JSONResponse({"error": str(error)}, 422 if isinstance(error, FrameError) else 415)
        if waiting >= AT_ONCE or any(check() is not None for check in checks.values()):
            return unstored(frames, f"{waiting} requests wait for the log, or it is gone")
        waiting += 1
        try:
            await run_in_threadpool(log.send, frames)
        except SourceUnavailable as error:
            return unstored(frames, str(error))
        finally:
            waiting -= 1
        counts.labels("stored").inc(len(frames))
        return JSONResponse({"stored": len(frames)})

    async def numbers(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")

    async def live(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def ready(_request: Request) -> Response:
        wrong = sorted(name for name, check in checks.items() if check() is not None)
        return JSONResponse({"ready": not wrong, "wrong": wrong}, 503 if wrong else 200)

    return Starlette(
        routes=[
            Route("/frames", take, methods=["POST"]),
            Route("/metrics", numbers),
            Route("/livez", live),
            Route("/readyz", ready),
        ],
        middleware=[Middleware(functools.partial(Guard, access=access))],
    )
