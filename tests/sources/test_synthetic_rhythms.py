from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import detrend, welch

from pipeline.annotations import Annotations
from pipeline.sources.synthetic import Episode, Scenario, SyntheticRecord, synthesise


def patient(*episodes: Episode, seconds: float = 300.0, seed: int = 1, rate_bpm: float = 70.0) -> SyntheticRecord:
    scenario = Scenario("patient", episodes, rate_bpm=rate_bpm)
    return synthesise(scenario, name="synth/patient", seconds=seconds, seed=seed)


def beats(record: SyntheticRecord) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    sample, symbol = record.annotations().beats()
    return sample / record.fs, symbol


def spans(annotations: Annotations, label: str) -> list[tuple[float, float]]:
    """Start and stop of each stretch of a rhythm in s."""
    changes = [
        (s / annotations.fs, aux)
        for s, y, aux in zip(annotations.sample, annotations.symbol, annotations.aux_note, strict=True)
        if y == "+"
    ]
    stops = [start for start, _ in changes[1:]] + [np.inf]
    return [(start, stop) for (start, aux), stop in zip(changes, stops, strict=True) if aux == label]


@pytest.mark.parametrize("rate_bpm", [45.0, 70.0, 100.0, 150.0])
def test_the_mean_sinus_rate_is_as_ordered(rate_bpm: float) -> None:
    time_s, symbol = beats(patient(rate_bpm=rate_bpm))
    assert set(symbol) == {"N"}
    assert 60.0 / np.diff(time_s).mean() == pytest.approx(rate_bpm, rel=0.05)


def test_sinus_intervals_vary_as_in_a_healthy_adult() -> None:
    for seed in range(5):
        rr = np.diff(beats(patient(seed=seed))[0])
        assert 0.02 < rr.std() < 0.08  # SDNN of 5 minutes, s
        rmssd = np.sqrt(np.mean(np.diff(rr) ** 2))
        assert 0.01 < rmssd < 0.07


def test_the_tachogram_has_peaks_at_the_breath_and_near_a_tenth_of_a_hertz() -> None:
    scenario = Scenario("patient", breaths_per_min=16.0)
    time_s, _ = beats(synthesise(scenario, name="synth/patient", seconds=1200.0, seed=2))
    even = np.arange(2.0, 1195.0, 0.25)
    frequency, power = welch(np.interp(even, time_s[1:], np.diff(time_s)), 4.0, nperseg=1024)

    def band(low: float, high: float) -> float:
        return float(power[(frequency >= low) & (frequency < high)].mean())

    assert band(0.2, 0.33) > 5.0 * band(0.36, 0.5)
    assert band(0.08, 0.12) > 2.0 * band(0.14, 0.18)
    assert band(0.004, 0.02) > 2.0 * band(0.14, 0.18)


def test_ventricular_beats_are_premature_and_their_pause_is_compensatory() -> None:
    time_s, symbol = beats(patient(Episode("pvc", level=6.0), seconds=600.0))
    v = np.flatnonzero(symbol[2:-1] == "V") + 2
    assert len(v) > 30
    before, after = time_s[v] - time_s[v - 1], time_s[v + 1] - time_s[v]
    usual = time_s[v - 1] - time_s[v - 2]
    assert (before < 0.8 * usual).mean() > 0.95
    assert np.median((before + after) / usual) == pytest.approx(2.0, abs=0.1)


def test_the_coupling_of_ventricular_beats_is_nearly_fixed() -> None:
    time_s, symbol = beats(patient(Episode("pvc", level=6.0), seconds=600.0))
    v = np.flatnonzero(symbol[1:] == "V") + 1
    assert (time_s[v] - time_s[v - 1]).std() < 0.03


