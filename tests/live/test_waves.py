"""Pulse waves that devices send are heard live as in a scheduled run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pipeline import BeatModel, Chunk, Findings, Monitor
from pipeline.live.engine import Engine
from tests.detection.test_pulses import BEATS, FS, SECONDS, chunks
from tests.live.conftest import BEGAN_US, Played
from tests.live.test_engine import by_patient
from tests.signals.test_pulses import wave
from tests.test_monitor import assert_same


class Bed:
    """A patient whose electrode comes off while the pressure in an artery goes on."""

    name, fs, leads = "ward/a", FS, ("II",)
    n_samples = round(SECONDS * FS)

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        step = round(seconds * FS)
        edges = list(range(step, self.n_samples, step))
        for chunk in chunks(wave(BEATS.tolist(), SECONDS, FS), edges):
            yield Chunk(self.name, chunk.start, FS, self.leads, chunk.signal, chunk.waves, chunk.wave)

    def annotations(self) -> None:
        return None


@pytest.mark.parametrize("frame_s", [1.0])
def test_live_findings_with_waves_are_those_of_a_scheduled_run(
    model: BeatModel, played: Played, frame_s: float
) -> None:
    whole = Findings.concatenate(list(Monitor(model).stream(Bed())))
    assert "signals disagree" in {alarm.kind for alarm in whole.alarms}
    frames = [frame for batch in played([Bed()], frame_s=frame_s) for frame in batch]
    engine, found = Engine(model, clock=lambda: BEGAN_US), []
    for start in range(0, len(frames), 20):
        found += engine.take(frames[start : start + 20])
        state, engine = engine.snapshot("ward/a"), Engine(model, clock=lambda: BEGAN_US)
        engine.restore("ward/a", state)
    assert_same(by_patient(found)["ward/a"], whole)
    assert np.isfinite(whole.score).any()
