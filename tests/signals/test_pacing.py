"""Pacing spikes of 0.5 to 2 ms, on the atrium, the ventricle or both, as recorders of several rates write them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from pipeline.monitor import Monitor
from pipeline.records import Findings
from pipeline.signals.beats import BeatFinder
from pipeline.signals.pacing import SpikeRemover
from pipeline.sources.foreign import open_recording
from pipeline.sources.synthetic import Scenario, synthesise

SECONDS = 40.0
BEFORE_IT = 6  # spikes that come before the first one that is a mark
HIGH = 16_000  # Hz, at which a pulse is drawn before a recorder samples it
ATRIAL_S, VENTRICULAR_S = 0.16, 0.03  # before the R peak
BEFORE = {"atrium": (ATRIAL_S,), "ventricle": (VENTRICULAR_S,), "both": (ATRIAL_S, VENTRICULAR_S)}


def paced(
    fs: float, chamber: str, width_ms: float, *, height_mv: float = 5.0, filtered: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
    """Return a signal with spikes, its R peaks, and the times of the spikes in s."""
    times_faster = 2 if fs > 1000 else 1
    scenario = Scenario("paced", variability=0.3)
    record = synthesise(scenario, name="paced", fs=fs / times_faster, seconds=SECONDS, seed=7)
    signal = np.concatenate([chunk.signal for chunk in record.chunks()]).repeat(times_faster, axis=0)
    annotations = record.annotations()
    assert annotations is not None
    peaks = annotations.beats()[0] * times_faster
    times = np.sort(np.concatenate([peaks / fs - before for before in BEFORE[chamber]]))
    times = times[times > 0.1]
    at = np.arange(len(signal)) / fs
    if filtered:  # the amplifier's own low-pass, then sampling
        fine = np.zeros(int(SECONDS * HIGH))
        for time in times:
            fine[int(time * HIGH) : int((time + width_ms / 1e3) * HIGH)] = height_mv
        fine = sosfilt(butter(2, min(150.0, 0.4 * fs), fs=HIGH, output="sos"), fine)
        spikes = np.interp(at, np.arange(len(fine)) / HIGH, fine)
    else:
        spikes = np.zeros(len(signal))
        for time in times:
            first = int(np.ceil(time * fs))
            spikes[first : first + max(1, round(width_ms / 1e3 * fs))] = height_mv
    return (signal + spikes[:, None] * np.array([1.0, -0.6])).astype(np.float32), peaks, times


def find(signal: NDArray[np.float32], fs: float, size: int = 10**9) -> dict[str, NDArray[Any]]:
    finder = BeatFinder(fs, signal.shape[1])
    nothing = np.full((round(0.6 * fs), signal.shape[1]), np.nan, dtype=np.float32)
    whole = np.concatenate([signal, nothing])
    parts = [finder.process(whole[i : i + size]) for i in range(0, len(whole), size)]
    columns = ("r_peak", "decided", "window", "present", "quality", "spikes")
    return {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}


def off_s(peaks: NDArray[np.int64], found: NDArray[np.int64], fs: float) -> NDArray[np.float64]:
    return np.array([found[np.abs(found - peak).argmin()] - peak for peak in peaks]) / fs


@pytest.mark.parametrize("fs", [250.0, 360.0, 500.0, 1000.0])
@pytest.mark.parametrize("chamber", ["atrium", "ventricle", "both"])
@pytest.mark.parametrize("width_ms", [0.5, 2.0])
def test_a_paced_beat_is_marked_at_its_r_peak(fs: float, chamber: str, width_ms: float) -> None:
    signal, peaks, times = paced(fs, chamber, width_ms)
    found = find(signal, fs)
    inner = peaks[(peaks > 0.5 * fs) & (peaks < (SECONDS - 1) * fs)]
    assert np.abs(off_s(inner, found["r_peak"], fs)).max() < 0.03
    assert len(found["r_peak"]) <= len(peaks)  # no spike is a beat
    # Each is kept as a mark, and nothing else is one.
    marks = found["spikes"] / fs
    known = times[times < SECONDS - 0.5][BEFORE_IT:]
    assert max(np.abs(marks - time).min() for time in known) < 0.012
    assert len(marks) <= len(times)


@pytest.mark.parametrize("fs", [250.0, 1000.0])
def test_a_spike_that_an_amplifier_has_widened_is_one_too(fs: float) -> None:
    signal, peaks, times = paced(fs, "both", 2.0, filtered=True)
    found = find(signal, fs)
    inner = peaks[(peaks > 4 * fs) & (peaks < (SECONDS - 1) * fs)]
    assert np.abs(off_s(inner, found["r_peak"], fs)).max() < 0.03
    assert len(found["spikes"]) > 0.9 * len(times) - BEFORE_IT


def test_the_window_of_a_paced_beat_is_that_of_the_beat_without_its_spike() -> None:
    signal, _, _ = paced(500.0, "atrium", 1.0)
    plain, _, _ = paced(500.0, "atrium", 1.0, height_mv=0.0)
    with_spikes, without = find(signal, 500.0), find(plain, 500.0)
    assert len(with_spikes["r_peak"]) == len(without["r_peak"]) > 30
    difference = np.abs(with_spikes["window"] - without["window"])[5:]
    assert np.median(difference.max(axis=(1, 2))) < 0.05 < 5.0


@pytest.mark.parametrize("size", [1, 7, 250])
def test_any_chunking_removes_the_same_spikes(size: int) -> None:
    signal, _, _ = paced(250.0, "both", 1.0)
    signal = signal[: 15 * 250]
    whole, cut = find(signal, 250.0), find(signal, 250.0, size)
    assert len(whole["spikes"]) > 20
    for name, column in whole.items():
        np.testing.assert_array_equal(cut[name], column, err_msg=name)


@pytest.mark.parametrize("fs", [250.0, 1000.0])
def test_a_pulse_that_stands_alone_is_no_pacemakers_mark(fs: float) -> None:
    signal, _, _ = paced(fs, "both", 1.0, height_mv=0.0)
    at = np.round(np.array([11.3, 27.7]) * fs).astype(int)  # a sample that was garbled on its way
    signal[at] += 3.0
    assert not len(find(signal, fs)["spikes"])


@pytest.mark.parametrize("fs", [250.0, 360.0])
def test_spikes_of_a_loose_electrode_are_no_pacemakers_marks(fs: float) -> None:
    signal, _, _ = paced(fs, "both", 1.0, height_mv=0.0)
    rng = np.random.default_rng(3)
    at = np.sort(rng.uniform(5.0, 35.0, 60)) * fs  # two a second, of any height and either sign
    at = at[np.diff(at, prepend=0.0) > 0.1 * fs].astype(int)
    signal[at, 0] += rng.uniform(1.0, 5.0, len(at)) * rng.choice([-1.0, 1.0], len(at))
    remover = SpikeRemover(fs, 2)
    out, marks = remover.process(signal)
    assert len(at) > 40
    assert np.abs(out[at[at < len(out)], 0]).max() < 1.5  # they are taken out
    assert len(marks) < 0.1 * len(at)  # nearly all of them were


def test_a_signal_without_spikes_passes_bit_by_bit() -> None:
    for fs in (128.0, 250.0, 360.0, 1000.0):
        signal, _, _ = paced(fs, "both", 1.0, height_mv=0.0)
        signal[2000:2010] = np.nan
        remover = SpikeRemover(fs, 2)
        out, marks = remover.process(signal)
        assert len(out) == len(signal) - remover.delay
        np.testing.assert_array_equal(out, signal[: len(out)])
        assert not len(marks)


@pytest.mark.parametrize("width_s", [0.04, 0.08])
def test_a_narrow_qrs_complex_is_no_spike(width_s: float) -> None:
    for fs in (250.0, 360.0, 1000.0):
        at = np.arange(int(30 * fs)) / fs
        beat = np.maximum(0.0, 1.0 - np.abs(at % 0.8 - 0.4) / (width_s / 2))
        noise = 0.01 * np.random.default_rng(1).normal(size=len(at))
        _, marks = SpikeRemover(fs, 1).process((3.0 * beat + noise)[:, None])
        assert not len(marks)


def test_a_restart_from_a_snapshot_removes_the_same_spikes() -> None:
    signal, _, _ = paced(360.0, "both", 1.0)
    one = SpikeRemover(360.0, 2)
    first, marks = one.process(signal[:5003])
    other = SpikeRemover(360.0, 2)
    other.restore(one.snapshot())
    for remover in (one, other):
        after, more = remover.process(signal[5003:])
        whole, all_marks = SpikeRemover(360.0, 2).process(signal)
        np.testing.assert_array_equal(np.concatenate([first, after]), whole)
        np.testing.assert_array_equal(np.concatenate([marks, more]), all_marks)


def test_spikes_are_kept_with_the_findings_and_nothing_looks_ahead() -> None:
    record = synthesise(Scenario("paced"), name="paced", fs=360.0, seconds=30.0, seed=7)
    annotations = record.annotations()
    assert annotations is not None
    spikes = annotations.beats()[0] - 58

    class Paced:
        name, fs, leads, n_samples = "paced", 360.0, record.leads, record.n_samples

        def chunks(self, seconds: float = 60.0) -> Any:
            for chunk in record.chunks(seconds):
                inside = spikes[(spikes >= chunk.start) & (spikes < chunk.stop)] - chunk.start
                chunk.signal[inside] += 4.0
                yield chunk

        def annotations(self) -> None:
            return None

    found = [Findings.concatenate(list(Monitor.pretrained().stream(Paced(), seconds=s))) for s in (60.0, 0.5)]
    np.testing.assert_array_equal(found[0].spikes, found[1].spikes)
    assert set(found[0].spikes) >= set(spikes[2 + BEFORE_IT : -1].tolist())


def test_a_rate_that_is_resampled_at_the_door_is_paced_as_well(tmp_path: Any) -> None:
    signal, peaks, times = paced(2000.0, "atrium", 1.0)
    file = tmp_path / "paced.npz"
    np.savez(file, ecg=signal, fs=2000.0, leads=np.array(["II", "V1"]), units=np.array(["mV"]))
    record = open_recording(file)
    assert record.fs == 1000.0
    read = np.concatenate([chunk.signal for chunk in record.chunks()])
    found = find(read, record.fs)
    inner = peaks[(peaks > 1000) & (peaks < (SECONDS - 1) * 2000)] / 2
    assert np.abs(off_s(inner.round().astype(np.int64), found["r_peak"], 1000.0)).max() < 0.03
    assert len(found["spikes"]) > 0.9 * len(times) - BEFORE_IT
