from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import BeatModel, Chunk, Findings, Gap, Monitor
from pipeline.errors import SnapshotError
from pipeline.explain.witness import Witness
from pipeline.live.engine import Engine
from pipeline.live.faults import Faults
from pipeline.live.filling import FILL_S
from pipeline.live.listener import Intake, Status
from pipeline.live.results import Result
from pipeline.live.sequencer import Counts, Sequencer
from pipeline.snapshot import seal
from pipeline.sources.synthetic import SyntheticRecord
from pipeline.web.hub import Hub
from tests.live.conftest import BEGAN_US, Played
from tests.test_monitor import assert_same

FAULTS = Faults(late=0.05, doubled=0.05, dropped=0.03, reordered=0.1, drift=0.02, lead_off=60, reconnects=60, seed=2)


class Clock:
    def __init__(self) -> None:
        self.now = BEGAN_US

    def __call__(self) -> int:
        return self.now


class Ear:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[Chunk | Findings | Gap | Status] = []

    def signal(self, chunk: Chunk) -> None:
        self.heard.append(chunk)

    def findings(self, findings: Findings) -> None:
        self.heard.append(findings)

    def gap(self, gap: Gap) -> None:
        self.heard.append(gap)

    def status(self, status: Status) -> None:
        self.heard.append(status)

    def of(self, kind: type) -> list[object]:
        return [heard for heard in self.heard if isinstance(heard, kind)]


def by_patient(results: Iterable[Result]) -> dict[str, Findings]:
    parts: dict[str, list[Findings]] = {}
    for result in results:
        if result.findings is not None:
            parts.setdefault(result.findings.record, []).append(result.findings)
    return {name: Findings.concatenate(found) for name, found in parts.items()}


@pytest.fixture(scope="module")
def whole(model: BeatModel, ward_records: list[SyntheticRecord]) -> dict[str, Findings]:
    """What a scheduled run finds."""
    return {record.name: Findings.concatenate(list(Monitor(model).stream(record))) for record in ward_records}


@pytest.mark.parametrize("frame_s", [1.0, 0.2])
@pytest.mark.parametrize("faults", [Faults(), Faults(doubled=0.1, reordered=0.2, drift=-0.03, seed=4)])
def test_live_findings_are_those_of_a_scheduled_run(
    model: BeatModel,
    ward_records: list[SyntheticRecord],
    whole: dict[str, Findings],
    played: Played,
    frame_s: float,
    faults: Faults,
) -> None:
    engine = Engine(model, clock=Clock())
    found = by_patient(r for batch in played(ward_records, faults, frame_s=frame_s) for r in engine.take(batch))
    assert found.keys() == whole.keys()
    for name, findings in whole.items():
        assert_same(found[name], findings)


@given(at=st.lists(st.integers(0, 500), max_size=3))
@settings(max_examples=5)
def test_restarting_from_states_changes_nothing(
    model: BeatModel, ward_records: list[SyntheticRecord], played: Played, at: list[int]
) -> None:
    frames = [frame for batch in played(ward_records, FAULTS) for frame in batch]
    straight = Engine(model, clock=Clock())
    expected = straight.take(frames)
    engine = Engine(model, clock=Clock())
    counts, found = Counts(), []
    edges = sorted({0, *at, len(frames)})
    for start, stop in pairwise(edges):
        found += engine.take(frames[start:stop])
        states = {patient: engine.snapshot(patient) for patient in engine.patients}
        assert max(map(len, states.values()), default=0) <= 64 * 1024
        counts.add(engine.counts())
        engine = Engine(model, clock=Clock())
        for patient, state in states.items():
            engine.restore(patient, state)
    assert counts == straight.counts()
    assert counts.lost > 0
    one, other = by_patient(found), by_patient(expected)
    for name in one:
        assert_same(one[name], other[name])
    for name in one:
        lost = [[r.lost for r in results if r.lost and r.lost.record == name] for results in (found, expected)]
        assert lost[0] == lost[1]


