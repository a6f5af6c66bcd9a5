from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.signals.beats import BeatFinder, Beats
from pipeline.signals.reference_peaks import ReferencePeaks
from pipeline.sources.synthetic import demo_ward, synthesise

SECONDS = 60.0
COLUMNS = ("sample", "r_peak", "decided", "window", "present", "quality", "broken")


def signal_of(name: str, fs: float = 360.0, seconds: float = SECONDS) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    record = synthesise(demo_ward(seconds)[name], name=name, fs=fs, seconds=seconds, seed=3)
    annotations = record.annotations()
    assert annotations is not None
    return np.concatenate([chunk.signal for chunk in record.chunks()]), annotations.beats()[0]


def find(signal: NDArray[np.float32], edges: list[int], fs: float = 360.0) -> dict[str, NDArray[Any]]:
    finder = BeatFinder(fs, signal.shape[1])
    parts = [finder.process(signal[a:b]) for a, b in zip([0, *edges], [*edges, len(signal)], strict=True)]
    return join(parts)


def join(parts: list[Beats]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}


def matched(reference: NDArray[np.int64], found: NDArray[np.int64], tolerance: float) -> float:
    """Share of the reference beats with a detection nearby, by the plainest possible means."""
    return float(np.mean([np.abs(found - peak).min() <= tolerance for peak in reference]))


@given(edges=st.lists(st.integers(0, int(SECONDS * 360)), max_size=12))
@settings(max_examples=25, deadline=None)
def test_any_chunking_gives_the_same_beats(edges: list[int]) -> None:
    signal, _ = signal_of("synth/artefacts")
    whole = find(signal, [])
    cut = find(signal, sorted(edges))
    for name in COLUMNS:
        np.testing.assert_array_equal(cut[name], whole[name], err_msg=name)


def test_one_sample_at_a_time_gives_the_same_beats() -> None:
    signal, _ = signal_of("synth/bigeminy")
    signal = signal[: 20 * 360]
    whole = find(signal, [])
    single = find(signal, list(range(1, len(signal))))
    for name in COLUMNS:
        np.testing.assert_array_equal(single[name], whole[name], err_msg=name)


@pytest.mark.parametrize("name", sorted(set(demo_ward()) - {"synth/artefacts"}))
def test_every_beat_of_every_rhythm_is_found_and_nothing_else(name: str) -> None:
    signal, beats = signal_of(name)
    found = find(signal, [])["r_peak"]
    inner = beats[(beats > 3 * 360) & (beats < (SECONDS - 1) * 360)]
    assert matched(inner, found, 54) == 1.0
    assert matched(found[found > 3 * 360], beats, 54) > 0.98


@pytest.mark.parametrize("fs", [100.0, 128.0, 250.0, 257.0, 500.0, 1000.0])
def test_the_rate_does_not_matter(fs: float) -> None:
    signal, beats = signal_of("synth/ventricular", fs)
    found = find(signal, [], fs)["r_peak"]
    inner = beats[(beats > 3 * fs) & (beats < (SECONDS - 1) * fs)]
    assert matched(inner, found, 0.15 * fs) == 1.0
    assert len(found) <= len(beats)


@pytest.mark.parametrize("gain", [0.05, 20.0, -1.0])
def test_neither_amplitude_nor_polarity_matters(gain: float) -> None:
    signal, _ = signal_of("synth/ventricular")
    np.testing.assert_array_equal(find(gain * signal, [])["r_peak"], find(signal, [])["r_peak"])


def test_a_beat_is_out_half_a_second_after_its_peak() -> None:
    signal, _ = signal_of("synth/ventricular")
    beats = find(signal, [])
    late = (beats["decided"] - beats["r_peak"])[beats["r_peak"] > 2.5 * 360] / 360
    assert late.max() <= 0.5


def test_nothing_looks_ahead_of_the_stated_delay() -> None:
    signal, _ = signal_of("synth/atrial")
    whole = find(signal, [])
    until = 30 * 360
    other = signal.copy()
    other[until:] = np.random.default_rng(6).normal(size=other[until:].shape)
    changed = find(other, [])
    known = whole["decided"] <= until
    assert known.sum() > 20
    for name in COLUMNS:
        np.testing.assert_array_equal(changed[name][: known.sum()], whole[name][known], err_msg=name)