def test_atrial_beats_are_premature_and_their_pause_is_not_compensatory() -> None:
    time_s, symbol = beats(patient(Episode("apb", level=6.0), seconds=600.0))
    a = np.flatnonzero(symbol[2:-1] == "A") + 2
    assert len(a) > 30
    before, after = time_s[a] - time_s[a - 1], time_s[a + 1] - time_s[a]
    usual = time_s[a - 1] - time_s[a - 2]
    assert (before < 0.85 * usual).all()
    assert np.median((before + after) / usual) < 1.85


def test_ectopic_beats_come_as_often_as_ordered() -> None:
    for kind, symbol in (("pvc", "V"), ("pvc_left", "V"), ("apb", "A"), ("fusion", "F")):
        _, symbols = beats(patient(Episode(kind, level=5.0), seconds=1200.0))
        assert (symbols == symbol).sum() / 20.0 == pytest.approx(5.0, rel=0.35)


def test_bigeminy_alternates_and_trigeminy_takes_every_third() -> None:
    _, two = beats(patient(Episode("bigeminy"), seconds=60.0))
    assert "".join(two[1:41]) in "NV" * 21
    _, three = beats(patient(Episode("trigeminy"), seconds=60.0))
    assert "".join(three[1:40]) in "NNV" * 15


def test_a_couplet_is_two_and_a_run_three_to_eight_ventricular_beats() -> None:
    def lengths(kind: str) -> set[int]:
        _, symbol = beats(patient(Episode(kind, level=6.0), seconds=600.0))
        return {len(run) for run in "".join(symbol).split("N") if run}

    assert lengths("couplet") == {2}
    assert {3, 8} <= lengths("run") <= {3, 4, 5, 6, 7, 8}


def test_runs_and_tachycardia_are_labelled_and_their_beats_are_fast() -> None:
    record = patient(Episode("vt", 60.0, 75.0, level=170.0))
    (start, stop), *more = spans(record.annotations(), "(VT")
    assert not more
    assert 59.8 < start < 60.9
    assert 74.5 < stop < 76.5
    time_s, symbol = beats(record)
    v = time_s[symbol == "V"]
    assert v.min() >= 60.0
    assert v.max() < 75.0
    assert 60.0 / np.diff(v).mean() == pytest.approx(170.0, rel=0.02)
    assert len(spans(patient(Episode("run", level=2.0)).annotations(), "(VT")) > 3


def test_fibrillation_is_irregular_beyond_any_sinus_rhythm() -> None:
    record = patient(Episode("afib", 0.0, 200.0, level=95.0))
    time_s, symbol = beats(record)
    rr = np.diff(time_s[time_s < 198.0])
    assert 0.17 < rr.std() / rr.mean() < 0.32
    assert 60.0 / rr.mean() == pytest.approx(95.0, rel=0.08)
    assert abs(np.corrcoef(rr[:-1], rr[1:])[0, 1]) < 0.2
    assert set(symbol) == {"N"}
    assert [label for label in record.annotations().aux_note if label] == ["(AFIB", "(N"]


def test_fibrillation_has_f_waves_and_no_p_wave() -> None:
    record = patient(Episode("afib"), seconds=240.0)
    signal = np.concatenate([chunk.signal for chunk in record.chunks()])
    sample, _ = record.annotations().beats()
    sample = sample[(sample > 200) & (sample < len(signal) - 200)]
    before = np.stack([signal[s - 100 : s - 25, 0] for s in sample])
    assert np.ptp(np.median(before, axis=0)) < 0.06  # nothing is locked to the QRS complex
    long = sample[:-1][np.diff(sample) > 0.9 * 360]
    quiet = detrend(np.stack([signal[s + 180 : s + 300, 1] for s in long]))
    frequency, power = welch(quiet, 360.0, nperseg=120, nfft=1024)
    assert 4.0 < frequency[power.mean(axis=0).argmax()] < 9.0


