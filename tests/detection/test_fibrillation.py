from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.detection.fibrillation import LONGEST_HELD, ON, Fibrillation, FibrillationWeights, Level
from pipeline.signals.beats import BeatFinder
from pipeline.signals.resample import FS
from pipeline.signals.window_features import FEATURES
from pipeline.signals.windows import Windows, WindowStage
from pipeline.sources.synthetic import demo_ward, synthesise

SECONDS = 40


def heard(detector: Fibrillation, windows: Windows) -> list[Level]:
    return detector.process(windows.stop, windows.features, windows.absent, windows.spread)


def levels_of(signal: NDArray[np.float64]) -> list[Level]:
    """Return the levels of a signal at the internal rate, shape (n, leads) in mV."""
    finder, stage = BeatFinder(FS, signal.shape[1]), WindowStage(signal.shape[1])
    finder.process(signal)
    return heard(Fibrillation(), stage.process(*finder.fresh()))


def normal_beats() -> NDArray[np.float64]:
    record = synthesise(demo_ward(60.0)["synth/sinus"], name="sinus", seconds=float(SECONDS), seed=2)
    signal = np.concatenate([chunk.signal for chunk in record.chunks()]).astype(np.float64)
    at = np.arange(SECONDS * int(FS)) * record.fs / FS
    return np.stack([np.interp(at, np.arange(len(signal)), lead) for lead in signal.T], axis=1)


def flutter(rate_hz: float) -> NDArray[np.float64]:
    time = np.arange(SECONDS * int(FS)) / FS
    wave = np.sin(2 * np.pi * rate_hz * time) + 0.2 * np.sin(2 * np.pi * 0.13 * time)
    return np.stack([wave, 0.6 * wave], axis=1)


def test_flutter_is_found_within_5_s_of_its_onset() -> None:
    onset = 20 * int(FS)
    signal = normal_beats()
    signal[onset:] = flutter(4.2)[: len(signal) - onset]
    found = [level.stop / FS for level in levels_of(signal) if level.fibrillation > ON]
    assert 20.0 < found[0] <= 25.0
    assert found[-1] >= SECONDS - 1  # and it lasts


@pytest.mark.parametrize("rate_hz", [1.6, 2.2])
def test_an_organised_rhythm_below_170_is_no_flutter_however_wide(rate_hz: float) -> None:
    time = np.arange(SECONDS * int(FS)) / FS
    phase = (time * rate_hz) % 1.0
    wave = np.where(phase < 0.5, np.sin(2 * np.pi * phase), 0.0)
    assert not any(level.fibrillation > ON for level in levels_of(np.stack([wave, wave], axis=1)))


def test_normal_beats_are_none() -> None:
    assert not any(level.fibrillation > ON for level in levels_of(normal_beats()))


def test_the_weights_are_of_the_features_that_windows_carry() -> None:
    assert FibrillationWeights.shipped().names == FEATURES


def test_leads_that_are_away_have_no_say() -> None:
    (row,) = (np.zeros((1, 2, 16)),)
    gone = Fibrillation().process(np.array([720]), row, np.ones((1, 2)), np.zeros((1, 2)))
    assert np.isnan(gone[0].fibrillation)


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    finder, stage = BeatFinder(FS, 2), WindowStage(2)
    finder.process(flutter(4.2))
    windows = stage.process(*finder.fresh())

    def part(first: int, last: int) -> Windows:
        return Windows(*(getattr(windows, name)[first:last] for name in ("stop", "features", "absent", "spread")))

    whole = heard(Fibrillation(), windows)
    first, second = Fibrillation(), Fibrillation()
    before = heard(first, part(0, 9))
    second.restore(json.loads(json.dumps(first.snapshot())))
    after = heard(second, part(9, len(windows)))
    assert repr(before + after) == repr(whole)


def test_what_looks_like_flutter_for_minutes_is_how_the_patients_beats_look() -> None:
    detector = Fibrillation()
    on = [bool(detector.covers(np.array([180 * stop]), [Level(180 * stop, 2.0)])[0]) for stop in range(1, 400)]
    assert on == [stop <= LONGEST_HELD for stop in range(1, 400)]
    detector.covers(np.empty(0, dtype=np.int64), [Level(180 * 400, -2.0)])
    assert detector.covers(np.array([180 * 401]), [Level(180 * 401, 2.0)]).tolist() == [True]


def test_beats_are_covered_by_the_last_window_before_they_came_out() -> None:
    detector = Fibrillation()
    levels = [Level(720, -3.0), Level(900, 2.0), Level(1080, float("nan"))]
    assert detector.covers(np.array([719, 899, 900, 1079, 1080]), levels).tolist() == [False, False, True, True, False]
    detector.covers(np.empty(0, dtype=np.int64), [Level(1260, 2.0)])
    resumed = Fibrillation()
    resumed.restore(json.loads(json.dumps(detector.snapshot())))
    for one in (detector, resumed):  # a chunk without windows
        assert one.covers(np.array([1300]), []).tolist() == [True]
