from __future__ import annotations

import json
from dataclasses import astuple
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.records import BACK, BEAT, GONE, PulseMark
from pipeline.signals.pulses import PulseFinder

FS = 125.0


def wave(beats_s: list[float], seconds: float, fs: float = FS, noise: float = 0.3) -> NDArray[np.float32]:
    """Return an arterial pressure whose pulses rise 0.25 s after the beats, with a second, smaller wave behind each."""
    time = np.arange(round(seconds * fs)) / fs
    out = 80.0 + noise * np.random.default_rng(1).normal(size=len(time))
    for beat in beats_s:
        for height, slow, since in ((45.0, 0.12, 0.25), (8.0, 0.06, 0.55)):
            late = np.maximum(time - beat - since, 0.0) / slow
            out += height * late * np.exp(1.0 - late)
    return out.astype(np.float32)


def find(signal: NDArray[np.float32], fs: float = FS, edges: list[int] | None = None) -> list[PulseMark]:
    finder, marks = PulseFinder(fs), []
    for a, b in pairwise([0, *sorted(edges or []), len(signal)]):
        marks += finder.process(a, ("ABP",), signal[a:b, None])
        other = PulseFinder(fs)
        other.restore(json.loads(json.dumps(finder.snapshot())))
        finder = other
    return marks


@pytest.mark.parametrize("fs", [100.0, 128.0, 250.0, 360.0, 1000.0])
def test_each_beat_has_one_pulse_at_any_rate(fs: float) -> None:
    beats = np.arange(0.5, 58.0, 0.8)
    marks = [mark for mark in find(wave(beats.tolist(), 60.0, fs), fs) if mark.sort == BEAT]
    late = np.array([mark.time_s for mark in marks]) - beats[-len(marks) :]
    assert len(marks) >= len(beats) - 6  # of the first seconds nothing is told: heights are not known
    assert np.all((late > 0.25) & (late < 0.55))
    assert all(0.9 < mark.height < 1.1 for mark in marks if mark.time_s > 15.0)
    assert all(0.0 < mark.known / 180.0 - mark.time_s <= 0.35 for mark in marks)


@given(edges=st.lists(st.integers(0, round(40 * FS)), max_size=12))
@settings(max_examples=20)
def test_cuts_and_snapshots_change_nothing(edges: list[int]) -> None:
    signal = wave(np.arange(0.5, 25.0, 0.7).tolist(), 40.0)
    signal[1500:1600] = np.nan
    signal[3000:3400] = 80.0
    cut, whole = ([astuple(mark) for mark in find(signal, edges=chosen)] for chosen in (edges, None))
    np.testing.assert_equal(cut, whole)


def test_a_wave_that_is_missing_or_stands_still_is_gone_until_it_comes_back() -> None:
    signal = wave(np.arange(0.5, 60.0, 0.8).tolist(), 60.0)
    signal[round(20 * FS) : round(24 * FS)] = np.nan
    signal[round(40 * FS) : round(44 * FS)] = signal[round(40 * FS)]
    marks = find(signal)
    changes = [(mark.sort, round(mark.time_s, 1)) for mark in marks if mark.sort != BEAT]
    assert [sort for sort, _ in changes] == [BACK, GONE, BACK, GONE, BACK]
    assert [at for _, at in changes] == pytest.approx([0.0, 20.5, 24.0, 41.5, 44.0], abs=0.2)


def test_what_is_left_of_a_wave_without_a_heart_is_no_pulse() -> None:
    signal = wave(np.arange(0.5, 30.0, 0.8).tolist(), 45.0, noise=0.5)
    assert max(mark.time_s for mark in find(signal) if mark.sort == BEAT) < 30.6


def test_a_flush_of_the_line_does_not_deafen_to_what_comes_after_it() -> None:
    signal = wave(np.arange(0.5, 60.0, 0.8).tolist(), 60.0)
    signal[round(30 * FS) : round(33 * FS)] = 300.0
    after = [mark for mark in find(signal) if mark.sort == BEAT and mark.time_s > 38.0]
    assert len(after) >= 24


def test_a_device_that_renames_its_wave_with_each_frame_fills_no_memory() -> None:
    finder, signal = PulseFinder(FS), wave([0.5], 2.0)
    for i in range(50):
        finder.process(i * len(signal), (f"ABP{i}",), signal[:, None])
    assert len(finder.snapshot()) == 4
