from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.check_monitor import check_monitor
from flows.evaluate import evaluate
from flows.pages import pages
from flows.report import report
from flows.retrain_on_drift import retrain_on_drift
from flows.sync_records import sync_records
from pipeline.announcing import DriftEvent, EventSender
from pipeline.errors import SourceUnavailable
from pipeline.health import read_health
from pipeline.settings import Settings
from pipeline.storage.database import Database, StoredRun
from tests.databases import publish
from tests.prefect_server import PrefectServer
from tests.services import free_port
from tests.waiting import wait_for


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
    unnamed = run(return_state=True)
    assert unnamed.is_cancelled()  # not green: nothing was looked at
    assert "no monitor" in unnamed.message
    state = run(f"http://127.0.0.1:{free_port()}", watch_s=0.1, return_state=True)
    assert state.is_failed()
    assert "nobody answers" in last_run("check").message


@pytest.mark.slow
def test_a_monitor_that_really_runs_is_found_well(prefect: PrefectServer, tmp_path: Path) -> None:
    port = free_port()
    own = {"ECG_STATE_DIR": str(tmp_path / "state")}
    command = ("-c", "from pipeline.cli import main; main()", "monitor", "--demo", "--no-browser", "--port", str(port))
    with (tmp_path / "log").open("wb") as log, prefect.process(*command, log=log, environment=own):
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(url), "the monitor")
        run: Any = check_monitor

        def hears() -> Any:  # a monitor that has just begun is well and has heard nobody
            state = well(run(url, watch_s=2.0, return_state=True))
            return state if state and last_run("check").figures["live"] > 0 else None

        state = wait_for(hears, "signal")
    assert "samples a second" in state.message
    assert '"samples a second"' in str(artifact(prefect, "monitor-health"))


def answers(url: str) -> bool:
    try:
        return read_health(url, watch_s=0.01).ready
    except SourceUnavailable:
        return False


def well(state: Any) -> Any:
    return state if state.is_completed() else None


def test_the_weekly_page_tells_of_the_runs_before(mirror: Path, prefect: PrefectServer) -> None:
    run: Any = sync_records
    run(["tinydb"])
    run_report: Any = report
    page = Path(run_report()["page"])
    assert "sync" in page.read_text()
    assert str(page) in artifact(prefect, "weekly-report")  # nothing serves it: no link that is dead


def test_the_link_to_a_page_leads_to_it(prefect: PrefectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    run_report: Any = report
    with pages(0) as base:
        monkeypatch.setenv("ECG_REPORTS_URL", base)
        page = Path(run_report()["page"])
        (link,) = re.findall(r"\((http://[^)]+)\)", artifact(prefect, "weekly-report-page"))
        assert link.startswith(base)
        answer = httpx.get(link, trust_env=False)
        assert (answer.status_code, answer.text) == (200, page.read_text())
        for wrong in ("/", "/here/", "/here/README.md", "/reports/../../etc/passwd.html", "/elsewhere/x.html"):
            assert httpx.get(base + wrong, trust_env=False).status_code == 404
        assert httpx.get(link, headers={"Host": "evil.example:80"}, trust_env=False).status_code == 404


def test_drift_without_a_new_record_trains_nothing(
    site: Path, prefect: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a first scoring of the training records themselves."""
    monkeypatch.setenv("ECG_PHYSIONET_URL", str(site))
    run: Any = retrain_on_drift
    drift = DriftEvent(record="traindb/t1", source="score", time_s=1.5, before=0.25, after=0.5)
    state = run(drift, records=["traindb/t1"], validation=["traindb/hard"], epochs=1, return_state=True)
    assert state.is_completed()
    assert state.name == "NothingNew"
    with Database.open(Settings().database) as database:
        assert database.runs.newest(kind="train") == []
    # A record that an earlier retraining has learnt from is no news either.
    with Database.open(Settings().database) as database:
        database.runs.start("earlier", "retrain", at_us=1, facts={"added": ["tinydb/b"]})
        database.runs.finish("earlier", "completed", at_us=2, figures={"trained": True})
    drift = drift.model_copy(update={"record": "tinydb/b"})
    state = run(drift, records=["traindb/t1"], validation=["traindb/hard"], epochs=1, return_state=True)
    assert state.name == "NothingNew"
    assert "learnt from before" in state.message


def test_an_event_that_is_sent_twice_is_there_once_with_its_payload(prefect: PrefectServer) -> None:
    event = DriftEvent(record="ward/twice", source="monitor", time_s=1.5, before=0.25, after=None)
    with EventSender(prefect.url) as sender:
        sender.send(event)
    wanted = {"resource": {"id": ["ecg-anomaly.record.ward/twice"]}}
    (found,) = wait_for(lambda: prefect.ask("/events/filter", filter=wanted)["events"], "the event")
    again = [{name: found[name] for name in ("id", "occurred", "event", "resource", "payload")}]
    prefect.post("/events", again)
    with EventSender(prefect.url) as sender:  # what comes after it has come: so has it
        sender.send(event.model_copy(update={"record": "ward/after"}))
    after = {"resource": {"id": ["ecg-anomaly.record.ward/after"]}}
    wait_for(lambda: prefect.ask("/events/filter", filter=after)["events"], "the event after it")
    assert len(prefect.ask("/events/filter", filter=wanted)["events"]) == 1
    assert DriftEvent(**found["payload"]) == event