def test_a_gap_costs_the_beats_inside_it_and_nothing_else() -> None:
    signal, beats = signal_of("synth/sinus")
    holed = signal.copy()
    holed[20 * 360 : 25 * 360] = np.nan
    found = find(holed, [])
    outside = beats[(beats > 3 * 360) & (beats < 59 * 360) & ((beats < 19.9 * 360) | (beats > 25.2 * 360))]
    assert matched(outside, found["r_peak"], 54) == 1.0
    assert not ((found["r_peak"] > 20.1 * 360) & (found["r_peak"] < 24.9 * 360)).any()
    first_after = np.argmax(found["r_peak"] > 25 * 360)
    assert found["broken"][first_after]
    assert found["broken"].sum() == 2  # that one, and the first of the record


def test_a_lead_that_goes_leaves_the_other_to_find_the_beats() -> None:
    signal, beats = signal_of("synth/sinus")
    signal = signal.copy()
    signal[20 * 360 : 40 * 360, 0] = 0.0
    found = find(signal, [])
    inner = beats[(beats > 3 * 360) & (beats < 59 * 360)]
    assert matched(inner, found["r_peak"], 54) == 1.0
    inside = (found["r_peak"] > 21 * 360) & (found["r_peak"] < 39 * 360)
    assert not found["present"][inside, 0].any()
    assert found["present"][inside, 1].all()


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize(("from_s", "until_s", "size"), [(0.3, 0.9, 20.0), (20.0, 24.0, 30.0), (2.0, 25.0, 3.0)])
def test_beats_are_found_again_soon_after_an_artefact(leads: int, from_s: float, until_s: float, size: float) -> None:
    signal, beats = signal_of("synth/sinus")
    signal = signal[:, :leads].copy()
    first, stop = int(from_s * 360), int(until_s * 360)
    signal[first:stop] += size * np.random.default_rng(1).normal(size=(stop - first, 1)).astype(np.float32)
    later = beats[(beats > stop + 12 * 360) & (beats < 59 * 360)]
    assert len(later) > 20
    assert matched(later, find(signal, [])["r_peak"], 54) == 1.0


@pytest.mark.parametrize("value", [0.0, np.nan, 5.0])
def test_no_signal_gives_no_beat(value: float) -> None:
    assert len(find(np.full((3600, 2), value, dtype=np.float32), [])["r_peak"]) == 0


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    signal, _ = signal_of("synth/artefacts")
    whole = find(signal, [])
    first = BeatFinder(360.0, 2)
    parts = [first.process(signal[:9000])]
    second = BeatFinder(360.0, 2)
    second.restore(first.snapshot())
    parts.append(second.process(signal[9000:]))
    for name, column in join(parts).items():
        np.testing.assert_array_equal(column, whole[name], err_msg=name)


def test_reference_peaks_come_out_as_they_are() -> None:
    signal, beats = signal_of("synth/sinus", 250.0)
    finder = BeatFinder(250.0, 2, ReferencePeaks(beats, 250.0))
    parts = [finder.process(signal[i : i + 77]) for i in range(0, len(signal), 77)]
    known = beats[beats < len(signal) - 0.5 * 250]
    found = join(parts)["r_peak"]
    assert np.abs(found[: len(known)] - known).max() <= 1


@pytest.mark.parametrize("fs", [128.0, 250.0, 500.0])
def test_the_first_beat_of_a_short_record_is_found(fs: float) -> None:
    found_first = extra = 0
    for seed in range(20):
        record = synthesise(demo_ward(60.0)["synth/sinus"], name="short", fs=fs, seconds=10.0, seed=seed)
        annotations = record.annotations()
        assert annotations is not None
        signal, beats = np.concatenate([chunk.signal for chunk in record.chunks()]), annotations.beats()[0]
        nothing = np.full((round(0.6 * fs), 2), np.nan, dtype=np.float32)
        found = find(np.concatenate([signal, nothing]), [], fs)
        whole = beats[beats > 0.1 * fs]  # an R peak of the first 0.1 s has no QRS complex before it
        found_first += matched(whole[:1], found["r_peak"], 0.05 * fs) == 1.0
        extra += len(found["r_peak"]) - len(whole) > 1
        assert found["quality"][1] > 0.5  # and its window is there
        late = (found["decided"] - found["r_peak"]) / fs
        assert late[found["r_peak"] > 2 * fs].max() <= 0.5
        assert late.max() <= 2.2
    assert found_first == 20
    assert extra == 0
