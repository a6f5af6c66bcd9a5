"""A device that sends rubbish all day fills no log, and does not drown what is said of another."""

from __future__ import annotations

import logging
import re

import numpy as np
import pytest

from pipeline import BeatModel
from pipeline.live.engine import Engine
from pipeline.live.frames import Frame
from pipeline.live.log_limit import LogLimit
from pipeline.live.reader import Message
from pipeline.live.worker import Worker
from tests.live.conftest import BEGAN_US
from tests.live.test_engine import Clock
from tests.live.test_worker import EVERYBODY


def test_each_patient_has_a_few_lines_a_minute_and_what_is_left_out_is_told() -> None:
    limit = LogLimit(a_patient=2, in_all=3)
    assert [limit.admits("a", 0) for _ in range(5)] == [True, True, False, False, False]
    assert limit.admits("b", 1)
    assert limit.left_out() == " (3 more such lines were left out before this one)"
    assert limit.left_out() == ""
    assert not limit.admits("c", 2)  # of all together there are enough
    assert limit.admits("a", 60_000_001)
    assert limit.left_out() == " (1 more such lines were left out before this one)"
    assert limit.admits("a", 5)  # the clock was set back


def test_refused_messages_are_counted_one_by_one_and_logged_by_rate(
    model: BeatModel, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    engine = Engine(model, clock=clock)
    worker = Worker(None, None, engine, EVERYBODY, clock=clock)  # type: ignore[arg-type]  # neither is asked
    caplog.set_level(logging.WARNING)
    for i in range(5000):
        name = "bad" if i % 100 else "rare"
        clock.now += 1000
        worker._frame(Message(i, f"ecg.ward.{name}", b"\xc1", clock.now, "log"))
    assert worker._refused == 5000
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) <= 2 * 3
    assert {int(re.findall(r"message (\d+)", line)[0]) % 100 == 0 for line in lines} == {True, False}
    clock.now += 60_000_000
    worker._frame(Message(5000, "ecg.ward.bad", b"\xc1", clock.now, "log"))
    assert any("4,799 more such lines were left out" in record.getMessage() for record in caplog.records)


def test_frames_that_the_engine_refuses_are_logged_by_rate(model: BeatModel, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    engine = Engine(model, clock=clock)
    caplog.set_level(logging.WARNING)
    empty = Frame.of("ward/a", "s", 0, BEGAN_US, 250.0, ("RESP",), np.zeros((250, 1), np.float32))
    engine.take([empty] * 300)
    assert engine.totals.refused == 300
    assert len([record for record in caplog.records if "refused" in record.getMessage()]) == 3
