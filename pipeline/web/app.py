"""The service: the page, the stream, what the page asks for, and what machines ask for."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from pipeline.alarm_limits import LIMITS
from pipeline.errors import OutputError
from pipeline.storage.database.alarms import StoredAlarm
from pipeline.web.access import CLINICIAN, VIEWER, Access, Guard
from pipeline.web.desk import AlarmDesk
from pipeline.web.expectation import beat_shapes
from pipeline.web.fhir import observation
from pipeline.web.hub import Hub
from pipeline.web.openapi import document, page
from pipeline.web.patient import Patient, beat_fields
from pipeline.web.probes import Check, probe_routes
from pipeline.web.stream import Viewer
from pipeline.web.strips import export
from pipeline.web.wire import drift_event, gap_event, patient_facts, signal_message

__all__ = ["STATIC", "create_app"]

STATIC = str(resources.files("pipeline.web") / "static")
LONGEST_S = 120.0  # s of signal or shapes in one answer
ALARMS = 500  # alarms in one answer
LONGEST_NAME = 80  # characters of who acknowledges
LONGEST_BODY = 4096  # bytes
LARGEST = 1e6  # number in a limit
MOST = 5000  # alarms acknowledged, or actions told, at once
LONGEST_LIST = 65_536  # bytes of their numbers

_Change = Callable[[list[int], str], list[StoredAlarm]]


class _Static(StaticFiles):
    """Files of the package: asked for anew each time, and taken from the cache where they are the same."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


