"""What machines may ask of the service, as an OpenAPI 3.1 document and as a page."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

from pipeline import __version__
from pipeline.alarm_limits import LIMITS
from pipeline.web.strips import FORMS

__all__ = ["ENDPOINTS", "Endpoint", "document", "page"]

Schema = dict[str, Any]

_PATIENT = ("patient", "number by which the stream calls a patient")
_ALARM = ("alarm", "number of an alarm in the database")
_STRETCH = {"from": "first sample of the record", "to": "one past the last; at most 120 s on"}
_BY: Schema = {"type": "string", "minLength": 1, "maxLength": 80}
_MANY: Schema = {
    "type": "object",
    "required": ["by", "alarms"],
    "properties": {"by": _BY, "alarms": {"type": "array", "items": {"type": "integer"}, "minItems": 1}},
}

_LIMITS: Schema = {
    "type": "object",
    "required": ["patient", "by", "limits"],
    "properties": {
        "patient": {"type": "string", "description": "name of the patient that the number is to be"},
        "by": _BY,
        "limits": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {
                one.name: {"type": ["number", "null"], "minimum": one.lowest, "maximum": one.highest}
                for one in LIMITS.values()
            },
        },
    },
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that may be asked.

    Attributes
    ----------
    method, path : str
        How, and where; names in braces are numbers, but for ``form``.
    summary : str
        What it does, in one line.
    media_type : str
        Of the answer.
    names : tuple of (str, str)
        The names in the path, with what they mean.
    query : dict of str to str
        What has to stand in the query, whole numbers.
    body : dict or None
        JSON schema of what is sent.
    open : bool
        True if it asks for no token.
    """

    method: str
    path: str
    summary: str
    media_type: str = "application/json"
    names: tuple[tuple[str, str], ...] = ()
    query: dict[str, str] = field(default_factory=dict)
    body: Schema | None = None
    open: bool = False


ENDPOINTS = (
    Endpoint("get", "/livez", "Whether the process lives", "text/plain", open=True),
    Endpoint(
        "get",
        "/readyz",
        "Whether it can do its work (503: no), what is wrong, how many patients are unheard",
        open=True,
    ),
    Endpoint("get", "/metrics", "Counts over all patients, for Prometheus", "text/plain"),
    Endpoint("get", "/api/openapi.json", "This description", "application/json"),
    Endpoint("get", "/api", "This description, to read", "text/html"),
    Endpoint("get", "/api/me", "Who asks: the role, clinician or viewer, and the name by which a proxy knows them"),
    Endpoint(
        "get",
        "/api/patients/{patient}/signal",
        "Signal in microvolts, in the binary form of the stream (pipeline/web/wire.py)",
        "application/octet-stream",
        (_PATIENT,),
        _STRETCH,
    ),
    Endpoint(
        "get",
        "/api/patients/{patient}/strip.{form}",
        f"Signal as a file: {', '.join(FORMS)}; 25 mm/s on A4 in pdf and png",
        "application/octet-stream",
        (_PATIENT, ("form", f"one of {', '.join(FORMS)}")),
        _STRETCH,
    ),
    Endpoint(
        "get",
        "/api/patients/{patient}/shapes",
        "Beats with what was seen and expected, in microvolts",
        names=(_PATIENT,),
        query=_STRETCH,
    ),
    Endpoint("get", "/api/patients/{patient}/beats", "All beats, drifts and gaps that are kept", names=(_PATIENT,)),
    Endpoint(
        "get",
        "/api/patients/{patient}/beats/{beat}/why",
        "Why a beat got its score",
        names=(_PATIENT, ("beat", "running number of the beat")),
    ),
    Endpoint(
        "get",
        "/api/patients/{patient}/alarms",
        "Alarms of this run and of earlier ones, newest first",
        names=(_PATIENT,),
    ),
    Endpoint(
        "get",
        "/api/patients/{patient}/limits",
        "Limits of alarms: the usual ones, the patient's own, and who set them, the last first",
        names=(_PATIENT,),
    ),
    Endpoint(
        "post",
        "/api/patients/{patient}/limits",
        "Set limits of alarms for this patient, all of them or none; null for the usual one",
        names=(_PATIENT,),
        body=_LIMITS,
    ),
    Endpoint(
        "post",
        "/api/alarms/{alarm}/acknowledge",
        "Note who has taken note of an alarm",
        names=(_ALARM,),
        body={"type": "object", "required": ["by"], "properties": {"by": _BY}},
    ),
    Endpoint("post", "/api/alarms/acknowledge", "Note who has taken note of alarms, all of them or none", body=_MANY),
    Endpoint("post", "/api/alarms/take-back", "Undo acknowledgements, all of them or none", body=_MANY),
    Endpoint("get", "/api/alarms/actions", "Who acknowledged what and who took it back, the last first"),
    Endpoint(
        "get",
        "/api/alarms/{alarm}/observation",
        "An alarm with its signal as a FHIR R4 Observation",
        "application/fhir+json",
        (_ALARM,),
    ),
)


def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    paths: dict[str, dict[str, Any]] = {}
    for one in ENDPOINTS:
        paths.setdefault(one.path, {})[one.method] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ecg-anomaly monitor",
            "version": __version__,
            "description": "What a running monitor tells machines. Not a medical device.",
        },
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(one: Endpoint) -> dict[str, Any]:
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": meaning,
            "schema": {"enum": list(FORMS)} if name == "form" else {"type": "integer"},
        }
        for name, meaning in one.names
    ]
    parameters += [
        {"name": name, "in": "query", "required": True, "description": meaning, "schema": {"type": "integer"}}
        for name, meaning in one.query.items()
    ]
    error = {"description": "What is wrong, in one line, as `error`", "content": {"application/json": {"schema": {}}}}
    operation: dict[str, Any] = {
        "summary": one.summary,
        "responses": {"200": {"description": "The answer", "content": {one.media_type: {}}}, "default": error},
        # On loopback without a token whoever may load the page may read.
        "security": [] if one.open else [{"token": []}, {}] if one.method == "get" else [{"token": []}],
    }
    if parameters:
        operation["parameters"] = parameters
    if one.body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": one.body}}}
    return operation


def page() -> str:
    """Return the same to read."""
    rows = []
    for one in ENDPOINTS:
        words = [*(f"{name}: {meaning}" for name, meaning in one.names), *(f"?{n}: {m}" for n, m in one.query.items())]
        if one.body is not None:
            words.append(f"JSON with {', '.join(one.body['required'])}")
        cells = (f"{one.method.upper()} {one.path}", one.summary, "; ".join(words), one.media_type)
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>ECG monitor: interface</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<link rel="icon" href="/static/icon.svg" type="image/svg+xml">'
        '<link rel="stylesheet" href="/static/style.css"></head><body><main class="alarm-list"><h1>Interface</h1>'
        "<p>For machines; the token goes into <code>Authorization: Bearer</code>. "
        '<a href="/api/openapi.json">OpenAPI 3.1</a>. Not a medical device.</p>'
        '<div class="rows" tabindex="0" role="region" aria-label="interface"><table><thead><tr>'
        '<th scope="col">request</th>'
        '<th scope="col">what</th><th scope="col">with</th><th scope="col">answer</th></tr></thead><tbody>'
        + "".join(rows)
        + "</tbody></table></div></main></body></html>"
    )
