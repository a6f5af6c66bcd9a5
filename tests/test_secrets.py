"""Passwords and tokens of the settings stand in nothing that comes out: every output is searched for them."""

from __future__ import annotations

import gzip
import io
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipeline import BeatModel
from pipeline.cli import main
from pipeline.cli.work import Work, connect
from pipeline.clock import now_us
from pipeline.explain.witness import Witness
from pipeline.live.broker import Broker
from pipeline.live.device import open_device
from pipeline.live.engine import Engine
from pipeline.live.partitions import Partitions
from pipeline.live.replay import frames
from pipeline.live.sinks import open_sink
from pipeline.settings import LiveSettings, Settings
from pipeline.sources.synthetic import Episode, Scenario, synthesise
from pipeline.storage.database import Database
from pipeline.web.logs import JsonFormatter
from pipeline.web.metrics import Metrics
from tests.databases import write_database
from tests.live.conftest import BEGAN_US
from tests.services import NatsServer, PostgreSQL, free_port
from tests.sources.conftest import serve
from tests.waiting import PATIENCE_S, wait_for

SECRETS = {name: f"hush-{name}-3kq9" for name in ("mirror", "monitor", "broker", "hook", "query", "store", "prefect")}

RUN = Scenario("a run", (Episode("vt", 40.0, 43.0, 170.0),))


def told(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All files below a folder, with what is packed in them."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield str(path), content
        if path.suffix == ".gz":
            yield str(path), gzip.decompress(content)
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            yield str(path), f"{table.schema.metadata} {table.to_pydict()}".encode()


def found(where: str, content: bytes, secrets: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, where) for name, secret in secrets.items() if secret.encode() in content]


