from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch

from pipeline.sources.synthetic import Episode, Scenario, SyntheticRecord, demo_ward, synthesise
from pipeline.sources.synthetic.morphology import add_waves


def signal_of(record: SyntheticRecord) -> NDArray[np.float64]:
    return np.concatenate([chunk.signal for chunk in record.chunks()]).astype(np.float64)


def patient(seed: int, *episodes: Episode, seconds: float = 120.0, **who: float) -> SyntheticRecord:
    return synthesise(Scenario("patient", episodes, **who), name="synth/patient", seconds=seconds, seed=seed)


def around(record: SyntheticRecord, symbol: str, before_s: float, after_s: float) -> NDArray[np.float64]:
    """Windows of all beats of a symbol, shape (beats, samples, leads)."""
    signal = signal_of(record)
    sample, symbols = record.annotations().beats()
    before, after = round(before_s * record.fs), round(after_s * record.fs)
    inside = (symbols == symbol) & (sample >= before) & (sample + after < len(signal))
    return np.stack([signal[s - before : s + after] for s in sample[inside]])


def qrs_width(window: NDArray[np.float64], fs: float) -> float:
    """Duration in s of what stands out of the baseline in the average beat, from a slope criterion on both leads."""
    slope = np.abs(np.diff(window, axis=0)).sum(axis=1) * fs
    steep = np.flatnonzero(slope > 12.0)  # mV/s; P and T waves stay below it
    return float((steep[-1] - steep[0]) / fs)


def test_a_cycle_is_that_of_the_published_dynamical_model() -> None:
    # McSharry et al. 2003, equation 1 with the values of table 1, integrated with small Runge-Kutta steps.
    theta = np.array([-np.pi / 3, -np.pi / 12, 0.0, np.pi / 12, np.pi / 2])
    a = np.array([1.2, -5.0, 30.0, -7.5, 0.75])
    b = np.array([0.25, 0.1, 0.1, 0.1, 0.4])
    omega, fs, n = 2.0 * np.pi, 500.0, 5000

    def slope(t: float, z: float) -> float:
        angle = np.mod(omega * t - theta + np.pi, 2.0 * np.pi) - np.pi
        return float(-np.sum(a * angle * np.exp(-0.5 * (angle / b) ** 2)) - z)

    z, h, published = 0.0, 1.0 / fs, np.empty(n)
    for i in range(n):
        published[i] = z
        t = i * h
        k1 = slope(t, z)
        k2 = slope(t + h / 2, z + h / 2 * k1)
        k3 = slope(t + h / 2, z + h / 2 * k2)
        k4 = slope(t + h, z + h * k3)
        z += h / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)

    cycles = np.arange(-1, 12)
    centre = (cycles[:, None] + theta / omega).ravel()
    width = np.tile(b / omega, len(cycles))
    amplitude = np.tile(a * b**2 / omega, len(cycles))[:, None]
    ours = np.zeros((n, 1))
    add_waves(ours, 0, fs, centre, width, width, amplitude)
    # Their last term pulls the trace to the baseline with a time constant of 1 s: a high-pass that is left out here.
    steady = slice(3 * 500, 9 * 500)
    assert np.corrcoef(published[steady], ours[steady, 0])[0, 1] > 0.99


def test_r_peaks_are_local_maxima_within_20_ms() -> None:
    for seed in range(3):
        windows = around(patient(seed), "N", 0.08, 0.08)[:, :, 0]
        offset = (windows.argmax(axis=1) - 29) / 360.0
        assert np.abs(offset).max() <= 0.020
        assert abs(np.median(offset)) <= 0.004


def test_normal_beats_have_the_amplitudes_and_the_width_of_the_textbook() -> None:
    for seed in range(5):
        beat = np.median(around(patient(seed), "N", 0.3, 0.5), axis=0)
        r_peak = round(0.3 * 360)
        assert 0.5 < beat[r_peak, 0] < 2.5
        assert -3.0 < beat[:, 1].min() < -0.2
        p_wave = beat[r_peak - 80 : r_peak - 36, 0].max() - np.median(beat[:20, 0])
        assert 0.04 < p_wave < 0.3
        t_wave = beat[r_peak + 60 : r_peak + 130, 0].max()
        assert 0.05 < t_wave < 0.8
        assert 0.05 < qrs_width(beat, 360.0) < 0.11


def test_beats_differ_from_each_other_but_little() -> None:
    windows = around(patient(1, noise_mv=0.0), "N", 0.05, 0.05)[:, :, 0]
    spread = windows.max(axis=1).std() / windows.max(axis=1).mean()
    assert 0.01 < spread < 0.12


