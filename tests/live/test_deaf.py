"""Frames that come and beats that do not are an alarm within ten seconds of signal, for whatever reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from numpy.typing import NDArray

from pipeline import BeatModel, Findings
from pipeline.live.engine import Engine
from pipeline.live.frames import Frame
from pipeline.records import Alarm
from pipeline.sources.synthetic import SyntheticRecord
from tests.live.conftest import BEGAN_US
from tests.live.test_engine import Clock, Ear

FS = 250.0
WITHIN_S = 10.0


class Ward:
    """An engine with one patient, and how long nothing was heard of it."""

    def __init__(self, model: BeatModel) -> None:
        self.clock = Clock()
        self.engine, self.ear = Engine(model, clock=self.clock), Ear()
        self.engine.listeners.append(self.ear)
        self.quiet_s = 0.0  # of signal that came since the last beat

    def send(self, frame: Frame) -> None:
        before = len(self.ear.heard)
        self.clock.now += round(len(frame.samples) / frame.fs * 1e6)
        self.engine.take([frame])
        self.hear(len(frame.samples) / frame.fs, before)

    def refuse(self, at_us: int) -> None:
        before = len(self.ear.heard)
        self.engine.refuse("ward/a", at_us, "a frame is no JSON")
        self.engine.take([])
        self.hear(1.0, before)

    def hear(self, seconds: float, before: int) -> None:
        self.quiet_s += seconds
        if any(isinstance(heard, Findings) and len(heard) for heard in self.ear.heard[before:]):
            self.quiet_s = 0.0

    @property
    def alarms(self) -> list[Alarm]:
        return [alarm for heard in self.ear.heard if isinstance(heard, Findings) for alarm in heard.alarms]

    def check(self) -> None:
        if self.quiet_s > WITHIN_S:
            assert self.engine.deaf() == ["ward/a"], f"nothing was told of {self.quiet_s:g} s without a beat"
            assert any(not alarm.physiological or alarm.kind == "asystole" for alarm in self.alarms)


@pytest.fixture(scope="module")
def pulse(ward_records: list[SyntheticRecord]) -> NDArray[np.float32]:
    """A minute of a heart, of one lead."""
    return np.concatenate([chunk.signal for chunk in ward_records[0].chunks()])[: int(60 * FS), :1]


def signal_of(pulse: NDArray[np.float32], second: int) -> NDArray[np.float32]:
    first = int(second * FS) % len(pulse)
    return pulse[first : first + int(FS)]


def frame(
    pulse: NDArray[np.float32], second: int, *, session: str = "s", number: int | None = None, off_us: int = 0
) -> Frame:
    time_us = BEGAN_US + second * 1_000_000 + off_us
    number = second if number is None else number
    return Frame.of("ward/a", session, number, time_us, FS, ("II",), signal_of(pulse, second))


FLAT = np.full((int(FS), 1), 0.2, np.float32)
SLOPE = np.linspace(0, 1e-3, int(FS), dtype=np.float32)[:, None]


@pytest.mark.parametrize(
    "kind",
    ["slope from the start", "flat", "missing", "no lead", "other unit", "doubled", "ended", "no frames", "stays"],
)
@pytest.mark.parametrize("before", [0, 90])
def test_a_patient_who_is_not_heard_is_told_within_ten_seconds(
    model: BeatModel, pulse: NDArray[np.float32], kind: str, before: int
) -> None:
    ward = Ward(model)
    for second in range(before):
        ward.send(frame(pulse, second))
    told_before, ward.quiet_s = len(ward.alarms), 0.0
    if kind == "ended":
        if not before:
            pytest.skip("nothing can have ended")
        ward.send(replace(frame(pulse, before), session="t", sequence=0))
    for second in range(before, before + 25):
        one = frame(pulse, second)
        if kind == "slope from the start":
            one = Frame.of("ward/a", "s", second, one.time_us, FS, ("II",), SLOPE + second * 1e-3)
        elif kind == "flat":
            one = Frame.of("ward/a", "s", second, one.time_us, FS, ("II",), FLAT)
        elif kind == "missing":
            one = Frame.of("ward/a", "s", second, one.time_us, FS, ("II",), FLAT * np.nan)
        elif kind == "no lead":
            one = replace(one, leads=("RESP",))
        elif kind == "other unit":
            one = replace(one, units=("mmHg",))
        elif kind == "doubled":
            one = frame(pulse, before + second % 2)  # the same two again and again
        elif kind == "ended":  # and another device holds the patient, of whom nothing can be found
            other = Frame.of("ward/a", "t", second - before + 1, one.time_us + 1_000_000, FS, ("II",), SLOPE)
            ward.send(other)
            ward.quiet_s -= 1.0  # two devices, one stretch of time
        elif kind == "stays":
            one = replace(one, session=f"s{second}", time_us=BEGAN_US - second * 1_000_000)
        if kind == "no frames":
            ward.refuse(one.time_us)
        else:
            ward.send(one)
        if kind != "doubled" or second > before + 1:  # of these two, beats may come
            ward.check()
    told = ward.alarms[told_before:]
    assert 1 <= sum(alarm.kind in ("no beats", "frames dropped", "no signal", "asystole") for alarm in told) <= 3


def test_a_heart_that_is_heard_raises_none_of_these(model: BeatModel, pulse: NDArray[np.float32]) -> None:
    ward = Ward(model)
    for second in range(200):
        if second % 20 != 7:
            ward.send(frame(pulse, second))
        if second % 31 == 3:
            ward.send(frame(pulse, second))  # twice
        if second % 40 == 12:
            ward.send(frame(pulse, second - 5))  # too late
        assert ward.engine.deaf() == []
    assert not [alarm for alarm in ward.alarms if alarm.kind in ("no beats", "frames dropped", "monitor anew")]


def test_what_is_dropped_beside_another_device_is_told(model: BeatModel, pulse: NDArray[np.float32]) -> None:
    ward = Ward(model)
    for second in range(60):
        ward.send(frame(pulse, second, session="a"))
        ward.send(frame(pulse, second, session="b", off_us=10_000))
    told = [alarm for alarm in ward.alarms if alarm.kind == "frames dropped"]
    assert len(told) == 1
    assert told[0].raised_s < 10
    assert ward.engine.deaf() == ["ward/a"]
    assert ward.engine.totals.beats > 40  # of one of them


class OddDevice(RuleBasedStateMachine):
    """A device that counts, tells the time, names its sessions and sends as it likes."""

    model: BeatModel
    pulse: NDArray[np.float32]

    @initialize()
    def begin(self) -> None:
        self.ward = Ward(self.model)
        self.second = 0
        self.session, self.number, self.modulus, self.off_us = "s", 0, 2**40, 0
        self.sessions = 0
        self.leads: tuple[str, ...] = ("II",)
        self.fs = FS
        self.is_quiet = False

    @rule(seconds=st.integers(1, 25))
    def send(self, seconds: int) -> None:
        for _ in range(seconds):
            one = self.next()
            self.ward.send(one)
            self.ward.check()

    @rule(seconds=st.integers(1, 12))
    def lose(self, seconds: int) -> None:
        for _ in range(seconds):
            self.next()

    @rule(by=st.sampled_from([2, 9, 256, 65_536, 2**31]))
    def jump(self, by: int) -> None:
        self.number += by

    @rule(modulus=st.sampled_from([8, 256, 2**40]))
    def wrap(self, modulus: int) -> None:
        self.modulus = modulus

    @rule(by_s=st.sampled_from([-7200.0, -30.0, -0.7, 0.7, 30.0, 7200.0, 30_000.0]))
    def set_clock(self, by_s: float) -> None:
        self.off_us += round(by_s * 1e6)

    @rule(is_new=st.booleans(), silent_s=st.integers(0, 20))
    def start_anew(self, is_new: bool, silent_s: int) -> None:
        self.second += silent_s
        self.number = 0
        if is_new:
            self.sessions += 1
            self.session = f"s{self.sessions}"

    @rule(back=st.integers(0, 5), seconds=st.integers(1, 12))
    def speak_as_before(self, back: int, seconds: int) -> None:
        """Another device, or what had waited somewhere, sends under a session of before."""
        name = f"s{self.sessions - back}" if self.sessions > back else "s"
        for i in range(seconds):
            self.ward.send(replace(self.next(), session=name, sequence=500 + i))
            self.ward.check()

    @rule(leads=st.sampled_from([("II",), ("V5",), ("RESP",), ("II", "V1")]))
    def change_leads(self, leads: tuple[str, ...]) -> None:
        self.leads = leads

    @rule(fs=st.sampled_from([FS, 125.0, 500.0]))
    def change_rate(self, fs: float) -> None:
        self.fs = fs

    @rule()
    def lift_the_lead(self) -> None:
        self.is_quiet = not self.is_quiet

    @rule(number=st.integers(0, 2**53), off_s=st.integers(-10_000, 10_000))
    def send_a_wild_frame(self, number: int, off_s: int) -> None:
        one = self.next()
        self.ward.send(replace(one, sequence=number, time_us=one.time_us + off_s * 1_000_000))
        self.ward.check()

    @rule(seconds=st.integers(1, 12))
    def send_no_frame(self, seconds: int) -> None:
        for _ in range(seconds):
            self.ward.refuse(self.next().time_us)
            self.ward.check()

    @rule()
    def go_on_from_a_state(self) -> None:
        if "ward/a" in self.ward.engine:
            state = self.ward.engine.snapshot("ward/a")
            assert len(state) <= 64 * 1024
            self.ward.engine.take([])  # what the state has brought out
            other = Engine(self.model, clock=self.ward.clock)
            other.listeners.append(self.ward.ear)
            other.restore("ward/a", state)
            assert other.deaf() == self.ward.engine.deaf()
            assert other.snapshot("ward/a") == state
            self.ward.engine = other

    def next(self) -> Frame:
        """The frame that is due, of a second; its samples are taken at 250 Hz whatever its rate says."""
        signal = FLAT if self.is_quiet else signal_of(self.pulse, self.second)
        signal = np.repeat(signal, len(self.leads), axis=1)
        if self.fs > FS:
            signal = np.repeat(signal, round(self.fs / FS), axis=0)
        signal = signal[: round(self.fs)]
        time_us = BEGAN_US + self.second * 1_000_000 + self.off_us
        one = Frame.of("ward/a", self.session, self.number % self.modulus, time_us, self.fs, self.leads, signal)
        self.second, self.number = self.second + 1, self.number + 1
        return one

    @invariant()
    def the_engine_goes_on(self) -> None:
        if hasattr(self, "ward"):
            assert self.ward.engine.totals.anew == 0


def test_no_device_however_odd_goes_unheard_in_silence(model: BeatModel, pulse: NDArray[np.float32]) -> None:
    machine = type("Odd", (OddDevice,), {"model": model, "pulse": pulse})
    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))


def test_what_was_told_ends_when_the_patient_is_heard_again(model: BeatModel, pulse: NDArray[np.float32]) -> None:
    ward = Ward(model)
    for second in range(12):
        ward.refuse(BEGAN_US + second * 1_000_000)
    for second in range(12, 24):
        time_us = BEGAN_US + second * 1_000_000
        ward.send(Frame.of("ward/a", "s", second, time_us, FS, ("II",), SLOPE + second * 1e-3))
    for second in range(24, 200):
        ward.send(frame(pulse, second))
    told = {alarm.key: alarm for alarm in ward.alarms if not alarm.physiological}
    states = [state for heard in ward.ear.heard if isinstance(heard, Findings) for state in heard.updates]
    assert {alarm.kind for alarm in told.values()} >= {"frames dropped"}
    for key, alarm in told.items():
        last = max((state for state in states if state.key == key), key=lambda state: state.revision)
        assert last.ended_s is not None
        assert last.ended_s >= alarm.onset_s
    assert ward.engine.deaf() == []
