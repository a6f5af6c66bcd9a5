"""What a device sends, looked at as the monitor would."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from click.testing import CliRunner
from paho.mqtt.enums import CallbackAPIVersion

from pipeline.cli import main
from pipeline.errors import FrameError
from pipeline.live.broker import Broker
from pipeline.live.device_check import DeviceCheck
from pipeline.live.frames import Frame, encode, encode_json
from pipeline.live.topics import subject_of_topic
from tests.services import NatsServer
from tests.waiting import PATIENCE_S, wait_for

BEGAN_US = 1_750_000_000_000_000


def frames(
    count: int = 100, *, fs: float = 130.0, true_fs: float | None = None, sizes: tuple[int, ...] = (65,),
    patient: str = "ward/bed-1", leads: tuple[str, ...] = ("II", "V1"),
) -> list[Frame]:  # fmt: skip
    made, position = [], 0
    for number in range(count):
        size = sizes[number % len(sizes)]
        at_us = BEGAN_US + round(position / (true_fs or fs) * 1e6)
        signal = np.full((size, len(leads)), 0.125 * number, dtype=np.float32)
        made.append(Frame.of(patient, "s1", number, at_us, fs, leads, signal))
        position += size
    return made


def check(sent: list[Frame], *, wait_s: float | None = 0.1) -> DeviceCheck:
    checked = DeviceCheck()
    for frame in sent:
        arrived = None if wait_s is None else frame.stop_us + round(1e6 * wait_s)
        checked.take(encode(frame), topic=f"ecg/{frame.patient}", arrived_us=arrived)
    return checked


def test_a_device_as_it_should_be_has_nothing_refused_and_nothing_to_put_right() -> None:
    checked = check(frames())
    assert (checked.messages, checked.frames, checked.refusals) == (100, 100, [])
    assert checked.remarks() == ["ward/bed-1: scored: II, V1"]


def test_what_is_refused_is_told_once_with_its_number_and_its_first() -> None:
    good = frames(10)
    checked = DeviceCheck()
    for frame in good:
        checked.take(
            encode_json(frame).replace(b'"fs": 130.0', b'"fs": 1300.0') if frame.sequence > 3 else encode(frame)
        )
    assert [(one.first, one.count) for one in checked.refusals] == [(5, 6)]
    assert "a rate of 1300" in checked.refusals[0].why


@pytest.mark.parametrize(
    ("topic", "why"),
    [
        ("ecg/ward/bed.1", "a dot"),
        ("ecg/ward/bed 1", "a blank"),
        ("ecg//bed-1", "names no patient"),
        ("vitals/ward/bed-1", "names no patient"),
        ("ecg/ward/bed-2", "was published as ward/bed-2's"),
        ("ecg/ward/+", "a wildcard"),
    ],
)
def test_a_topic_that_loses_frames_is_told(topic: str, why: str) -> None:
    checked = DeviceCheck()
    checked.take(encode(frames(1)[0]), topic=topic)
    assert checked.frames == 0
    assert why in checked.refusals[0].why


def wrapped(count: int) -> list[Frame]:
    """A device whose milliseconds have 32 bits, and whose numbers have 16."""
    sent = frames(count)
    for i in range(count // 2, count):
        sent[i] = replace(sent[i], time_us=sent[i].time_us - 2**32 * 1000)
    return [replace(one, sequence=(65_536 - count // 2 + one.sequence) % 65_536) for one in sent]


@pytest.mark.parametrize(
    ("sent", "wait_s", "told"),
    [
        (frames(true_fs=130.4), 0.1, "it states 130 Hz and its times tell 130.4 Hz: followed"),
        (frames(true_fs=100.0), 0.1, "it states 130 Hz and its times tell 100 Hz: too far off to be followed"),
        (frames(fs=250.0, sizes=(73, 71, 74)), 3600.0, "its clock is 3,600 s behind"),
        (frames(), -0.4, "arrive 0.40 s before their last sample is taken"),
        (wrapped(40), None, "a counter of 16 bits"),
        (wrapped(40), None, "milliseconds in 32 bits have wrapped"),
        (frames(sizes=(390,)), 0.1, "frames hold up to 3.0 s"),
        ([one for one in frames() if one.sequence not in (20, 21)], 0.1, "2 frames are missing by their numbers"),
        ([*frames(20), *frames(20)[10:]], 0.1, "10 frames came twice"),
        (frames(leads=("II", "Resp")), 0.1, "scored: II; carried only: Resp"),
        ([replace(one, units=("mV", "LSB")) for one in frames()], 0.1, "unit 'LSB' is not known"),
    ],
)  # fmt: skip
def test_what_a_person_should_put_right_is_told_in_words(sent: list[Frame], wait_s: float | None, told: str) -> None:
    checked = check(sent, wait_s=wait_s)
    assert not checked.refusals
    assert any(told in line for line in checked.remarks()), checked.remarks()


def test_stamps_of_the_last_sample_are_told_from_those_of_the_first() -> None:
    right = frames(fs=250.0, sizes=(73, 50, 25))
    wrong = [replace(one, time_us=one.stop_us) for one in right]
    said = "that of the last sample"
    assert not any(said in line for line in check(right, wait_s=None).remarks())
    assert any(said in line for line in check(wrong, wait_s=None).remarks())


def test_topics_become_the_subjects_that_nats_server_makes_of_them(nats: NatsServer) -> None:
    arrived: list[str] = []
    topics = [
        "ecg/ward/bed-1",
        "ecg//bed",
        "/ecg/ward/bed-1",
        "ecg/ward/",
        "ecg/ward//x/",
        "ecg/Ä/ß",
        "a.b/c",
        "ecg/a b",
    ]
    with Broker([nats.url]) as broker:

        async def take(message: object) -> None:
            arrived.append(message.subject)  # type: ignore[attr-defined]

        async def subscribe() -> None:
            await broker.client.subscribe(">", cb=take)
            await broker.client.flush()

        broker.run(subscribe())
        foretold = []
        for topic in topics:
            client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
            confirmed = threading.Event()
            client.on_publish = lambda *_, event=confirmed: event.set()
            client.on_disconnect = lambda *_, event=confirmed: event.set()
            client.connect("127.0.0.1", nats.mqtt_port)
            client.loop_start()
            client.publish(topic, topic.encode(), qos=1)
            assert confirmed.wait(PATIENCE_S)
            client.loop_stop()
            try:
                foretold.append(subject_of_topic(topic))
            except FrameError:
                continue
        wait_for(
            lambda: len([one for one in arrived if not one.startswith(("$", "_"))]) >= len(foretold),
            "all that was sent",
        )
    assert [one for one in arrived if not one.startswith(("$", "_"))] == foretold


def test_what_strangers_send_is_counted_and_takes_no_more_room() -> None:
    checked = DeviceCheck()
    for i in range(300):
        checked.take(b"rubbish", topic=f"ecg/ward.{i}/bed")  # each is refused for a reason of its own
    assert len(checked.refusals) == 101
    assert checked.refusals[-1].why == "other reasons"
    assert sum(one.count for one in checked.refusals) == checked.messages == 300


def test_a_broker_that_refuses_is_told_and_options_that_do_not_belong_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}")
    for words in (["nats://127.0.0.1:1", "--topic", "ecg/a/b"], [str(tmp_path / "a.jsonl"), "--patient", "a/b"],
                  ["mqtt://127.0.0.1:1", "--patient", "ward/+"]):  # fmt: skip
        assert CliRunner().invoke(main, ["check-device", *words]).exit_code == 2


def test_the_command_checks_its_own_example_and_files_of_either_form(tmp_path: Path) -> None:
    run = CliRunner()
    example = run.invoke(main, ["check-device", "--example"])
    (tmp_path / "a.jsonl").write_text(example.output)
    done = run.invoke(main, ["check-device", str(tmp_path / "a.jsonl"), "--topic", "ecg/ward/bed-1"])
    assert (done.exit_code, done.output.splitlines()[0]) == (0, "3 messages: 3 would be taken, 0 refused")
    (tmp_path / "b.bin").write_bytes(b"".join(map(encode, frames(5))) + b"\xc1 rest")
    done = run.invoke(main, ["check-device", str(tmp_path / "b.bin")])
    assert done.exit_code == 1
    assert "6 messages: 5 would be taken, 1 refused" in done.output
    assert "neither MessagePack nor JSON" in done.output
    assert run.invoke(main, ["check-device"]).exit_code == 2
    assert run.invoke(main, ["check-device", str(tmp_path / "none")]).exit_code == 2


@pytest.mark.parametrize("over", ["nats", "mqtt"])
def test_a_device_on_a_broker_is_listened_to(nats: NatsServer, over: str) -> None:
    from pipeline.live.device import MqttDevice

    stop = threading.Event()

    def send() -> None:
        device = MqttDevice(nats.mqtt_url)
        number = 0
        while not stop.is_set():
            device.send([replace(frames(1)[0], sequence=number, time_us=BEGAN_US + number * 500_000)])
            number += 1
        device.close()

    with Broker([nats.url]) as broker:
        broker.make_stream()
    sender = threading.Thread(target=send)
    sender.start()
    try:
        url = nats.url if over == "nats" else nats.mqtt_url
        done = CliRunner().invoke(main, ["check-device", url, "--seconds", "10", "--json"])
    finally:
        stop.set()
        sender.join()
    assert done.exit_code == 0, done.output
    assert '"refused": []' in done.output
