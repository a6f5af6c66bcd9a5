"""What machines ask a monitor for: ``/metrics``, ``/livez`` and ``/readyz``, with a page or without."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from pipeline.web.access import Access, Guard
from pipeline.web.metrics import Metrics

__all__ = ["Check", "create_probes", "probe_routes"]

Check = Callable[[], str | None]
"""Returns what is wrong, or None."""


def probe_routes(metrics: Metrics, *checks: Mapping[str, Check]) -> list[BaseRoute]:
    """Return the routes.

    Parameters
    ----------
    metrics : Metrics
        What ``/metrics`` shows.
    *checks : mapping of str to callable
        What must be well for ``/readyz``, looked into each time; its answer names what fails and says no more.

    Notes
    -----
    503 says that the service itself cannot do its work, and whoever asks may restart it or take it out of use. A
    patient who is not heard is no such reason: the others would lose their monitor by it. How many there are stands
    in the answer as ``unheard``; who they are is an alarm.
    """

    async def numbers(_request: Request) -> Response:
        return Response(metrics.render(), media_type="text/plain; version=0.0.4")

    async def live(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def ready(_request: Request) -> Response:
        wrong = sorted(name for some in checks for name, check in list(some.items()) if check() is not None)
        return JSONResponse({"ready": not wrong, "wrong": wrong, "unheard": metrics.unheard}, 503 if wrong else 200)

    return [Route("/metrics", numbers), Route("/livez", live), Route("/readyz", ready)]


def create_probes(metrics: Metrics, access: Access, checks: Mapping[str, Check]) -> Starlette:
    """Return an ASGI application of these routes alone, for a monitor without a page."""
    return Starlette(
        routes=probe_routes(metrics, checks), middleware=[Middleware(functools.partial(Guard, access=access))]
    )
