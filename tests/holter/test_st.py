"""ST levels against those that were written into the signal."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from pipeline.detection.model import BeatModel
from pipeline.holter.record import holter
from pipeline.holter.st import StCollector, StTrend
from pipeline.records import Chunk, Findings
from pipeline.settings import Settings
from pipeline.sources.synthetic import Episode, Scenario, SyntheticRecord, synthesise

LEADS = ("II", "V5")


def drawn(fs: float, level_mv: np.ndarray, *, wander_mv: float = 0.0, noise_mv: float = 0.0) -> np.ndarray:
    """Return beats at 0.5, 1.5, 2.5 s ... with flat PR and ST segments, these at a level for each beat and lead."""
    time_s = np.arange(round(len(level_mv) * fs)) / fs
    phase = time_s % 1.0 - 0.5
    p = 0.1 * np.exp(-0.5 * ((phase + 0.17) / 0.02) ** 2)
    qrs = np.interp(phase, [-0.04, -0.02, 0.0, 0.02, 0.04], [0.0, -0.1, 1.0, -0.2, 0.0])
    t = 0.3 * np.exp(-0.5 * ((phase - 0.28) / 0.03) ** 2)
    st = np.interp(phase, [0.03, 0.04, 0.18, 0.26], [0.0, 1.0, 1.0, 0.0])
    level = level_mv[np.minimum(time_s.astype(int), len(level_mv) - 1)]
    signal = (p + qrs + t)[:, None] * [1.0, 0.7] + st[:, None] * level
    rng = np.random.default_rng(1)
    wander = wander_mv * np.sin(2 * np.pi * 0.23 * time_s)
    noisy = signal + wander[:, None] + noise_mv * rng.standard_normal(signal.shape)
    return np.asarray(noisy, dtype=np.float32)


def found_at(r_peak: np.ndarray, fs: float) -> Findings:
    """Return normal beats at these places."""
    columns = {f.name for f in fields(Findings)} - {"record", "fs", "leads", "alarms", "drifts", "gaps", "updates"}
    return Findings("bed", fs, LEADS, **dict.fromkeys(columns, np.zeros(len(r_peak))) | {"r_peak": r_peak})


def collected(signal: np.ndarray, fs: float, chunk_s: float) -> tuple[StTrend, ...]:
    collector, size = StCollector(fs, LEADS), round(chunk_s * fs)
    peaks = np.round((np.arange(len(signal) / fs) + 0.5) * fs).astype(np.int64)
    done = 0
    for start in range(0, len(signal), size):
        chunk = Chunk("bed", start, fs, LEADS, signal[start : start + size])
        collector.add(chunk)
        upto = int(np.searchsorted(peaks, chunk.stop - 0.5 * fs))
        collector.add_findings(found_at(peaks[done:upto], fs))
        done = upto
    collector.add_findings(found_at(peaks[done:], fs))
    return collector.finish()


@pytest.mark.parametrize("fs", [128.0, 250.0, 360.0, 1000.0])
def test_a_level_that_was_drawn_is_measured_in_each_lead(fs: float) -> None:
    levels = np.zeros((240, 2))
    levels[60:120] = (0.2, -0.1)
    levels[180:] = (-0.15, 0.05)
    for first in (trends := collected(drawn(fs, levels, wander_mv=0.2, noise_mv=0.02), fs, 60.0)):
        np.testing.assert_array_equal(first.time_s, [0.0, 60.0, 120.0, 180.0])
        assert first.beats.tolist() == [59, 59, 59, 59]  # the last of a minute has no next
    np.testing.assert_allclose(trends[0].level_mv, [0.0, 0.2, 0.0, -0.15], atol=0.01)
    np.testing.assert_allclose(trends[1].level_mv, [0.0, -0.1, 0.0, 0.05], atol=0.01)


def test_chunks_change_no_level() -> None:
    signal = drawn(250.0, np.full((130, 2), 0.1), noise_mv=0.03)
    whole, cut = (collected(signal, 250.0, chunk_s) for chunk_s in (130.0, 0.7))
    for one, other in zip(whole, cut, strict=True):
        np.testing.assert_array_equal(one.level_mv, other.level_mv)
        np.testing.assert_array_equal(one.beats, other.beats)


def test_a_lead_without_signal_has_no_level_and_leaves_the_other_its_own() -> None:
    signal = drawn(250.0, np.full((120, 2), 0.1))
    signal[60 * 250 :, 1] = np.nan
    first, second = collected(signal, 250.0, 30.0)
    np.testing.assert_allclose(first.level_mv, [0.1, 0.1], atol=0.01)
    assert second.time_s.tolist() == [0.0]


def test_noise_without_a_complex_has_no_level() -> None:
    noise = np.random.default_rng(3).normal(0.0, 0.3, (60 * 250, 2)).astype(np.float32)
    for trend in collected(noise, 250.0, 60.0):
        assert len(trend.time_s) == 0
        assert np.isnan(trend.median_mv)


def test_a_written_shift_of_a_synthetic_patient_is_found(model: BeatModel) -> None:
    shift = Episode("st", 180.0, 420.0, level=-0.3, ramp_s=1.0)

    def levels(*episodes: Episode) -> tuple[SyntheticRecord, tuple[StTrend, ...]]:
        record = synthesise(Scenario("sinus", episodes), name="st/patient", seconds=480.0, seed=4)
        return record, holter(record, model, Settings()).st

    (calm, before), (shifted, after) = levels(), levels(shift)
    # What was written, as far as a beat's level goes: the same patient with and without it, 120 ms after each R peak.
    clean, moved = (np.concatenate([one.signal for one in record.chunks(60.0)]) for record in (calm, shifted))
    beats, _ = calm.annotations().beats()
    for lead in range(2):
        both = sorted(set(before[lead].time_s) & set(after[lead].time_s))
        assert len(both) >= 7
        for minute in both:
            inside = beats[(beats >= minute * calm.fs) & (beats < (minute + 60) * calm.fs)]
            written = float(np.median((moved - clean)[inside + round(0.12 * calm.fs), lead]))
            now, then = (one[lead].level_mv[one[lead].time_s == minute][0] for one in (after, before))
            assert now - then == pytest.approx(written, abs=0.05), (lead, minute)
        assert abs(float(np.ptp(after[lead].level_mv))) > 0.05
