"""Whether something grows is found in what the programs hold; and a short run through real ones."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.bench.endurance import endurance
from pipeline.bench.flat import QUANTITIES, Sample, growing, slope
from tests.services import lacking

pytestmark = pytest.mark.slow

ROWS = {"beats": 800_000, "stays": 40, "gaps": 300, "drifts": 900, "states": 8, "undelivered": 3}
CALM = Sample(0.0, 0.0, 600.0, 60.0, 12, 14, 5, ROWS, 0, 58_000, 200.0)


def samples(change: Callable[[float], dict[str, object]] = lambda _hours: {}) -> list[Sample]:
    """Samples of 600 h that sway a little, and in which more changes from hour to hour."""
    calm = (
        replace(CALM, hours=10.0 * i, memory_mb=600.0 + 2.0 * math.sin(i), alarms=300 * i, handles=12 + i % 2)
        for i in range(1, 61)
    )
    return [replace(one, **change(one.hours)) for one in calm]  # type: ignore[arg-type]  # a field each


def test_what_sways_does_not_grow_and_alarms_may() -> None:
    assert growing(samples()) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda h: {"memory_mb": 600.0 + 0.1 * h}, "worker, MB"),
        (lambda h: {"broker_mb": 60.0 + 0.1 * h}, "broker, MB"),
        (lambda h: {"handles": 12 + int(h / 100)}, "worker, handles"),
        (lambda h: {"threads": 5 + int(h / 150)}, "worker, threads"),
        (lambda h: {"state_bytes": 30_000 + int(30 * h)}, "largest state, bytes"),
        (lambda h: {"state_bytes": 66_000}, "a state above 64 KB"),
        (lambda h: {"rows": {**ROWS, "beats": int(2000 * h)}}, "rows of beats"),
        (lambda h: {"rows": {**ROWS, "states": 8 + int(h / 200)}}, "rows of states"),
        (lambda h: {"rows": {**ROWS, "undelivered": int(h)}}, "rows of undelivered"),
    ],
)
def test_what_grows_is_named(change: Callable[[float], dict[str, object]], named: str) -> None:
    assert growing(samples(change)) == [named]


def test_growth_is_told_in_100_hours() -> None:
    memory = next(one for one in QUANTITIES if one.name == "worker, MB")
    assert slope(memory, samples(lambda h: {"memory_mb": 500.0 + 0.05 * h})) == pytest.approx(5.0)


def test_too_few_samples_say_nothing() -> None:
    with pytest.raises(ValueError, match="too few"):
        growing(samples()[:1])


def test_a_short_run_looks_at_real_programs(tmp_path: Path) -> None:
    if shutil.which("nats-server") is None:
        lacking("nats-server", "apt-get install nats-server")
    told: list[str] = []
    done = endurance(
        tmp_path, patients=2, hours=0.3, fs=125.0, frame_s=5.0, samples=10, seed=1,
        progress=lambda what, _share: told.append(what),
    )  # fmt: skip
    assert len(done.samples) == 10
    last = done.samples[-1]
    assert last.hours == pytest.approx(0.3, abs=0.01)
    assert last.memory_mb > 50
    assert last.handles > 3
    assert last.threads >= 1
    assert last.rows["states"] == 2
    assert last.rows["beats"] <= done.beats  # old ones are dropped meanwhile
    assert done.beats > 2 * 0.3 * 3600 * 0.7
    assert done.frames >= 2 * 0.3 * 3600 / 5
    assert 0 < last.state_bytes <= 64 * 1024
    assert told
