"""What the broker does with what it confirms, with a real nats-server and real MQTT and NATS clients."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import paho.mqtt.client as mqtt
import pytest
from nats.js.api import DiscardPolicy, StreamConfig
from paho.mqtt.enums import CallbackAPIVersion

from pipeline.errors import OutputError, SourceUnavailable
from pipeline.live.broker import STREAM, SUBJECTS, Broker
from pipeline.live.log_server import LogServer
from tests.services import NatsServer, answers, free_port
from tests.waiting import PATIENCE_S, wait_for


@pytest.fixture
def command() -> str:
    """The installed command."""
    return str(Path(sys.executable).with_name("ecg-anomaly"))


@contextmanager
def running(command: str, store: Path) -> Iterator[tuple[int, int, subprocess.Popen[bytes]]]:
    port, mqtt_port = free_port(), free_port()
    words = [command, "broker", "--port", str(port), "--mqtt-port", str(mqtt_port), "--store", str(store)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE)
    try:
        yield port, mqtt_port, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)


def publish_at_once(port: int, topic: str, number: int) -> None:
    """Connect the moment something listens, publish with QoS 1 and wait until all is confirmed."""
    wait_for(lambda: answers(port), "somebody who listens", pause_s=0.001)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="device", clean_session=True, protocol=mqtt.MQTTv311)
    confirmed = threading.Semaphore(0)
    client.on_publish = lambda *_: confirmed.release()
    client.connect("127.0.0.1", port)
    client.loop_start()
    for i in range(number):
        client.publish(topic, b"frame %d" % i, qos=1)
    for _ in range(number):
        assert confirmed.acquire(timeout=PATIENCE_S)
    client.disconnect()
    client.loop_stop()


def test_what_is_confirmed_to_a_device_is_kept_from_the_first_moment(command: str, tmp_path: Path) -> None:
    for kept in (50, 100):  # at its first start, and when it is started again
        with running(command, tmp_path / "store") as (port, mqtt_port, _):
            publish_at_once(mqtt_port, "ecg/ward/bed-1", 50)
            with Broker([f"nats://127.0.0.1:{port}"]) as broker:
                assert broker.run(broker.look())[1] == kept
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "store" / "nats-server.conf").stat().st_mode & 0o777 == 0o600


def test_a_second_broker_on_one_store_and_a_taken_port_are_one_line(command: str, tmp_path: Path) -> None:
    with running(command, tmp_path / "store") as (port, mqtt_port, _):
        publish_at_once(mqtt_port, "ecg/ward/bed-1", 1)
        words = [command, "broker", "--port", str(free_port()), "--mqtt-port", str(free_port())]
        second = subprocess.run([*words, "--store", str(tmp_path / "store")], capture_output=True, check=False)
        assert second.returncode == 1
        assert second.stderr.decode().startswith("Error: another broker works on")
        words = [command, "broker", "--port", str(port), "--mqtt-port", str(free_port())]
        third = subprocess.run([*words, "--store", str(tmp_path / "other")], capture_output=True, check=False)
        assert third.returncode == 1
        assert f"port {port}" in third.stderr.decode()
        assert [len(text.splitlines()) for text in (second.stderr, third.stderr)] == [1, 1]


def test_a_store_is_free_again_when_its_broker_was_killed(command: str, tmp_path: Path) -> None:
    with running(command, tmp_path / "store") as (_, mqtt_port, process):
        publish_at_once(mqtt_port, "ecg/ward/bed-1", 1)
        with pytest.raises(OutputError, match="another broker"):
            LogServer(tmp_path / "store", host="127.0.0.1", port=free_port(), mqtt_port=free_port())
        process.kill()
        process.wait()
        LogServer(tmp_path / "store", host="127.0.0.1", port=free_port(), mqtt_port=free_port())


def test_the_stream_takes_half_of_the_free_disk_at_most_for_nats_server_stands_still_on_a_full_one(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    store = tmp_path / "store"
    server = LogServer(store, host="127.0.0.1", port=free_port(), mqtt_port=free_port())
    server.prepare()
    os.close(server._lock)
    with running(command, store) as (port, mqtt_port, _):
        publish_at_once(mqtt_port, "ecg/ward/bed-1", 1)
        with Broker([f"nats://127.0.0.1:{port}"]) as broker:
            config = broker.run(broker.jetstream.stream_info(STREAM)).config
    assert (config.max_bytes, config.discard) == (500_000, DiscardPolicy.OLD)


def test_a_full_stream_keeps_what_is_new(nats: NatsServer) -> None:
    with Broker([nats.url]) as broker:
        broker.make_stream(max_bytes=20_000)
        publish_at_once(nats.mqtt_port, "ecg/ward/bed-1", 1000)
        state = broker.run(broker.jetstream.stream_info(STREAM)).state
        assert state.last_seq == 1000
        assert 0 < state.messages < 1000
        last = broker.run(broker.jetstream.get_last_msg(STREAM, "ecg.ward.bed-1"))
        assert last.data == b"frame 999"
        broker.check_stream()


def test_nats_server_confirms_over_mqtt_what_a_full_stream_refuses_so_such_a_stream_is_named(nats: NatsServer) -> None:
    with Broker([nats.url]) as broker:
        config = StreamConfig(STREAM, subjects=[SUBJECTS], max_msgs=10, discard=DiscardPolicy.NEW)
        broker.run(broker.jetstream.add_stream(config))
        publish_at_once(nats.mqtt_port, "ecg/ward/bed-1", 50)  # all 50 are confirmed: nats-server 2.9.10
        assert broker.run(broker.look())[1] == 10
        broker.make_stream()
        with pytest.raises(SourceUnavailable, match="discard new"):
            broker.check_stream()


@pytest.mark.parametrize("change", [{"subjects": ["ecg.ward.>"]}, {"max_msg_size": 1000}])
def test_a_stream_that_does_not_take_every_frame_is_named(nats: NatsServer, change: dict[str, object]) -> None:
    with Broker([nats.url]) as broker:
        broker.run(broker.jetstream.add_stream(StreamConfig(STREAM, **{"subjects": [SUBJECTS], **change})))  # type: ignore[arg-type]
        with pytest.raises(SourceUnavailable, match="confirmed all the same"):
            broker.check_stream()


def test_one_counter_as_id_of_two_patients_loses_none_of_either(nats: NatsServer) -> None:
    """Nats-Msg-Id is judged over all subjects of a stream together (nats-server 2.9.10), for as long as its window."""
    with Broker([nats.url]) as broker:
        broker.make_stream()
        for number in range(5):
            for patient in ("a", "b"):
                headers = {"Nats-Msg-Id": str(number)}
                broker.run(broker.jetstream.publish(f"ecg.ward.{patient}", b"frame", headers=headers))
                time.sleep(0.15)  # two devices seldom send in one tenth of a second; those frames would be one
        assert broker.run(broker.look())[1] == 10


def test_topics_that_mqtt_allows_and_nats_does_not_reach_no_patient(nats: NatsServer) -> None:
    """An empty level comes as ``/`` in its subject; a dot or a blank ends the connection (nats-server 2.9.10)."""
    with Broker([nats.url]) as broker:
        broker.make_stream()
        publish_at_once(nats.mqtt_port, "ecg//bed-1", 1)
        (subject,) = broker.run(broker.jetstream.stream_info(STREAM, subjects_filter=">")).state.subjects or {}
        assert subject == "ecg./.bed-1"
        for topic in ("ecg/ward/bed.1", "ecg/ward/bed 1"):
            client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
            gone = threading.Event()
            client.on_disconnect = lambda *_, gone=gone: gone.set()
            client.connect("127.0.0.1", nats.mqtt_port)
            client.loop_start()
            client.publish(topic, b"frame", qos=1)
            assert gone.wait(PATIENCE_S)
            client.loop_stop()
        assert broker.run(broker.look())[1] == 1
