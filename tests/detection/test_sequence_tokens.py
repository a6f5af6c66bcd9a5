"""What the sequence network reads of beats: references that ectopic beats and runs do not move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.detection.sequence.reference import SLOW, UNHURRIED
from pipeline.detection.sequence.tokens import BEFORE, HELD_COLUMN, READ, UNTIMELY, follow_beats, new_memory

EARLY = 2  # the column of the earliness, doubled


@dataclass(frozen=True)
class Followed:
    """Tokens of beats, what stood before each, and what is remembered after the last."""

    token: NDArray[np.float32]
    before: NDArray[np.float64]
    memory: NDArray[np.float64]

    @property
    def early(self) -> NDArray[np.float64]:
        return self.token[:, EARLY].astype(np.float64) / 2


def follow(rr: NDArray[np.float64], shape: NDArray[np.float64] | None = None, p_wave: float = -0.2) -> Followed:
    n = len(rr)
    token, before, memory = np.empty((n, READ), dtype=np.float32), np.empty((n, BEFORE)), new_memory()
    shape = np.full(n, -0.2) if shape is None else shape
    follow_beats(rr, shape, np.full(n, p_wave), np.zeros(n), np.zeros(n, dtype=np.bool_), memory, token, before)
    return Followed(token, before, memory)


def test_premature_beats_stay_early_where_they_are_most() -> None:
    rr = np.where(np.arange(600) % 4 == 0, 1.2, 0.6)  # three of four come early
    early = follow(rr).early[300:][rr[300:] < 0.9]
    assert early.min() > 0.2


def test_a_rate_that_rises_slowly_is_not_early() -> None:
    rr = np.concatenate([np.full(300, 1.0), np.linspace(1.0, 0.7, 30), np.full(30, 0.7)])
    abrupt = follow(np.where(np.arange(len(rr)) == 310, 0.7, 1.0))
    assert abrupt.early[310] > 1.3 * follow(rr).early.max()


def test_a_run_of_minutes_does_not_become_the_usual_rhythm() -> None:
    """R-R steps from .72 to .40 s for 12 minutes: its beats are early to the end."""
    rng = np.random.default_rng(0)
    rr = np.concatenate([np.full(300, 0.72), np.full(1800, 0.40), np.full(60, 0.72)]) * np.exp(
        rng.normal(0, 0.01, 2160)
    )
    rr[700] = 0.8  # one beat of another interval does not end it
    told = follow(rr)
    assert not told.token[:300, HELD_COLUMN].any()
    assert told.token[310:2099, HELD_COLUMN].all()
    assert not told.token[2110:, HELD_COLUMN].any()
    assert told.early[2090] > 0.2
    assert told.token[2090, UNTIMELY] > 1.0
    assert np.exp(told.memory[SLOW]) > 0.57  # followed at a fiftieth of the usual rate


def test_a_rate_that_doubles_in_half_a_minute_is_not_held() -> None:
    rr = np.concatenate([np.full(300, 0.9), np.linspace(0.9, 0.45, 60), np.full(600, 0.45)])
    told = follow(rr)
    assert not told.token[:, HELD_COLUMN].any()
    assert np.exp(told.memory[UNHURRIED]) == pytest.approx(0.45, abs=0.03)


def test_the_beat_after_an_interpolated_one_ends_a_whole_cycle() -> None:
    rr = np.full(200, 0.87)
    rr[150], rr[151] = 0.35, 0.52
    shape = np.full(200, -0.2)
    shape[150] = 2.0
    cycle = follow(rr, shape).token[:, 16]
    usual = 2.0 * np.log(2.0) - 1.0
    assert cycle[151] == pytest.approx(-1.0, abs=0.05)  # two intervals in the time of one
    assert cycle[140] == pytest.approx(usual, abs=0.05)


def test_a_changed_p_wave_makes_a_slightly_early_beat_more_untimely() -> None:
    rr = np.full(200, 0.8)
    rr[150] = 0.74
    usual, changed, unknown = (follow(rr, p_wave=p) for p in (0.0, 0.7, np.nan))
    assert usual.token[150, UNTIMELY] < unknown.token[150, UNTIMELY] < changed.token[150, UNTIMELY]
    assert changed.before[150, 3] == pytest.approx(unknown.token[150, UNTIMELY])


def test_what_is_not_known_tells_nothing() -> None:
    rr = np.full(50, 0.8)
    rr[[0, 30]] = np.nan
    shape = np.full(50, -0.2)
    shape[40] = np.nan
    told = follow(rr, shape, np.nan)
    assert np.isfinite(told.token).all()
    assert not told.token[[0, 30], 13].any()
    assert not told.token[40, 14]
    assert not told.token[30, [0, 1, 2, 3, UNTIMELY]].any()
