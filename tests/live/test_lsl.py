"""A real outlet of the Lab Streaming Layer on loopback, and what comes of it."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.clock import now_us
from pipeline.errors import SourceUnavailable
from pipeline.live.broker import Broker
from pipeline.live.frames import Frame, decode
from pipeline.live.framing import Framer
from pipeline.live.lsl import blocks, open_lsl
from tests.services import NatsServer, lacking
from tests.waiting import PATIENCE_S, wait_for

FS, CHUNK = 250.0, 25
CONFIG = """[ports]
IPv6 = disable
[multicast]
ResolveScope = machine
[lab]
KnownPeers = {127.0.0.1}
"""


@pytest.fixture(scope="module")
def lsl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The library, told to look for nobody beyond this machine."""
    file = tmp_path_factory.mktemp("lsl") / "lsl_api.cfg"
    file.write_text(CONFIG)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LSLAPICFG", str(file))
        try:
            import pylsl
        except (ImportError, RuntimeError) as error:
            lacking("pylsl, or the liblsl that it calls", f"pip install -e '.[dev]' ({error})")
        yield pylsl


def outlet(
    lsl: Any, name: str, *, channels: tuple[tuple[str, str], ...] = (("II", "microvolts"), ("V1", "uV")), fs: float = FS
) -> Any:
    info = lsl.StreamInfo(name, "ECG", len(channels), fs, lsl.cf_float32, f"test-{name}-{os.getpid()}")
    listed = info.desc().append_child("channels")
    for label, unit in channels:
        one = listed.append_child("channel")
        one.append_child_value("label", label)
        one.append_child_value("unit", unit)
    return lsl.StreamOutlet(info, CHUNK, 360)


def counted(first: int) -> np.ndarray:
    """Return a chunk whose first lead counts its samples, in uV."""
    at = np.arange(first, first + CHUNK, dtype=np.float32)
    return np.stack([at, -at], axis=1)


def heard(stream: Any, enough: Callable[[list[Frame]], bool], meanwhile: Callable[[], None]) -> list[Frame]:
    """Return the frames of a stream, once they are enough; something is sent when it is listened to."""
    numbers, frames = itertools.count(), list[Frame]()
    framer = Framer("lab/p1", stream.fs, stream.leads, lambda: f"s{next(numbers)}")
    deadline, sent = time.monotonic() + PATIENCE_S, False

    def go_on() -> bool:
        return not enough(frames) and time.monotonic() < deadline

    for time_us, block in blocks(stream, go_on=go_on):
        frames.extend(framer.add(time_us, block))
        if not sent:
            meanwhile()
            sent = True
    assert enough(frames)
    return frames


def test_samples_units_labels_and_times_are_those_that_were_sent(lsl: Any) -> None:
    out = outlet(lsl, "whole")
    stream = open_lsl("whole", wait_s=PATIENCE_S)
    assert (stream.leads, stream.fs, stream.mv_per_unit) == (("II", "V1"), FS, (0.001, 0.001))
    assert out.wait_for_consumers(PATIENCE_S)
    began: list[float] = []

    def send() -> None:
        first_s = lsl.local_clock() - 8.0
        began.append(now_us() - 8e6)
        for first in range(0, 2000, CHUNK):
            out.push_chunk(counted(first).tolist(), first_s + (first + CHUNK - 1) / FS)

    frames = heard(stream, lambda frames: sum(len(one.samples) for one in frames) >= 2000, send)
    values = np.concatenate([frame.values() for frame in frames])
    np.testing.assert_allclose(values[:, 0], np.arange(2000) / 1000.0, atol=1e-4)
    np.testing.assert_allclose(values[:, 1], -np.arange(2000) / 1000.0, atol=1e-4)
    assert frames[0].time_us == pytest.approx(began[0], abs=50_000)
    assert frames[-1].time_us - frames[0].time_us == pytest.approx(7.5e6, abs=2_000)


