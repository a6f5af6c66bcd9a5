from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.signals.resample import FS, Resampler

RATES = [100.0, 128.0, 130.27, 180.0, 250.0, 257.0, 360.0, 500.0, 1000.0]


@pytest.mark.parametrize("fs", RATES)
def test_a_sine_keeps_amplitude_and_phase(fs: float) -> None:
    t = np.arange(int(4 * fs)) / fs
    resampler = Resampler(fs, 1)
    out = resampler.process(np.sin(2 * np.pi * 10 * t)[:, None])[0]
    expected = np.sin(2 * np.pi * 10 * np.arange(len(out)) / FS)
    np.testing.assert_allclose(out[20:], expected[20:], atol=0.01)


@pytest.mark.parametrize("fs", RATES)
def test_a_constant_stays_what_it_is(fs: float) -> None:
    out = Resampler(fs, 1).process(np.full((500, 1), 1.25))
    np.testing.assert_allclose(out, 1.25, rtol=1e-12)


@pytest.mark.parametrize("fs", RATES)
def test_positions_convert_there_and_back(fs: float) -> None:
    seconds = np.array([0, 1, 10, 3600, 7 * 86400])
    back = Resampler(fs, 1).to_input((seconds * FS).astype(np.int64))
    assert np.abs(back - seconds * fs).max() <= 0.5 + 1e-6 * fs


@given(cuts=st.lists(st.integers(0, 900), max_size=8), fs=st.sampled_from(RATES))
@settings(max_examples=40, deadline=None)
def test_any_chunking_gives_the_same_bits(cuts: list[int], fs: float) -> None:
    signal = np.random.default_rng(1).normal(size=(900, 2))
    signal[300:320, 1] = np.nan
    whole = Resampler(fs, 2).process(signal)
    resampler = Resampler(fs, 2)
    edges = [0, *sorted(cuts), 900]
    parts = [resampler.process(signal[a:b]) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_a_missing_sample_spreads_over_the_kernel_and_no_further() -> None:
    signal = np.ones((1000, 1))
    signal[500] = np.nan
    out = Resampler(360.0, 1).process(signal)[0]
    gone = np.flatnonzero(np.isnan(out)) / FS
    assert len(gone)
    assert np.abs(gone - 500 / 360).max() <= 6 / FS
