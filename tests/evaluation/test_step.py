from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipeline.evaluation.beats import JudgedBeats
from pipeline.evaluation.step import STEP_S, TOLERATED, WINDOW, SteppedRecord, recovery

N = 1200  # beats, one a second from 5:00 on
STEP = int(STEP_S) - 300  # the first beat after the step


def beats(make: Callable[..., JudgedBeats], flagged: list[int], symbols: str = "N" * N) -> JudgedBeats:
    flags = [i in set(flagged) for i in range(N)]
    return make("db/1", symbols, [0.0] * N, flags=flags)


def test_the_signal_is_multiplied_from_the_step_on_whatever_the_chunks(make_record: Any) -> None:
    signal = np.random.default_rng(0).normal(size=(100_000, 2)).astype(np.float32)
    record = SteppedRecord(make_record("db/1", 100.0, ("MLII", "V1"), signal), 1.5)
    at = int(100 * STEP_S)
    for seconds in (60.0, 7.3):
        stepped = np.concatenate([chunk.signal for chunk in record.chunks(seconds)])
        assert np.array_equal(stepped[:at], signal[:at])
        assert np.array_equal(stepped[at:], np.float32(1.5) * signal[at:])
    assert record.name == "db/1_x1.5"


@pytest.mark.parametrize("factor", [0.0, -1.0, math.inf, math.nan])
def test_a_factor_that_is_none_is_named(make_record: Any, factor: float) -> None:
    with pytest.raises(ValueError, match=str(factor)):
        SteppedRecord(make_record("db/1", 100.0, ("MLII",), np.zeros((10, 1), np.float32)), factor)


@pytest.mark.parametrize("disturbed", [0, 25, 130])
def test_recovery_counts_the_beats_that_a_step_disturbs(make_beats: Any, disturbed: int) -> None:
    stepped = beats(make_beats, list(range(STEP, STEP + disturbed)))
    assert recovery(stepped, beats(make_beats, [])) == max(disturbed - TOLERATED, 0)


def test_flags_on_abnormal_beats_do_not_count(make_beats: Any) -> None:
    symbols = "N" * STEP + "V" * 50 + "N" * (N - STEP - 50)
    stepped = beats(make_beats, list(range(STEP, STEP + 50)), symbols)
    assert recovery(stepped, beats(make_beats, [], symbols)) == 0


def test_what_is_flagged_anyway_is_no_disturbance(make_beats: Any) -> None:
    anyway = beats(make_beats, list(range(0, N, 4)))
    assert recovery(anyway, anyway) == 0


def test_verdicts_that_never_recover_are_said_not_to(make_beats: Any) -> None:
    stepped = beats(make_beats, list(range(STEP, N)))
    assert recovery(stepped, beats(make_beats, [])) == math.inf


def test_too_few_beats_tell_nothing(make_beats: Any) -> None:
    symbols = "N" * STEP + "V" * (N - STEP - WINDOW + 1) + "N" * (WINDOW - 1)
    assert math.isnan(recovery(beats(make_beats, [], symbols), beats(make_beats, [], symbols)))