def test_amplitude_follows_the_breath() -> None:
    record = patient(2, noise_mv=0.0, seconds=300.0, breaths_per_min=15.0)
    sample, _ = record.annotations().beats()
    height = signal_of(record)[sample[1:-1], 0]
    even = np.arange(2.0, 298.0, 0.5)
    frequency, power = welch(np.interp(even, sample[1:-1] / 360.0, height), 2.0, nperseg=256)
    assert 0.15 < frequency[1 + power[1:].argmax()] < 0.35


def test_ventricular_beats_are_wide_and_their_t_waves_discordant() -> None:
    for seed in range(3):
        for kind in ("pvc", "pvc_left"):
            record = patient(seed, Episode(kind, level=20.0))
            normal = np.median(around(record, "N", 0.1, 0.12), axis=0)
            ventricular = np.median(around(record, "V", 0.12, 0.12), axis=0)
            assert qrs_width(ventricular, 360.0) > 0.12
            assert qrs_width(ventricular, 360.0) > 1.4 * qrs_width(normal, 360.0)
            beat = np.median(around(record, "V", 0.1, 0.5), axis=0)[:, 0]
            main, t_wave = beat[36], beat[36 + 70]
            assert main * t_wave < 0.0


def test_the_two_foci_of_a_couplet_have_different_shapes() -> None:
    record = patient(3, Episode("couplet", level=15.0))
    height = around(record, "V", 0.01, 0.02)[:, 3, 0]
    assert (height > 0.5).sum() > 5
    assert (height < -0.5).sum() > 5


def test_bundle_branch_block_is_wide_and_right_block_ends_upright_in_v1() -> None:
    for seed in range(3):
        normal = np.median(around(patient(seed), "N", 0.12, 0.12), axis=0)
        left = np.median(around(patient(seed, Episode("lbbb")), "L", 0.12, 0.12), axis=0)
        right = np.median(around(patient(seed, Episode("rbbb")), "R", 0.12, 0.12), axis=0)
        assert qrs_width(left, 360.0) > 0.12
        assert qrs_width(right, 360.0) > 1.2 * qrs_width(normal, 360.0)
        assert left[:, 1].min() < -0.5
        assert right[43 + 10 : 43 + 30, 1].max() > 0.2
        assert normal[43 + 10 : 43 + 30, 1].max() < 0.2


def test_atrial_beats_have_a_normal_qrs_behind_another_p_wave() -> None:
    record = patient(4, Episode("apb", level=15.0), seconds=300.0)
    normal = np.median(around(record, "N", 0.25, 0.1), axis=0)
    atrial = np.median(around(record, "A", 0.25, 0.1), axis=0)
    r_peak = 90
    assert np.corrcoef(normal[r_peak - 18 :, 0], atrial[r_peak - 18 :, 0])[0, 1] > 0.99
    assert np.corrcoef(normal[r_peak - 65 : r_peak - 30, 0], atrial[r_peak - 65 : r_peak - 30, 0])[0, 1] < 0.5


def test_st_shift_is_as_much_as_was_ordered() -> None:
    for level in (-0.3, 0.4):
        record = patient(5, Episode("st", 30.0, 90.0, level=level, ramp_s=10.0), noise_mv=0.0)
        signal, (sample, _) = signal_of(record)[:, 0], record.annotations().beats()
        j80 = signal[sample[:-1] + 43] - signal[sample[:-1] - 20]  # ST at 120 ms after R against the PR segment
        time_s = sample[:-1] / 360.0
        shifted = j80[(time_s > 45) & (time_s < 75)].mean() - j80[time_s < 28].mean()
        assert abs(shifted - level) < 0.35 * abs(level)


def test_the_t_wave_comes_sooner_in_a_fast_heart() -> None:
    def r_to_t(rate_bpm: float) -> float:
        beat = np.median(around(patient(6, rate_bpm=rate_bpm), "N", 0.0, 0.45), axis=0)[:, 0]
        return float(50 + beat[50:].argmax()) / 360.0

    slow, fast = r_to_t(50.0), r_to_t(110.0)
    assert 0.03 < slow - fast < 0.15


def test_the_power_of_clean_ecg_lies_below_40_hz() -> None:
    signal = signal_of(synthesise(demo_ward()["synth/sinus"], name="synth/sinus", seconds=120.0))
    frequency, power = welch(signal, 360.0, nperseg=2048, axis=0)
    above_drift = frequency > 0.5
    assert power[above_drift & (frequency < 40.0)].sum() > 0.97 * power[above_drift].sum()
    qrs = (frequency > 5.0) & (frequency < 25.0)
    assert 0.3 < power[qrs].sum() / power[above_drift].sum() < 0.9
