"""Blocks of samples find their places by the times at which they begin, however these jitter, drift or begin anew."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.sources.foreign.blocks import WRAP_S, place_blocks
from pipeline.sources.foreign.grid import Uneven

FS = 128.0


def packets(count: int, size: int = 16, fs: float = FS) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(count) * size / fs, np.full(count, size)


@pytest.mark.parametrize("back_s", [9.7, 29.7, 58.0])
def test_a_clock_that_is_set_back_by_less_than_a_minute_shuffles_nothing(back_s: float) -> None:
    onset_s, counts = packets(300, size=128)
    onset_s[120:] -= back_s + 1e-3
    placed = place_blocks(onset_s, counts, FS)
    np.testing.assert_array_equal(placed.position, np.arange(300) * 128)
    assert (placed.set_back, placed.holes, placed.doubled) == (1, 0, 0)


def test_blocks_that_are_sent_once_more_are_left_out() -> None:
    onset_s, counts = packets(300, size=128)
    order = np.r_[0:100, 90:300]
    placed = place_blocks(onset_s[order], counts[order], FS)
    assert (placed.set_back, placed.doubled, placed.length) == (0, 10, 300 * 128)


@pytest.mark.parametrize("fs", [125.0, 128.0, 256.0, 512.0])
def test_packets_at_times_in_whole_ms_lie_end_to_end_and_a_missing_one_is_a_hole(fs: float) -> None:
    onset_s, counts = packets(2000, fs=fs)
    onset_s = np.floor(onset_s * 1000) / 1000
    keep = np.ones(2000, dtype=bool)
    keep[300] = keep[700:760] = keep[762] = False
    placed = place_blocks(onset_s[keep], counts[keep], fs)
    np.testing.assert_array_equal(placed.position, np.flatnonzero(keep) * 16)
    assert (placed.holes, placed.missing, placed.doubled, placed.set_back) == (3, 62 * 16, 0, 0)


def test_a_block_that_comes_late_moves_nothing_and_one_that_comes_twice_is_left_out() -> None:
    onset_s, counts = packets(300, size=128)
    rng = np.random.default_rng(0)
    placed = place_blocks(onset_s + rng.uniform(0, 0.03, 300), counts, FS)
    np.testing.assert_array_equal(placed.position, np.arange(300) * 128)
    order = np.r_[0:100, 99, 102, 101, 100, 103:300]
    placed = place_blocks(onset_s[order], counts[order], FS)
    expected = np.where(np.arange(301) == 100, -1, order * 128)
    np.testing.assert_array_equal(placed.position, expected)
    assert placed.notes() == ["1 blocks came twice: left out"]


def test_a_device_that_is_a_little_fast_keeps_every_sample_and_the_difference_is_told() -> None:
    onset_s, counts = packets(20_000, fs=FS * 1.0005)
    placed = place_blocks(onset_s, counts, FS)
    assert (placed.length, placed.holes) == (20_000 * 16, 0)
    (said,) = placed.notes()
    assert said == "its times and the count of its samples differ by -1.2 s in the end"


def test_a_clock_of_32_bits_that_begins_anew_goes_on_and_one_that_is_set_back_is_counted() -> None:
    onset_s, counts = packets(2000)
    wrapped = (onset_s + WRAP_S - 100.0) % WRAP_S
    placed = place_blocks(wrapped, counts, FS)
    np.testing.assert_array_equal(placed.position, np.arange(2000) * 16)
    assert placed.notes() == []
    back = np.where(onset_s >= 100.0, onset_s - 100.0, onset_s + 0.0)
    placed = place_blocks(back, counts, FS)
    np.testing.assert_array_equal(placed.position, np.arange(2000) * 16)
    assert placed.notes() == ["the clock was set back 1 times"]


@pytest.mark.parametrize("onsets", [[], [0.0, np.nan], [0.0, 40 * 86400.0], [0.0, 10 * 86400.0]])
def test_times_that_are_none_or_many_recordings_are_refused(onsets: list[float]) -> None:
    with pytest.raises(Uneven):
        place_blocks(np.array(onsets), np.full(len(onsets), 16), FS)