def test_listeners_hear_signal_losses_and_findings_in_order(
    model: BeatModel, ward_records: list[SyntheticRecord], played: Played
) -> None:
    engine, ear = Engine(model, clock=Clock()), Ear()
    engine.listeners.append(ear)
    for batch in played(ward_records[:1], Faults(dropped=0.1, seed=1)):
        engine.take(batch)
    until = 0.0
    for heard in ear.heard:
        if isinstance(heard, Gap):
            assert heard.start_s == pytest.approx(until)
            until = heard.stop_s
        elif isinstance(heard, Chunk):
            assert heard.start / heard.fs == pytest.approx(until)
            until = heard.stop / heard.fs
        elif isinstance(heard, Findings) and len(heard):
            assert heard.time_s[-1] < until
    assert ear.of(Gap)
    assert engine.totals.beats == sum(len(found) for found in ear.of(Findings) if isinstance(found, Findings))


def test_a_stream_is_live_then_late_then_live_then_ended(
    model: BeatModel, ward_records: list[SyntheticRecord], played: Played
) -> None:
    clock, ear = Clock(), Ear()
    engine = Engine(model, clock=clock)
    engine.listeners.append(ear)
    frames = [frame for batch in played(ward_records[:1]) for frame in batch]
    for frame in (*frames[:5], None, None, None, None, *frames[5:8], frames[-1]):
        clock.now += 1_000_000
        if frame is None:
            engine.tick()
        else:
            engine.take([frame])
    told = [status for status in ear.heard if isinstance(status, Status)]
    states = [status.state for status in told]
    assert states == ["live"] * 8 + ["late"] + ["live"] * 3 + ["ended"]
    assert told[0].began_us == BEGAN_US
    assert told[4].lag_s == pytest.approx(0.0, abs=0.01)
    assert told[8].lag_s == pytest.approx(4.0, abs=0.01)


def test_a_hub_that_is_behind_draws_nothing_and_everything_is_scored(
    model: BeatModel, ward_records: list[SyntheticRecord], whole: dict[str, Findings], played: Played
) -> None:
    engine, hub = Engine(model, clock=Clock()), Hub()
    engine.listeners += [hub.metrics, hub]
    hub.intake(Intake(behind_s=9.0, waiting=100, is_behind=True))
    found = by_patient(r for batch in played(ward_records[:1]) for r in engine.take(batch))
    (patient,) = hub.patients()
    assert patient.kept[0] == patient.kept[1]  # no signal was drawn
    assert "ecg_samples_total 43200.0" in hub.metrics.render().decode()  # and all of it was counted
    assert_same(found["ward/bed-1"], whole["ward/bed-1"])


def test_a_patient_that_comes_again_after_its_discharge_starts_anew(
    model: BeatModel, ward_records: list[SyntheticRecord], whole: dict[str, Findings], played: Played
) -> None:
    engine = Engine(model, clock=Clock())
    for later in (0, 1):
        playing = played(ward_records[:1], began_us=BEGAN_US + later * 3_600_000_000)
        frames = [replace(frame, session=f"s{later}") for batch in playing for frame in batch]
        results = engine.take(frames)
        assert_same(by_patient(results)["ward/bed-1"], whole["ward/bed-1"])
        assert {result.stay.began_us for result in results} == {frames[0].time_us}


def test_a_frame_that_cannot_be_taken_in_is_counted_and_the_others_go_on(
    model: BeatModel, ward_records: list[SyntheticRecord], played: Played
) -> None:
    engine = Engine(model, clock=Clock())
    frames = next(iter(played(ward_records[:2])))
    engine.take([replace(frames[0], leads=("RESP", "ABP")), *frames])
    assert engine.totals.refused == 1
    assert engine.patients == ["ward/bed-1", "ward/bed-2"]


@pytest.mark.parametrize("state", [b"", b"\xc1", b"\x93\x02\xc4\x00\xc0", b"\x01", seal(b"\x93\x02\xc4\x00\xc0")])
def test_a_damaged_state_is_refused(model: BeatModel, state: bytes) -> None:
    with pytest.raises(SnapshotError):
        Engine(model, clock=Clock()).restore("ward/a", state)


