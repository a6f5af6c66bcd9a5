from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt

from pipeline.signals.filters import BandPass, Morlet
from pipeline.signals.quality import AFTER_FLAT, FLAT, Conditioner
from pipeline.signals.resample import FS


def test_the_band_pass_is_scipys() -> None:
    signal = np.random.default_rng(2).normal(size=(2, 700))
    expected = sosfilt(butter(2, [0.5, 40.0], "bandpass", fs=FS, output="sos"), signal, axis=1)
    band_pass = BandPass(2)
    out = np.concatenate([band_pass.process(signal[:, :13]), band_pass.process(signal[:, 13:])], axis=1)
    np.testing.assert_allclose(out, expected, atol=1e-12)


def test_the_envelope_of_a_sine_at_its_frequency_is_its_amplitude() -> None:
    signal = 0.7 * np.sin(2 * np.pi * 10 * np.arange(400) / FS)[None]
    np.testing.assert_allclose(Morlet(10.0, 0.035).envelope(signal), 0.7, rtol=0.02)


def test_the_envelope_is_that_of_a_plain_convolution() -> None:
    morlet = Morlet(20.0, 0.0175)
    t = np.arange(-morlet.reach, morlet.reach + 1) / FS
    window, wave = np.exp(-0.5 * (t / 0.0175) ** 2), np.exp(2j * np.pi * 20.0 * t)
    kernel = window * (wave - (window * wave).sum() / window.sum())
    kernel *= 2.0 / np.abs((kernel * wave.conj()).sum())
    signal = np.random.default_rng(3).normal(size=300)
    expected = np.abs(np.convolve(signal, kernel[::-1], mode="valid"))
    np.testing.assert_allclose(morlet.envelope(signal[None])[0], expected, atol=1e-12)


def test_the_envelope_does_not_see_a_constant() -> None:
    assert Morlet(10.0, 0.035).envelope(np.full((1, 200), 5.0)).max() < 1e-12


def test_a_jump_across_a_gap_is_taken_out() -> None:
    signal = np.sin(np.arange(600) / 9.0)[None].copy()
    signal[:, 300:] += 4.0
    signal[:, 280:300] = np.nan
    out, _ = Conditioner(1).process(signal)
    assert np.isfinite(out).all()
    assert np.abs(np.diff(out)).max() < 0.2


def test_a_short_hole_is_held_and_a_long_one_is_missing() -> None:
    signal = np.random.default_rng(4).normal(size=(1, 1000))
    signal[:, 100:110] = np.nan
    signal[:, 400 : 400 + 2 * FLAT] = np.nan
    _, state = Conditioner(1).process(signal)
    assert set(state[0, 100:110]) == {2}
    assert set(state[0, 110:400]) == {0}
    assert set(state[0, 400 + FLAT : 400 + 2 * FLAT]) == {3}
    assert state[0, 400 + 2 * FLAT] == 1
    assert state[0, -1] == 0


def test_a_flat_line_is_no_signal_until_half_a_second_after_it() -> None:
    signal = np.random.default_rng(5).normal(size=(1, 1000))
    signal[:, 300:500] = 0.123
    _, state = Conditioner(1).process(signal)
    assert set(state[0, 300 + FLAT + 1 : 500]) == {4}
    assert set(state[0, 500 : 500 + AFTER_FLAT]) == {1}
    assert state[0, 500 + AFTER_FLAT] == 0
