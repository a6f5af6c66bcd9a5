"""The network between monitor, broker and database is cut for a while, and nobody is told: nothing is lost for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import BeatModel
from pipeline.live import broker as broker_module
from pipeline.live.broker import Broker
from pipeline.live.frames import Frame
from pipeline.storage.database import Database, connection
from tests.live.test_worker import Results, a_worker, assert_ends_as, results, send, step_until, working
from tests.live.test_worker import expected as expected
from tests.live.test_worker import frames as frames
from tests.live.test_worker import url as url
from tests.network import FAR, Network
from tests.network import network as network
from tests.services import NatsServer, PostgreSQL, free_port
from tests.waiting import wait_for


@pytest.fixture
def far_nats(network: Network, tmp_path: Path) -> Iterator[NatsServer]:
    """A broker at the far end."""
    server = NatsServer(tmp_path / "nats", host=FAR, within=network.within)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def test_a_broker_behind_a_network_that_is_cut_is_missed_and_read_on_when_it_is_back(
    model: BeatModel,
    network: Network,
    far_nats: NatsServer,
    url: str,
    frames: list[Frame],
    expected: Results,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broker_module, "PING_S", 0.2)
    half = len(frames) // 2
    with Database.open(url) as database, Broker([far_nats.url]) as broker:
        broker.make_stream()
        with working(model, [far_nats.url], database) as worker:
            send(far_nats.url, frames[:half])
            wait_for(lambda: results(database)["live_beats"], "the first beats")
            network.cut()
            wait_for(lambda: not worker._broker.client.is_connected, "the connection to be missed")
            network.mend()
            send(far_nats.url, frames[half:])
            assert_ends_as(expected, database)


def test_a_database_behind_a_network_that_is_cut_is_given_up_and_nothing_is_lost(
    model: BeatModel,
    network: Network,
    nats: NatsServer,
    postgres: PostgreSQL,
    frames: list[Frame],
    expected: Results,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "LOST", {**connection.LOST, "tcp_user_timeout": 1000})
    port, half = free_port(), len(frames) // 2
    network.relay(port, str(postgres.socket))
    near = postgres.url(postgres.create_database())
    far = near.replace(f"127.0.0.1:{postgres.port}", f"{FAR}:{port}")
    with Database.open(near) as seen, Database(far) as database, a_worker(model, [nats.url], database) as worker:
        send(nats.url, frames[:half])
        step_until(worker, lambda: results(seen)["live_beats"], "the first beats")
        network.cut()
        send(nats.url, frames[half:])
        before = worker.troubles
        step_until(worker, lambda: worker.troubles > before, "the database to be missed")
        heard = worker._engine.totals.beats
        step_until(worker, lambda: worker._engine.totals.beats > heard or not worker.intake.waiting, "it to go on")
        network.mend()
        step_until(worker, lambda: len(results(seen)["live_beats"]) >= len(expected["live_beats"]), "the last beat")
        worker.stop()
        worker.run()
        assert_ends_as(expected, seen)
