"""Whatever one patient's frames or state bring about stays with that patient."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline import BeatModel, Chunk, Findings, Monitor
from pipeline.errors import SnapshotError
from pipeline.live.engine import Engine
from pipeline.live.faults import Faults
from pipeline.live.frames import Frame
from pipeline.live.results import Result
from pipeline.live.sequencer import Sequencer
from pipeline.sources.synthetic import SyntheticRecord
from tests.live.conftest import BEGAN_US, Played
from tests.live.test_engine import Clock, Ear, by_patient
from tests.test_monitor import assert_same

POISONED, OTHERS = "ward/bed-2", ("ward/bed-1", "ward/bed-3", "ward/bed-4")


class Poison(Exception):
    """What nobody has foreseen."""


def once(real: Callable[..., Any], patient: str, calls: int) -> Callable[..., Any]:
    """A method that fails at one of its calls about a patient."""
    seen = 0

    def fails(self: Any, about: Any, *more: Any) -> Any:
        nonlocal seen
        name = about.patient if isinstance(about, Frame) else getattr(about, "record", None) or self._stream[0]
        seen += name == patient
        if name == patient and seen == calls:
            raise Poison("unforeseen")
        return real(self, about, *more)

    return fails


@pytest.fixture(scope="module")
def frames(ward_records: list[SyntheticRecord], played: Played) -> list[Frame]:
    return [frame for batch in played(ward_records, Faults(dropped=0.02, seed=7)) for frame in batch]


@pytest.fixture(scope="module")
def whole(model: BeatModel, frames: list[Frame]) -> dict[str, Findings]:
    return by_patient(Engine(model, clock=Clock()).take(frames))


@pytest.mark.parametrize(
    ("owner", "method"),
    [(Sequencer, "_fits"), (Monitor, "prepare"), (Monitor, "complete")],
    ids=["sequencer", "prepare", "complete"],
)
@pytest.mark.parametrize("batch", [1, 40])
def test_what_fails_in_one_patient_sets_it_anew_is_told_and_changes_nobody_else(
    model: BeatModel,
    frames: list[Frame],
    whole: dict[str, Findings],
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    method: str,
    batch: int,
) -> None:
    monkeypatch.setattr(owner, method, once(getattr(owner, method), POISONED, 60))
    engine, ear, aside = Engine(model, clock=Clock()), Ear(), []
    engine.listeners.append(ear)
    engine.on_failure = lambda patient, error, state: aside.append((patient, type(error), state))
    found: list[Result] = []
    for start in range(0, len(frames), batch):
        found += engine.take(frames[start : start + batch])
    results = by_patient(found)
    for name in OTHERS:
        assert_same(results[name], whole[name])
    assert [(patient, kind) for patient, kind, _ in aside] == [(POISONED, Poison)]
    assert engine.totals.anew == 1
    told = [alarm for alarm in results[POISONED].alarms if alarm.kind == "monitor anew"]
    assert len(told) == 1
    assert not told[0].physiological
    assert len({r.stay.began_us for r in found if r.findings and r.findings.record == POISONED}) == 2
    assert len(results[POISONED]) > 0.8 * len(whole[POISONED])


def test_a_network_that_fails_on_one_patients_beats_scores_the_others(
    model: BeatModel, frames: list[Frame], whole: dict[str, Findings], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = model.forward.run
    is_poison = False

    def run(residual: Any, condition: Any) -> Any:
        if is_poison and len(residual) and np.any(residual == 1e9):
            raise Poison("a window that no network takes")
        return real(residual, condition)

    class Forward:
        def run(self, residual: Any, condition: Any) -> Any:
            return run(residual, condition)

    prepare = Monitor.prepare

    def spoilt(self: Monitor, chunk: Chunk) -> Any:
        pending = prepare(self, chunk)
        if is_poison and chunk.record == POISONED:
            for part in pending:
                part.prepared.residual[...] = 1e9
        return pending

    monkeypatch.setattr(Monitor, "prepare", spoilt)
    engine = Engine(replace(model, forward=Forward()), clock=Clock())
    found = engine.take(frames[:200])
    is_poison = True
    found += engine.take(frames[200:260])
    is_poison = False
    found += engine.take(frames[260:])
    results = by_patient(found)
    for name in OTHERS:
        assert_same(results[name], whole[name])
    assert any(alarm.kind == "monitor anew" for alarm in results[POISONED].alarms)
    assert results[POISONED].time_s[-1] > 10


def test_a_listener_that_fails_stops_no_scoring(
    model: BeatModel, frames: list[Frame], whole: dict[str, Findings]
) -> None:
    class Deaf(Ear):
        def findings(self, findings: Findings) -> None:
            raise Poison("a page that cannot draw this")

    engine, ear = Engine(model, clock=Clock()), Ear()
    engine.listeners += [Deaf(), ear]
    results = by_patient(engine.take(frames))
    for name, findings in whole.items():
        assert_same(results[name], findings)
    assert ear.of(Findings)


def test_every_flipped_bit_of_a_state_is_found(model: BeatModel, frames: list[Frame]) -> None:
    engine = Engine(model, clock=Clock())
    engine.take(frames[:100])
    state = engine.snapshot(POISONED)
    alone = Monitor(model)
    alone.process(Chunk("a/b", 0, 250.0, ("II",), np.zeros((500, 1), np.float32)))
    small = alone.snapshot()
    rng = np.random.default_rng(3)
    attempts: tuple[tuple[bytes, Callable[[bytes], object]], ...] = (
        (state, lambda damaged: Engine(model, clock=Clock()).restore(POISONED, damaged)),
        (small, lambda damaged: Monitor(model).restore(damaged)),
    )
    for whole_state, restore in attempts:
        for at in rng.integers(0, 8 * len(whole_state), 100):
            damaged = bytearray(whole_state)
            damaged[at // 8] ^= 1 << (at % 8)
            with pytest.raises(SnapshotError):
                restore(bytes(damaged))
        for cut in (0, 1, 19, 20, len(whole_state) - 1):
            with pytest.raises(SnapshotError):
                restore(whole_state[:cut])


def test_a_state_of_another_patient_is_refused(model: BeatModel, frames: list[Frame]) -> None:
    engine = Engine(model, clock=Clock())
    engine.take(frames[:100])
    state = engine.snapshot(OTHERS[0])
    with pytest.raises(SnapshotError, match="another patient"):
        Engine(model, clock=Clock()).restore(POISONED, state)


def test_a_patient_whose_state_cannot_be_told_begins_anew(
    model: BeatModel, frames: list[Frame], whole: dict[str, Findings], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Sequencer.snapshot

    def fails(self: Sequencer) -> bytes:
        if self.patient == POISONED and self.counts.frames == 50:
            raise OverflowError("an integer of more than 64 bits")
        return real(self)

    monkeypatch.setattr(Sequencer, "snapshot", fails)
    engine = Engine(model, clock=Clock())
    found: list[Result] = []
    for frame in frames:
        found += engine.take([frame])
        if frame.patient == POISONED and frame.sequence == 50:
            for patient in engine.patients:
                assert engine.snapshot(patient)
    assert engine.totals.anew <= 1
    results = by_patient(found)
    for name in OTHERS:
        assert_same(results[name], whole[name])


def beats_after(found: Iterable[Result], began_us: int) -> int:
    return sum(len(r.findings) for r in found if r.findings is not None and r.stay.began_us >= began_us)


def test_what_is_no_frame_and_what_has_no_lead_is_refused_and_told_after_some_seconds(
    model: BeatModel, frames: list[Frame]
) -> None:
    engine, ear = Engine(model, clock=Clock()), Ear()
    engine.listeners.append(ear)
    for i in range(12):
        engine.refuse("ward/new", BEGAN_US + i * 1_000_000, "a frame is of version 2")
        engine.take([replace(frames[i], patient="ward/other", leads=("RESP", "ABP"), sequence=i)])
    told = [a for f in ear.of(Findings) if isinstance(f, Findings) for a in f.alarms]
    assert sorted((a.record, a.kind, a.physiological) for a in told) == [
        ("ward/new", "frames dropped", False),
        ("ward/other", "frames dropped", False),
    ]
    assert "version 2" in next(a.message for a in told if a.record == "ward/new")
    assert sorted(engine.deaf()) == ["ward/new", "ward/other"]
    state = engine.snapshot("ward/new")
    again = Engine(model, clock=Clock())
    again.restore("ward/new", state)
    assert again.deaf() == ["ward/new"]
