"""The description of the interface is valid, and is that of the routes that there are."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
from openapi_spec_validator import validate
from starlette.routing import Route

from pipeline.storage.database import Database
from pipeline.web.access import Access
from pipeline.web.app import create_app
from pipeline.web.desk import AlarmDesk
from pipeline.web.hub import Hub
from pipeline.web.openapi import document
from tests.web.conftest import Service
from tests.web.pages import Open
from tests.web.test_readable import complaints

FOR_PEOPLE = {"/", "/login"}


def test_every_route_for_machines_is_described_and_no_other(tmp_path: Path) -> None:
    hub = Hub()
    with Database.open(f"sqlite:///{tmp_path / 'ecg.db'}") as database:
        app = create_app(hub, AlarmDesk(hub, database, "s1"), Access())
    there = {
        (re.sub(r":\w+}", "}", route.path), method.lower())
        for route in app.routes
        if isinstance(route, Route) and route.path not in FOR_PEOPLE
        for method in (route.methods or set()) - {"HEAD"}
    }
    described = {(path, method) for path, operations in document()["paths"].items() for method in operations}
    assert described == there


def test_the_description_is_valid_and_served(service: Service, open_page: Open) -> None:
    served = httpx.get(f"{service.url}api/openapi.json", trust_env=False).json()
    assert served == document()
    validate(served)
    page = open_page(f"{service.url}api")
    page.get_by_text("/api/alarms/take-back").wait_for()
    assert complaints(page) == []
