"""The fuzzing command itself: every door opens, inputs are the same each time, and what goes wrong is counted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from pipeline.fuzzing import run
from pipeline.fuzzing.mutate import mutated
from pipeline.fuzzing.registry import names, shares
from pipeline.fuzzing.run import fuzz

pytestmark = pytest.mark.slow


def test_every_door_takes_or_refuses_what_comes() -> None:
    for outcome in fuzz(shares(names(), 30), seed=1):  # continuous integration sends 300 by the command
        assert outcome.is_clean, outcome
        assert outcome.inputs == outcome.taken + outcome.refused > 0


def test_the_same_seed_makes_the_same_inputs() -> None:
    one, again = ([mutated(Random(n), [b"a frame of 250 Hz"] * 2) for n in range(50)] for _ in range(2))  # noqa: S311
    assert one == again
    assert len(set(one)) > 25


CHILD = """
import os, sys, time, json
seed, keep, *tasks = sys.argv[1:]
for task in tasks:
    name, first, stop = task.split(":")
    for number in range(int(first), int(stop)):
        print(json.dumps({"door": name, "begins": number}), flush=True)
        if name == "slow" and number == 1:
            time.sleep(600)
        if name == "dead" and number == 2:
            os.abort()
        print(json.dumps({"door": name, "ended": number, "came": "taken", "error": ""}), flush=True)
"""


def test_an_input_that_hangs_or_kills_is_counted_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child.py"
    child.write_text(CHILD)
    real = subprocess.Popen
    monkeypatch.setattr(run, "HANG_S", 5.0)
    monkeypatch.setattr(
        subprocess, "Popen", lambda words, **more: real([sys.executable, str(child), *words[3:]], **more)
    )
    slow, dead = fuzz({"slow": 4, "dead": 4})
    assert (slow.inputs, slow.taken, slow.hung) == (4, 3, 1)
    assert (dead.inputs, dead.taken, dead.broke) == (4, 3, 1)
    assert json.dumps(dead.errors)
    assert not slow.is_clean
