"""Packets of a Polar belt, made by hand from the published layout. No belt was here."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.errors import FrameError, SourceUnavailable
from pipeline.live.frames import Frame
from pipeline.live.framing import Framer
from pipeline.live.polar import FS, LEAD, START, Packet, SensorTime, check_answer, decode_packet
from tests.services import NatsServer

BEGAN_US = 1_750_000_000_000_000
SWITCHED_ON_NS = 599_616_000_000_000_000  # 2019, where an H10's clock begins, in ns since 2000


def packet(microvolts: list[int], last_ns: int = SWITCHED_ON_NS) -> bytes:
    samples = b"".join(value.to_bytes(3, "little", signed=True) for value in microvolts)
    return bytes([0]) + last_ns.to_bytes(8, "little") + bytes([0]) + samples


def test_a_packet_is_read_as_its_layout_says() -> None:
    # Kind, time (599616023171427290 ns), kind, then 1, -1, 1000, -1000, and the ends of three bytes.
    data = bytes.fromhex("00 daebc39e98435208 00 010000 ffffff e80300 18fcff ffff7f 000080")
    found = decode_packet(data)
    assert found.last_us == pytest.approx(599_616_023_171_427.290, abs=1.0)
    np.testing.assert_allclose(found.signal[:, 0], [0.001, -0.001, 1.0, -1.0, 8388.607, -8388.608], rtol=1e-6)
    assert found.signal.shape == (6, 1)
    assert int.from_bytes(data[1:9], "little") == 599_616_023_171_427_290  # as Polar gives an example


def test_the_start_asks_for_130_hz_and_14_bits() -> None:
    assert START.hex() == "02000001820001010e00"


@pytest.mark.parametrize(
    "data",
    [b"", packet([]), packet([5])[:-1], packet([5]) + b"\0", b"\x02" + packet([5])[1:], packet([5])[:9] + b"\1\0\0\0"],
)
def test_what_is_no_packet_of_ecg_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError, match="a packet of"):
        decode_packet(data)


@pytest.mark.parametrize(("answer", "says"), [
    ("f002000000", None),
    ("f002000600", None),  # it streams already
    ("f0020002", "invalid measurement type"),
    ("f002000d", "device in charger"),
    ("f00200ff", "error 255"),
    ("0f", None),  # no answer to a command
])  # fmt: skip
def test_a_refusal_is_told_in_words(answer: str, says: str | None) -> None:
    if says is None:
        check_answer(bytes.fromhex(answer))
        return
    with pytest.raises(SourceUnavailable, match=f"refuses to send its ECG: {says}"):
        check_answer(bytes.fromhex(answer))


def frames_of(true_hz: float, delays_us: np.ndarray, lost: range = range(0)) -> tuple[list[Frame], Framer]:
    """Return the frames of a belt of a true rate, whose packets come with delays, some of them never."""
    numbers, time = itertools.count(), SensorTime()
    framer, frames = Framer("home/p1", FS, (LEAD,), lambda: f"s{next(numbers)}"), list[Frame]()
    for i, delay_us in enumerate(delays_us.tolist()):
        last_us = (73 * (i + 1) - 1) / true_hz * 1e6
        if i in lost:
            continue
        counted = [(73 * i + k) % 1000 for k in range(73)]
        found = decode_packet(packet(counted, SWITCHED_ON_NS + round(last_us * 1e3)))
        frames += framer.add(time.first_us(found, round(BEGAN_US + last_us + delay_us)), found.signal)
    return frames, framer


@pytest.mark.parametrize("true_hz", [128.5, 130.0, 130.9])
def test_packets_become_frames_at_the_true_rate_whenever_they_arrive(true_hz: float) -> None:
    delays_us = np.random.default_rng(2).uniform(20_000, 400_000, 600)
    frames, framer = frames_of(true_hz, delays_us)
    assert framer.missing == 0
    assert {frame.session for frame in frames} == {"s0"}
    signal = np.concatenate([frame.values() for frame in frames])[:, 0]
    np.testing.assert_allclose(signal, np.arange(len(signal)) % 1000 / 1000.0, atol=1e-6)
    last = frames[-1]
    taken_us = BEGAN_US + 65 * last.sequence / true_hz * 1e6
    # The radio's shortest delay cannot be told from the clocks' distance.
    assert last.time_us - taken_us == pytest.approx(20_000, abs=30_000)


def test_lost_packets_are_missing_samples() -> None:
    frames, framer = frames_of(130.0, np.full(40, 30_000.0), lost=range(20, 23))
    assert framer.missing == 3 * 73
    signal = np.concatenate([frame.values() for frame in frames])[:, 0]
    assert np.isnan(signal[20 * 73 : 23 * 73]).all()
    np.testing.assert_allclose(signal[23 * 73 : 24 * 73], np.arange(23 * 73, 24 * 73) % 1000 / 1000.0, atol=1e-6)


def test_a_belt_that_was_switched_off_and_on_is_on_time_again() -> None:
    time, block = SensorTime(), np.zeros((73, 1), np.float32)
    first = time.first_us(Packet(5e14, block), BEGAN_US)
    again = time.first_us(Packet(5e14 - 3600e6, block), BEGAN_US + 60_000_000)
    assert first == pytest.approx(BEGAN_US - 72 / 130 * 1e6)
    assert again - first == pytest.approx(60e6)


def test_without_an_adapter_it_is_one_line(nats: NatsServer) -> None:
    pytest.importorskip("bleak", reason="pip install -e '.[dev]'")
    words = ["listen", "ble", "00000000", "--patient", "home/p1", "--to", nats.url]
    ran = CliRunner().invoke(main, words, catch_exceptions=False)
    assert ran.exit_code == 1
    assert re.fullmatch(r"Error: (Bluetooth: .*|the belt 00000000 is not seen .*)\n", ran.stderr), ran.stderr


@pytest.mark.parametrize("words", [("ble", "x"), ("lsl", "x")])
def test_a_wrong_patient_is_a_usage_error(words: tuple[str, ...]) -> None:
    ran = CliRunner().invoke(main, ["listen", *words, "--patient", "nobody"], catch_exceptions=False)
    assert ran.exit_code == 2
    assert "no patient's name" in ran.stderr