class Hook(BaseHTTPRequestHandler):
    """Refuses the first alarm, so that the refusal is logged."""

    got: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        self.got.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(500 if len(self.got) == 1 else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.got.clear()
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://user:{SECRETS['hook']}@127.0.0.1:{server.server_port}/hook?token={SECRETS['query']}"
        server.shutdown()
        thread.join()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The project's log, as a service writes it, whatever the level."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(JsonFormatter())
    loggers = [logging.getLogger(name) for name in ("pipeline", "nats", "sqlalchemy", "urllib3")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO if logger.name != "sqlalchemy" else logging.WARNING)
    yield text
    for logger, level in zip(loggers, before, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_batch_work_tells_no_secret(
    postgres: PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: io.StringIO
) -> None:
    """Good records, a damaged one, one that is not there, a mirror and a database that are not; reports and queries."""
    site, out = tmp_path / "site", tmp_path / "kept" / "out"
    write_database(site / "tinydb" / "1.0.0", 60.0, {"a": "ventricular", "b": "sinus"})
    signal = site / "tinydb" / "1.0.0" / "b.dat"
    signal.write_bytes(signal.read_bytes()[:-1000])
    secrets = {**SECRETS, "database": postgres.password}
    database = postgres.create_database()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("ECG_STATE_DIR", str(tmp_path / "kept" / "state"))
    monkeypatch.setenv("ECG_CACHE_DIR", str(tmp_path / "kept" / "cache"))
    monkeypatch.setenv("ECG_DATABASE_URL", postgres.url(database))
    monkeypatch.setenv("ECG_MONITOR_TOKEN", SECRETS["monitor"])
    monkeypatch.setenv("ECG_BROKER_TOKEN", SECRETS["broker"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS["store"])
    monkeypatch.setenv("ECG_FETCH__RETRIES", "0")
    said: list[tuple[str, bytes]] = []

    def run(*words: str, **environment: str) -> int:
        with monkeypatch.context() as own:
            for name, value in environment.items():
                own.setenv(name, value)
            ran = CliRunner().invoke(main, words, catch_exceptions=False)
            said.append((" ".join(words), (ran.output + ran.stderr + repr(Settings())).encode()))
            return ran.exit_code

    with serve(site) as running:
        url = running.url.replace("//", f"//user:{SECRETS['mirror']}@")
        good = {"ECG_PHYSIONET_URL": url}
        assert run("score", "tinydb", "--out", str(out), **good) == 1
        assert run("score", "tinydb/a", "--out", str(out), "--json", **good) == 0
        assert run("score", "tinydb/ghost", "nodb/1", "--out", str(out), **good) == 1
        assert run("fetch", "tinydb/a", **good) == 0
        assert run("explain", "tinydb/a", "--beat", "30", **good) == 0
    nobody = f"http://user:{SECRETS['mirror']}@127.0.0.1:{free_port()}/"
    assert run("score", "tinydb/c", "--out", str(out), ECG_PHYSIONET_URL=nobody) == 1
    assert run("report", str(out)) == 0
    assert run("alarms", "--log") == 0
    gone = f"postgresql://ecg:{postgres.password}@127.0.0.1:{free_port()}/ecg"
    assert run("alarms", ECG_DATABASE_URL=gone) == 1
    assert run("alarms", ECG_DATABASE_URL=f"odd://ecg:{postgres.password}@x/ecg") == 2
    assert json.loads((out / "summary.json").read_text())
    everything = [*said, *told(tmp_path / "kept"), ("log", lines.getvalue().encode())]
    assert any(path.endswith("report.html") for path, _ in everything)
    assert [hit for where, content in everything for hit in found(where, content, secrets)] == []


def test_live_work_tells_no_secret(
    model: BeatModel,
    postgres: PostgreSQL,
    hook: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lines: io.StringIO,
) -> None:
    """Alarms to a webhook that refuses at first, refused frames, a broker that goes away; states and every table."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("ECG_MONITOR_TOKEN", SECRETS["monitor"])
    secrets = {**SECRETS, "database": postgres.password}
    name = postgres.create_database()
    settings = Settings(
        state_dir=tmp_path / "kept" / "state", database_url=postgres.url(name),
        live=LiveSettings(commit_s=0.2, lease_s=1.0),
    )  # fmt: skip
    nats = NatsServer(tmp_path / "nats", more=f'authorization {{ user: "ward", password: "{SECRETS["broker"]}" }}')
    url = nats.url.replace("//", f"//ward:{SECRETS['broker']}@")
    metrics, stop, engine = Metrics(), threading.Event(), Engine(model, clock=now_us, watch=Witness)
    connect(engine, metrics)
    sinks = (open_sink(hook), open_sink(str(tmp_path / "kept" / "alarms.jsonl")))
    work = Work([url], Partitions(0, 7, 8), sinks, 1, settings)
    try:
        nats.start()
        thread = threading.Thread(target=work.run, args=(engine, stop))
        thread.start()
        try:
            wait_for(lambda: work.checks["worker"]() is None, "the worker")
            with Broker([url]) as broker:
                broker.run(broker.jetstream.publish("ecg.ward.bed-2", b"\xc1"))
            device = open_device(url)
            bed = synthesise(RUN, name="ward/bed-2", seconds=60.0, seed=3)
            device.send(list(frames(bed, session="s", began_us=BEGAN_US)))
            device.close()
            wait_for(lambda: len(Hook.got) >= 2, "two alarms at the webhook")
            nats.kill()
            wait_for(lambda: work.checks["broker"]() is not None, "the broker to be missed")
            nats.start()
        finally:
            stop.set()
            thread.join(PATIENCE_S)
    finally:
        nats.kill()
    with Database.open(settings.database) as database:
        states = [("state", state.state) for state in database.live.states(range(8))]
    assert states
    dump = postgres.run("pg_dump", "--dbname", name).encode()
    assert b"COPY public.live_beats" in dump
    wrong = [check() or "" for check in work.checks.values()]
    everything = [
        *states, ("dump", dump), ("metrics", metrics.render()), ("log", lines.getvalue().encode()),
        ("alarms", b"".join(Hook.got)), ("names", repr([wrong, [sink.name for sink in sinks]]).encode()),
        *told(tmp_path / "kept"),
    ]  # fmt: skip
    assert b"message" in lines.getvalue().encode()
    assert [hit for where, content in everything for hit in found(where, content, secrets)] == []