def test_flutter_conducts_whole_numbers_of_its_waves() -> None:
    record = patient(Episode("flutter", level=300.0))
    rr = np.diff(beats(record)[0])[1:]
    assert np.abs(rr / 0.2 - np.round(rr / 0.2)).max() < 0.1
    assert len(spans(record.annotations(), "(AFL")) == 1


def test_supraventricular_tachycardia_begins_and_ends_at_once() -> None:
    record = patient(Episode("svt", 60.0, 80.0, level=165.0))
    time_s, symbol = beats(record)
    fast = time_s[symbol == "A"]
    assert 60.0 <= fast.min() < 61.0
    assert fast.max() < 80.0
    assert np.diff(fast) == pytest.approx(60.0 / 165.0, rel=0.06)
    assert len(spans(record.annotations(), "(SVTA")) == 1
    following = time_s[time_s > fast.max()]
    assert following[0] - fast.max() > 0.6


def test_ventricular_flutter_is_bracketed_and_has_no_beats() -> None:
    annotations = patient(Episode("vflutter", 60.0, 70.0)).annotations()
    ((first, last),) = annotations.flutter()
    assert 60.0 <= first / 360.0 < 61.0
    assert 69.0 < last / 360.0 < 70.0
    sample, _ = annotations.beats()
    assert not ((sample > first) & (sample < last)).any()
    assert (annotations.symbol == "!").sum() > 30


def test_pauses_are_long_and_some_end_with_an_escape_beat() -> None:
    time_s, symbol = beats(patient(Episode("pause", level=3.0), seconds=600.0))
    rr = np.diff(time_s)
    long = rr > 2.0
    assert 10 < long.sum() < 50
    assert rr.max() < 4.0
    assert set(symbol[1:][long]) == {"N", "j"}
    assert set(symbol[1:][~long]) == {"N"}


def test_bundle_branch_block_comes_and_goes_where_ordered() -> None:
    time_s, symbol = beats(patient(Episode("lbbb", 50.0, 100.0), Episode("rbbb", 150.0, 200.0)))
    for letter, low, high in (("L", 50.0, 100.0), ("R", 150.0, 200.0)):
        assert ((symbol == letter) == ((time_s >= low) & (time_s < high))).all()


def test_the_rate_drifts_as_ordered_and_slow_sinus_rhythm_is_called_so() -> None:
    record = patient(Episode("rate", 100.0, 300.0, level=-30.0, ramp_s=50.0), rate_bpm=72.0)
    time_s, _ = beats(record)
    rr = np.diff(time_s)
    assert 60.0 / rr[time_s[1:] < 95.0].mean() == pytest.approx(72.0, rel=0.05)
    assert 60.0 / rr[(time_s[1:] > 160.0) & (time_s[1:] < 240.0)].mean() == pytest.approx(42.0, rel=0.06)
    ((start, stop),) = spans(record.annotations(), "(SBR")
    assert 130.0 < start < 145.0
    assert 255.0 < stop < 270.0


@pytest.mark.parametrize("seed", range(4))
def test_no_two_beats_are_closer_than_a_heart_can_beat(seed: int) -> None:
    everything = [
        Episode(kind, level=level)
        for kind, level in (
            ("pvc", 8.0),
            ("pvc_left", 4.0),
            ("couplet", 3.0),
            ("run", 3.0),
            ("apb", 6.0),
            ("pause", 1.0),
        )
    ]
    rhythms = [
        Episode("afib", 100.0, 200.0, level=150.0),
        Episode("bigeminy", 250.0, 300.0),
        Episode("svt", 320.0, 340.0),
        Episode("vt", 340.0, 350.0),
        Episode("flutter", 350.0, 400.0),
        Episode("junctional", 410.0, 430.0),
    ]
    for rate_bpm in (40.0, 80.0, 160.0):
        time_s, _ = beats(patient(*everything, *rhythms, seconds=600.0, seed=seed, rate_bpm=rate_bpm))
        assert np.diff(time_s).min() > 0.25
        assert np.diff(time_s).max() < 5.0
