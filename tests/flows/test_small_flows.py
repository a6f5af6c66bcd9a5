from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flows.check_monitor import check_monitor
from flows.evaluate import evaluate
from flows.report import report
from flows.sync_records import sync_records
from pipeline.announcing import DriftEvent, EventSender
from pipeline.settings import Settings
from pipeline.storage.database import Database, StoredRun
from tests.databases import publish
from tests.prefect_server import PrefectServer, wait_for
from tests.services import free_port

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def tree(site: Path, tmp_path: Path) -> Path:
    tree = tmp_path / "files"
    shutil.copytree(site / "tinydb", tree / "tinydb")
    return tree


@pytest.fixture
def mirror(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A mirror over HTTP on loopback, and a cache for it."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tree))) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("ECG_PHYSIONET_URL", f"http://127.0.0.1:{http.server_port}/")
        monkeypatch.setenv("ECG_CACHE_DIR", str(tmp_path / "cache"))
        monkeypatch.setenv("ECG_FETCH__REQUESTS_PER_S", "1000")
        yield tree
        http.shutdown()
        thread.join()


def last_run(kind: str) -> StoredRun:
    with Database.open(Settings().database) as database:
        return database.runs.newest(1, kind=kind)[0]


def artifact(prefect: PrefectServer, key: str) -> Any:
    (found,) = prefect.ask("/artifacts/latest/filter", artifacts={"key": {"any_": [key]}})
    return found["data"]


def test_a_sync_fetches_what_is_missing_or_has_changed_and_tells_what_failed(
    mirror: Path, prefect: PrefectServer
) -> None:
    run: Any = sync_records
    first = run(["tinydb"], return_state=True)
    assert [row["state"] for row in first.result()["records"]] == ["new", "new"]
    database = mirror / "tinydb" / "1.0.0"
    publish(database, ["a", "b", "ghost"])
    second = run(["tinydb"], return_state=True)
    assert second.is_completed()
    assert [row["state"] for row in second.result()["records"]] == ["unchanged", "unchanged"]
    assert "does not exist" in second.result()["failed"]["tinydb/1.0.0/ghost"]
    assert '"unchanged"' in artifact(prefect, "sync-tinydb")
    assert last_run("sync").figures == {"new": 0, "changed": 0, "unchanged": 2, "failed": 1, "fetched_bytes": 0}


def test_a_database_that_is_not_there_is_asked_for_once_and_fails(mirror: Path) -> None:
    run: Any = sync_records
    state = run(["nodb"], return_state=True)
    assert state.is_failed()
    assert "nodb" in state.message
    assert last_run("sync").state == "failed"


def test_an_evaluation_has_tables_and_a_figure(
    site: Path, prefect: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECG_PHYSIONET_URL", str(site))
    run: Any = evaluate
    state = run(split=None, records=["traindb/t1", "traindb/hard", "tinydb/a"], rivals=False, return_state=True)
    assert state.is_completed()
    assert list(state.result()["failed"]) == ["tinydb/a"]  # it ends within the learning period
    figures = last_run("evaluate").figures
    assert 0 < figures["macro.auprc"] < 1
    page = artifact(prefect, "evaluation-detected-tables")
    assert "data:image/svg+xml;base64," in page
    assert "macro AUPRC" in page
    assert '"traindb/hard"' in artifact(prefect, "evaluation-detected-records")


def test_a_check_says_what_is_stale_and_without_an_address_there_is_nothing_to_check() -> None:
    run: Any = check_monitor
    assert run(return_state=True).is_completed()
    state = run(f"http://127.0.0.1:{free_port()}", watch_s=0.1, return_state=True)
    assert state.is_failed()
    assert "nobody answers" in last_run("check").message


def test_the_weekly_page_tells_of_the_runs_before(mirror: Path, prefect: PrefectServer) -> None:
    run: Any = sync_records
    run(["tinydb"])
    run_report: Any = report
    page = Path(run_report()["page"])
    assert "sync" in page.read_text()
    assert page.resolve().as_uri() in artifact(prefect, "weekly-report-page")


def test_an_event_that_is_sent_twice_is_there_once_with_its_payload(prefect: PrefectServer) -> None:
    event = DriftEvent(record="ward/twice", source="monitor", time_s=1.5, before=0.25, after=None)
    with EventSender(prefect.url) as sender:
        sender.send(event)
    wanted = {"resource": {"id": ["ecg-anomaly.record.ward/twice"]}}
    (found,) = wait_for(lambda: prefect.ask("/events/filter", filter=wanted)["events"], 20, "the event")
    again = [{name: found[name] for name in ("id", "occurred", "event", "resource", "payload")}]
    prefect.post("/events", again)
    time.sleep(2)
    assert len(prefect.ask("/events/filter", filter=wanted)["events"]) == 1
    assert DriftEvent(**found["payload"]) == event
