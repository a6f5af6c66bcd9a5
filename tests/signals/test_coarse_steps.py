"""A converter of coarse steps stands still between beats: that is no gap."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.signals.beats import BeatFinder, Beats
from pipeline.sources.synthetic import demo_ward, synthesise


def found(signal: NDArray[np.floating], fs: float, size: int = 10_000) -> tuple[NDArray[np.int64], int]:
    finder = BeatFinder(fs, signal.shape[1])
    parts: list[Beats] = [finder.process(signal[i : i + size]) for i in range(0, len(signal), size)]
    holes = [hole for part in parts for hole in part.holes] + finder.open_holes()
    return np.concatenate([part.r_peak for part in parts]), len([hole for hole in holes if hole.stop > 900])


@pytest.mark.parametrize("fs", [250.0, 360.0])
def test_coarse_steps_are_no_gaps(fs: float) -> None:
    patient = synthesise(demo_ward(120.0)["synth/sinus"], name="synth/sinus", seconds=120.0, seed=4, fs=fs)
    fine = np.concatenate([chunk.signal for chunk in patient.chunks()])
    fine = fine - np.round(np.median(fine, axis=0), 1)
    coarse = np.round(fine, 1).astype(np.float32)
    held = np.diff(coarse[:, 0]) == 0
    assert held.mean() > 0.5  # it does stand still
    expected, _ = found(fine, fs)
    peaks, holes = found(coarse, fs)
    assert holes == 0
    assert len(peaks) >= 0.97 * len(expected)
    again, _ = found(coarse, fs, size=37)
    np.testing.assert_array_equal(again, peaks)


def test_a_coarse_lead_that_comes_off_is_a_gap_after_two_seconds() -> None:
    patient = synthesise(demo_ward(60.0)["synth/sinus"], name="synth/sinus", seconds=60.0, seed=4, fs=250.0)
    coarse = np.round(np.concatenate([chunk.signal for chunk in patient.chunks()]), 1).astype(np.float32)
    coarse[30 * 250 : 40 * 250] = 0.3
    finder = BeatFinder(250.0, 2)
    holes = [hole for hole in finder.process(coarse).holes if hole.lead >= 0 and hole.start > 900]
    assert {round(hole.start / 180) for hole in holes} == {32}
    assert {round(hole.stop / 180) for hole in holes} == {40}


def test_a_fine_lead_that_comes_off_is_a_gap_at_once() -> None:
    patient = synthesise(demo_ward(60.0)["synth/sinus"], name="synth/sinus", seconds=60.0, seed=4, fs=250.0)
    fine = np.concatenate([chunk.signal for chunk in patient.chunks()]).copy()
    fine[30 * 250 : 40 * 250] = 0.3
    finder = BeatFinder(250.0, 2)
    holes = [hole for hole in finder.process(fine).holes if hole.lead >= 0 and hole.start > 900]
    assert {round(10 * hole.start / 180) for hole in holes} == {303}