def test_an_engine_of_witnesses_says_why_a_beat_scored_so(
    model: BeatModel, ward_records: list[SyntheticRecord], played: Played
) -> None:
    engine, silent = (Engine(model, clock=Clock(), watch=watch) for watch in (Witness, Monitor))
    for batch in list(played(ward_records[:1]))[:14]:  # the stay goes on
        engine.take(batch)
        silent.take(batch)
    name = ward_records[0].name
    alone = Witness(model)
    for _ in alone.stream(ward_records[0], seconds=10.0):
        pass
    assert engine.explain(name, 40).words == alone.explain(40).words
    for asked, patient, beat in ((engine, name, 99999), (engine, "nobody", 1), (silent, name, 40)):
        with pytest.raises(ValueError, match="remembered"):
            asked.explain(patient, beat)


def test_a_gap_of_hours_is_filled_beside_the_others_and_changes_nothing(
    model: BeatModel, ward_records: list[SyntheticRecord], played: Played
) -> None:
    hours = 5.9
    name = ward_records[0].name
    frames = [frame for batch in played(ward_records[:2]) for frame in batch]
    half = 60
    late = [
        replace(frame, time_us=frame.time_us + round(hours * 3600e6))
        if frame.patient == name and frame.sequence >= half
        else frame
        for frame in frames
    ]
    late = [frame for frame in late if frame.patient != name or frame.sequence != half - 1]  # one is missing
    one_by_one, longest = Engine(model, clock=lambda: 0, is_live=False), 0
    found: list[Result] = []
    for frame in late:
        batch = one_by_one.take([frame])
        found += batch
        longest = max(longest, sum(result.findings is not None for result in batch))
    assert longest <= FILL_S / 60 + 5  # not all 354 minutes of it at once
    assert not one_by_one.is_filling(name)
    monitor = Monitor(model)
    sequencer = Sequencer(name)
    alone = [
        monitor.process(step)
        for frame in late
        if frame.patient == name
        for step in sequencer.push(frame)
        if isinstance(step, Chunk)
    ]
    alone.append(monitor.finish())
    mine = Findings.concatenate([r.findings for r in found if r.findings is not None and r.findings.record == name])
    batch_flow = Findings.concatenate(alone)
    assert len(mine) > 100
    for field in ("beat", "r_peak", "score", "threshold", "p_value", "is_anomaly", "quality", "kind"):
        assert np.array_equal(getattr(mine, field), getattr(batch_flow, field), equal_nan=True), field
    assert mine.alarms == batch_flow.alarms
    assert mine.gaps == batch_flow.gaps


def test_a_state_taken_while_a_gap_is_filled_goes_on_exactly(
    model: BeatModel, ward_records: list[SyntheticRecord], played: Played
) -> None:
    frames = [frame for batch in played(ward_records[:1]) for frame in batch]
    late = [
        f if f.sequence < 60 else replace(f, time_us=f.time_us + 3 * 3_600_000_000) for f in frames if f.sequence != 59
    ]
    whole = Engine(model, clock=lambda: 0, is_live=False)
    first = Engine(model, clock=lambda: 0, is_live=False)
    expected = [result for frame in late for result in whole.take([frame])]
    found, at = [], 0
    while not first.is_filling(late[0].patient):
        found += first.take([late[at]])
        at += 1
    state = first.snapshot(late[0].patient)
    found += first.take([])
    second = Engine(model, clock=lambda: 0, is_live=False)
    second.restore(late[0].patient, state)
    found += [result for frame in late[at:] for result in second.take([frame])]
    scores = [
        np.concatenate([result.findings.score for result in results if result.findings is not None])
        for results in (expected, found)
    ]
    assert len(scores[0]) > 100
    assert np.array_equal(scores[0], scores[1], equal_nan=True)
