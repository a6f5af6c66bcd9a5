"""Limits that somebody sets in the database hold in the engine, whoever asks for them."""

from __future__ import annotations

from pathlib import Path

from pipeline import BeatModel
from pipeline.live.engine import Engine
from pipeline.live.limit_looker import LimitLooker
from pipeline.sources.synthetic import Scenario, synthesise
from pipeline.storage.database import Database
from tests.live.conftest import BEGAN_US, Played
from tests.waiting import wait_for

NAME = "ward/quick"


def test_a_limit_holds_soon_after_it_was_set_and_for_a_patient_that_comes_back(
    model: BeatModel, played: Played, tmp_path: Path
) -> None:
    record = synthesise(Scenario("a quick heart", rate_bpm=100.0), name=NAME, seconds=120.0, seed=3)
    frames = [frame for group in played([record]) for frame in group]
    with Database.open(f"sqlite:///{tmp_path / 'ecg.db'}") as database:
        engine = Engine(model, clock=lambda: BEGAN_US)
        told: list[str] = []

        def take(engine: Engine, first: int, stop: int) -> list[str]:
            return [
                alarm.kind
                for result in engine.take(frames[first:stop])
                if result.findings is not None
                for alarm in result.findings.alarms
            ]

        with LimitLooker(database, engine):
            told += take(engine, 0, 40)
            assert told == []
            database.limits.set(NAME, {"tachy_bpm": 95.0}, "Ada", at_us=1)
            wait_for(lambda: engine._limits is not None, "the limits at the engine")
            assert "tachycardia" in take(engine, 40, 80)
        again = Engine(model, clock=lambda: BEGAN_US)
        state = engine.snapshot(NAME)
        database.limits.set(NAME, {"tachy_bpm": None}, "Ada", at_us=2)
        with LimitLooker(database, again):  # before the first frame
            again.restore(NAME, state)
            assert take(again, 80, 120) == []
