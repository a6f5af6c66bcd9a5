"""Blocks with stamps become frames: nothing is lost, nothing is made up, and what is missing is missing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pipeline.errors import FrameError
from pipeline.live.frames import Frame
from pipeline.live.framing import Framer

BEGAN_US = 1_750_000_000_000_000
FS = 250.0


def framer(**more: float) -> Framer:
    numbers = itertools.count()
    return Framer("lab/p1", FS, ("II", "V1"), lambda: f"s{next(numbers)}", **more)


def ramp(n: int, first: int = 0) -> np.ndarray:
    """Return two leads that count their samples, in steps of a frame's exact ones."""
    at = np.arange(first, first + n, dtype=np.float32)
    return np.stack([at, -at], axis=1)


def signal_of(frames: list[Frame]) -> np.ndarray:
    return np.concatenate([frame.values() for frame in frames])


@pytest.mark.parametrize("n", [1, 37, 125, 400])
def test_blocks_of_any_length_make_the_same_frames(n: int) -> None:
    one, frames = framer(frame_s=0.5), list[Frame]()
    for first in range(0, 2000, n):
        block = ramp(min(n, 2000 - first), first)
        frames += one.add(BEGAN_US + first / FS * 1e6, block)
    frames += one.flush()
    np.testing.assert_array_equal(signal_of(frames), ramp(2000))
    assert {len(frame.samples) for frame in frames} == {125}
    assert [frame.sequence for frame in frames] == list(range(16))
    assert [frame.time_us - BEGAN_US for frame in frames] == [500_000 * i for i in range(16)]
    assert {frame.session for frame in frames} == {"s0"}


def test_a_hole_is_missing_samples_of_its_length_and_not_a_line() -> None:
    one, frames = framer(), list[Frame]()
    frames += one.add(BEGAN_US, ramp(500))
    frames += one.add(BEGAN_US + 4e6, ramp(500, 1000))  # two seconds never came
    frames += one.flush()
    signal = signal_of(frames)
    assert one.missing == 500
    np.testing.assert_array_equal(signal[:500], ramp(500))
    assert np.isnan(signal[500:1000]).all()
    np.testing.assert_array_equal(signal[1000:], ramp(500, 1000))
    assert {frame.session for frame in frames} == {"s0"}


def test_stamps_that_jitter_make_no_hole_and_the_true_rate_is_followed() -> None:
    rng, one, frames = np.random.default_rng(1), framer(), list[Frame]()
    true = 251.0  # Hz: after ten minutes, more than two seconds from the nominal one
    for first in range(0, 150_000, 50):
        jitter_us = rng.uniform(-30_000, 30_000)
        frames += one.add(BEGAN_US + first / true * 1e6 + jitter_us, ramp(50, first % 1000))
    assert one.missing == 0
    assert {frame.session for frame in frames} == {"s0"}
    last = frames[-1]
    assert last.time_us == pytest.approx(BEGAN_US + 125 * last.sequence / true * 1e6, abs=20_000)


@pytest.mark.parametrize("jump_s", [-3600.0, -2.0, 11.0, 86400.0])
def test_a_long_silence_or_a_clock_that_was_set_begins_a_session(jump_s: float) -> None:
    one = framer()
    before = [*one.add(BEGAN_US, ramp(300))]
    after = [*one.add(BEGAN_US + 1.2e6 + jump_s * 1e6, ramp(300)), *one.flush()]
    rest, new = after[0], after[1:]
    assert [len(frame.samples) for frame in before] == [125, 125]
    assert (rest.session, rest.sequence, len(rest.samples)) == ("s0", 2, 50)  # what had come is not kept back
    assert [(frame.session, frame.sequence) for frame in new] == [("s1", 0), ("s1", 1), ("s1", 2)]
    assert new[0].time_us == BEGAN_US + 1_200_000 + round(jump_s * 1e6)
    np.testing.assert_array_equal(signal_of(new), ramp(300))


@pytest.mark.parametrize("late_s", [0.15, 0.3, 0.8])
def test_a_first_block_that_comes_late_opens_no_holes_later(late_s: float) -> None:
    one, frames = framer(), list[Frame]()
    for i, first in enumerate(range(0, 60_000, 125)):
        frames += one.add(BEGAN_US + first / FS * 1e6 + (1e6 * late_s if i == 0 else 0.0), ramp(125, first))
    frames += one.flush()
    assert one.missing == 0
    np.testing.assert_array_equal(signal_of(frames), ramp(60_000))


def test_what_no_frame_may_be_is_refused_at_once() -> None:
    with pytest.raises(FrameError, match="patient"):
        Framer("nobody", FS, ("II",), lambda: "s")
    with pytest.raises(FrameError, match="rate"):
        Framer("lab/p1", 20.0, ("II",), lambda: "s")