class _Service:
    """The handlers."""

    def __init__(self, hub: Hub, desk: AlarmDesk, access: Access) -> None:
        self.hub, self.desk, self.access = hub, desk, access

    async def page(self, request: Request) -> Response:
        response = FileResponse(f"{STATIC}/index.html", headers={"Cache-Control": "no-store"})
        # Without a token whoever may load the page may change; with one, the request has shown who it is.
        role = CLINICIAN if self.access.token is None else self.access.role_of(request.headers)
        return response if role is None else self.access.let_in(response, role, secure=request.url.scheme == "https")

    async def me(self, request: Request) -> Response:
        role = CLINICIAN if self.access.token is None else self.access.role_of(request.headers)
        try:
            name = self.access.user_of(request.headers)
        except PermissionError:
            role, name = VIEWER, None
        return _json({"role": role, "name": name})

    async def login_page(self, _request: Request) -> Response:
        return FileResponse(f"{STATIC}/login.html", headers={"Cache-Control": "no-store"})

    async def login(self, request: Request) -> Response:
        token = (await _body(request)).get("token")
        role = self.access.role_of_token(token) if isinstance(token, str) else None
        if role is None:
            return JSONResponse({"error": "that is not the token"}, 401)
        return self.access.let_in(JSONResponse({}), role, secure=request.url.scheme == "https")

    async def stream(self, socket: WebSocket) -> None:
        await Viewer(self.hub, socket).run()

    async def signal(self, request: Request) -> Response:
        patient, start, stop = self._stretch(request)
        position, steps = patient.signal(start, stop)
        return Response(
            signal_message([(patient.number, position, True, steps)]), media_type="application/octet-stream"
        )

    async def strip(self, request: Request) -> Response:
        patient, start, stop = self._stretch(request)
        try:
            content, media_type, name = await run_in_threadpool(
                export, patient, start, stop, request.path_params["form"]
            )
        except ValueError as error:
            raise HTTPException(404, str(error)) from error
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(content, media_type=media_type, headers=headers)

    async def shapes(self, request: Request) -> Response:
        patient, start, stop = self._stretch(request)
        return _json(await run_in_threadpool(beat_shapes, patient, start, stop))

    async def beats(self, request: Request) -> Response:
        patient = self._patient(request)
        return _json(
            {
                **patient_facts(patient),
                "beats": beat_fields(patient.all_beats()),
                "drifts": [drift_event(patient, drift) for drift in patient.drifts()],
                "gaps": [gap_event(patient, gap) for gap in patient.gaps()],
            }
        )

    async def why(self, request: Request) -> Response:
        patient = self._patient(request)
        if self.hub.why is None:
            return _json({"words": None, "reason": "nothing explains beats here"})
        try:
            explanation = await run_in_threadpool(self.hub.why, patient.name, request.path_params["beat"])
        except ValueError as error:  # a beat that is no longer remembered is nothing wrong
            return _json({"words": None, "reason": str(error)})
        return _json(explanation.to_dict())

    async def alarms(self, request: Request) -> Response:
        patient = self._patient(request)
        stored = await run_in_threadpool(self.desk.history, patient.name, ALARMS)
        mine = {raised.id for raised in patient.alarms()}
        return _json([{**_stored(one), "is_of_this_run": one.id in mine} for one in stored])

    async def limits(self, request: Request) -> Response:
        return _json(await self._limits(self._patient(request)))

    async def set_limits(self, request: Request) -> Response:
        document = await _body(request)
        patient = self._patient(request)
        if document.get("patient") != patient.name:  # numbers begin anew with each start: a page may be of before
            raise HTTPException(409, f"number {patient.number} is {patient.name!r}: patient names who is meant")
        wanted = document.get("limits")
        if not isinstance(wanted, dict) or not wanted or not all(_is_limit(value) for value in wanted.values()):
            raise HTTPException(400, "limits are numbers by name; null where the usual one is to hold")
        try:
            await run_in_threadpool(self.desk.set_limits, patient.name, wanted, self._who(request, document))
        except ValueError as error:
            raise HTTPException(400, str(error)) from error
        return _json(await self._limits(patient))

    async def _limits(self, patient: Patient) -> dict[str, Any]:
        usual, own, history = await run_in_threadpool(self.desk.limits, patient.name)
        limits = [
            {**asdict(limit), "usual": getattr(usual, name), "own": own.get(name)} for name, limit in LIMITS.items()
        ]
        return {"limits": limits, "history": [asdict(change) for change in history]}

    async def acknowledge(self, request: Request) -> Response:
        by = self._who(request, await _body(request))
        return _json((await self._change(self.desk.acknowledge, [request.path_params["alarm"]], by))[0])

    async def acknowledge_all(self, request: Request) -> Response:
        return await self._change_all(request, self.desk.acknowledge)

    async def take_back(self, request: Request) -> Response:
        return await self._change_all(request, self.desk.take_back)

    async def _change_all(self, request: Request, change: _Change) -> Response:
        document = await _body(request, LONGEST_LIST)
        numbers = document.get("alarms")
        if not isinstance(numbers, list) or not 0 < len(numbers) <= MOST or not all(type(n) is int for n in numbers):
            raise HTTPException(400, f"alarms are 1 to {MOST} numbers of alarms")
        return _json(await self._change(change, numbers, self._who(request, document)))

    async def _change(self, change: _Change, numbers: list[int], by: str) -> list[dict[str, Any]]:
        try:
            return [_stored(one) for one in await run_in_threadpool(change, numbers, by)]
        except ValueError as error:
            raise HTTPException(404, str(error)) from error

    async def actions(self, request: Request) -> Response:
        return _json([asdict(one) for one in await run_in_threadpool(self.desk.actions, MOST)])

    async def observation(self, request: Request) -> Response:
        number = request.path_params["alarm"]
        for patient in self.hub.patients():
            for raised in patient.alarms():
                if raised.id == number:
                    return Response(json.dumps(observation(patient, raised)), media_type="application/fhir+json")
        if not await run_in_threadpool(self.desk.knows, number):
            raise HTTPException(404, f"there is no alarm of number {number}")
        raise HTTPException(404, f"alarm {number} is not of this run: its signal is no longer kept")

    def _who(self, request: Request, document: Mapping[str, Any]) -> str:
        """Return who does something: as a proxy names them, else as they name themselves."""
        try:
            name = self.access.user_of(request.headers)
        except PermissionError as error:
            raise HTTPException(403, str(error)) from error
        return _who(document if name is None else {"by": name})

    def _patient(self, request: Request) -> Patient:
        patient = self.hub.patient(request.path_params["patient"])
        if patient is None:
            raise HTTPException(404, f"there is no patient {request.path_params['patient']}")
        return patient

    def _stretch(self, request: Request) -> tuple[Patient, int, int]:
        """Return a patient, and ``from`` and ``to`` in samples."""
        patient = self._patient(request)
        try:
            start, stop = int(request.query_params["from"]), int(request.query_params["to"])
        except (KeyError, ValueError) as error:
            raise HTTPException(400, "from and to are positions in samples") from error
        if not (0 <= stop - start <= LONGEST_S * patient.fs and abs(start) < 2**53):
            raise HTTPException(400, f"from {start} to {stop} is not within 0 to {LONGEST_S:g} s")
        return patient, start, stop