def test_a_hole_is_missing_samples_and_jittering_stamps_are_none(lsl: Any) -> None:
    out, rng = outlet(lsl, "holed"), np.random.default_rng(5)
    stream = open_lsl("holed", wait_s=PATIENCE_S)
    assert out.wait_for_consumers(PATIENCE_S)

    def send() -> None:
        first_s = lsl.local_clock() - 8.0
        for first in range(0, 2000, CHUNK):
            if not 500 <= first < 750:  # a second that the amplifier lost
                jitter_s = rng.uniform(-0.02, 0.02)
                out.push_chunk(counted(first).tolist(), first_s + (first + CHUNK - 1) / FS + jitter_s)

    frames = heard(stream, lambda frames: sum(len(one.samples) for one in frames) >= 1875, send)
    values = np.concatenate([frame.values() for frame in frames])
    hole = np.isnan(values[:, 0])
    assert {frame.session for frame in frames} == {"s0"}
    assert hole.sum() == pytest.approx(250, abs=15)  # to the jitter
    edges = np.flatnonzero(np.diff(hole.astype(int)))
    assert len(edges) == 2  # one hole
    np.testing.assert_allclose(values[: edges[0] + 1, 0], np.arange(500) / 1000.0, atol=1e-4)
    np.testing.assert_allclose(values[edges[1] + 1 :, 0][:1000], np.arange(750, 1750) / 1000.0, atol=1e-4)


def test_what_cannot_be_listened_to_says_why(lsl: Any) -> None:
    with pytest.raises(SourceUnavailable, match=r"no stream has the name or type 'nobody' within 0\.5 s"):
        open_lsl("nobody", wait_s=0.5)
    kept = [
        outlet(lsl, "eeg", channels=(("C3", ""), ("C4", ""))),
        outlet(lsl, "slow", fs=50.0),
        outlet(lsl, "uneven", fs=0.0),
        outlet(lsl, "twice"),
        lsl.StreamOutlet(lsl.StreamInfo("twice", "ECG", 1, FS, lsl.cf_float32, "another")),
    ]
    with pytest.raises(ValueError, match=r"no channel says that it is a voltage \(C3 \(no unit\), C4 \(no unit\)\)"):
        open_lsl("eeg", wait_s=PATIENCE_S)
    assert open_lsl("eeg", wait_s=PATIENCE_S, leads=("II", "V1"), unit="uV").leads == ("II", "V1")
    with pytest.raises(ValueError, match="has 2 channels, and 1 names are given"):
        open_lsl("eeg", wait_s=PATIENCE_S, leads=("II",))
    for name in ("slow", "uneven"):
        with pytest.raises(ValueError, match="at a steady rate"):
            open_lsl(name, wait_s=PATIENCE_S)
    with pytest.raises(SourceUnavailable, match=r"2 streams are 'twice' .*: name one of them"):
        open_lsl("twice", wait_s=PATIENCE_S)
    assert len(kept) == 5


@contextmanager
def sending(out: Any) -> Iterator[None]:
    """Send in real time while the block runs."""
    ended = threading.Event()

    def run() -> None:
        for first in itertools.count(0, CHUNK):
            if ended.wait(CHUNK / FS):
                return
            out.push_chunk(counted(first % 1000).tolist())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.slow
def test_the_command_publishes_what_it_hears(lsl: Any, nats: NatsServer, tmp_path: Path) -> None:
    out = outlet(lsl, "bedside")
    words = ["listen", "lsl", "bedside", "--patient", "lab/p1", "--to", nats.url, "--wait", "60"]
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *words]
    with (
        sending(out),
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running,
    ):
        try:
            assert running.stdout is not None
            said = running.stdout.readline()
            assert re.fullmatch(r"Listening to bedside: II, V1 at 250 Hz, as lab/p1\.\n", said), said
            with Broker([nats.url]) as broker:
                wait_for(lambda: broker.run(broker.look())[1] >= 4, "four frames in the log")
                running.send_signal(signal.SIGTERM)
                _, errors = running.communicate(timeout=PATIENCE_S)

                async def read() -> list[Frame]:
                    last = (await broker.look())[1]
                    found = [await broker.jetstream.get_msg("ECG", seq) for seq in range(1, last + 1)]
                    return [decode(one.data or b"") for one in found]

                frames = broker.run(read())
        finally:
            running.kill()
    assert "Traceback" not in errors
    assert {(frame.patient, frame.leads, frame.last) for frame in frames} == {("lab/p1", ("II", "V1"), False)}
    assert [frame.sequence for frame in frames] == list(range(len(frames)))
    steps = np.diff(np.concatenate([frame.values()[:, 0] for frame in frames]))
    np.testing.assert_allclose(steps[steps > -0.5], 0.001, atol=1e-5)