def create_app(hub: Hub, desk: AlarmDesk, access: Access, *checks: Mapping[str, Check]) -> Starlette:
    """Return the ASGI application.

    Parameters
    ----------
    hub : Hub
        What is shown.
    desk : AlarmDesk
        Where alarms are stored and acknowledged.
    access : Access
        Who may.
    *checks : mapping of str to callable
        What else must be well for ``/readyz``, see :func:`~pipeline.web.probes.probe_routes`.
    """
    service = _Service(hub, desk, access)
    routes = [
        Route("/", service.page),
        Route("/login", service.login_page, methods=["GET"]),
        Route("/login", service.login, methods=["POST"]),
        WebSocketRoute("/stream", service.stream),
        Route("/api/me", service.me),
        Route("/api", _interface),
        Route("/api/openapi.json", _openapi),
        Route("/api/patients/{patient:int}/signal", service.signal),
        Route("/api/patients/{patient:int}/strip.{form}", service.strip),
        Route("/api/patients/{patient:int}/shapes", service.shapes),
        Route("/api/patients/{patient:int}/beats", service.beats),
        Route("/api/patients/{patient:int}/beats/{beat:int}/why", service.why),
        Route("/api/patients/{patient:int}/alarms", service.alarms),
        Route("/api/patients/{patient:int}/limits", service.limits, methods=["GET"]),
        Route("/api/patients/{patient:int}/limits", service.set_limits, methods=["POST"]),
        Route("/api/alarms/acknowledge", service.acknowledge_all, methods=["POST"]),
        Route("/api/alarms/take-back", service.take_back, methods=["POST"]),
        Route("/api/alarms/actions", service.actions),
        Route("/api/alarms/{alarm:int}/acknowledge", service.acknowledge, methods=["POST"]),
        Route("/api/alarms/{alarm:int}/observation", service.observation),
        *probe_routes(hub.metrics, {"database": lambda: desk.trouble}, *checks),
        Mount("/static", _Static(directory=STATIC)),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(functools.partial(Guard, access=access))],
        exception_handlers={HTTPException: _told, OutputError: _no_database, ClientDisconnect: _gone},
    )


async def _interface(_request: Request) -> Response:
    return HTMLResponse(page())


async def _openapi(_request: Request) -> Response:
    return _json(document())


async def _told(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _no_database(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"error": "the database cannot be used now; try again"}, 503)


def _is_limit(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST)


def _who(document: Mapping[str, Any]) -> str:
    """Return who does something, as a document names them."""
    by = document.get("by")
    if not isinstance(by, str) or not 0 < len(by.strip()) <= LONGEST_NAME or not by.strip().isprintable():
        raise HTTPException(400, f"by is who does so: 1 to {LONGEST_NAME} printable characters")
    return by


async def _body(request: Request, longest: int = LONGEST_BODY) -> dict[str, Any]:
    """Return a small JSON object. A form of another site cannot send one."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "send application/json")
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > longest:
            raise HTTPException(413, f"more than {longest} bytes")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "that is no JSON") from error
    if not isinstance(document, dict):
        raise HTTPException(400, "send a JSON object")
    return document


async def _gone(_request: Request, _error: Exception) -> Response:
    """Answer a request that broke off, which nobody reads: that is no failure of the service."""
    return Response(status_code=400)


def _json(document: Any) -> Response:
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})


def _stored(stored: StoredAlarm) -> dict[str, Any]:
    alarm = stored.alarm
    return {
        "id": stored.id,
        "kind": alarm.kind,
        "priority": alarm.priority,
        "physiological": alarm.physiological,
        "onset_s": alarm.onset_s,
        "raised_s": alarm.raised_s,
        "first_beat": alarm.first_beat,
        "last_beat": alarm.last_beat,
        "message": alarm.message,
        "key": alarm.key,
        "revision": alarm.revision,
        "ended_s": alarm.ended_s,
        "longest": alarm.longest,
        "rate_bpm": alarm.rate_bpm,
        "began_us": stored.started_at_us,
        "noted_us": stored.noted_at_us,
        "by": stored.acknowledged_by,
        "at_us": stored.acknowledged_at_us,
    }
