"""The figures of a Holter summary, against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.annotations import Annotations
from pipeline.holter.beats import HolterBeats, found_beats, reference_beats
from pipeline.holter.ectopy import ectopy
from pipeline.holter.summary import summarise
from pipeline.holter.variability import variability
from pipeline.records import Gap


def beats(rr_s: list[float], kinds: str | None = None) -> HolterBeats:
    """Return beats with these intervals, the first of which ends at the second beat."""
    time_s = np.concatenate([[0.0], np.cumsum(rr_s)])
    kind = np.array(list(kinds or "N" * len(time_s)))
    return HolterBeats(time_s, np.concatenate([[np.nan], rr_s]), kind)


def test_variability_of_five_intervals_is_that_worked_out_by_hand() -> None:
    v = variability(beats([0.80, 0.86, 0.80, 0.74, 0.80]), 5.0)
    assert v.intervals == 5
    assert v.mean_nn == pytest.approx(800.0)
    assert v.sdnn == pytest.approx(math.sqrt((60**2 + 60**2) / 4))  # n - 1 = 4
    assert v.rmssd == pytest.approx(60.0)  # differences +60, -60, -60, +60 ms
    assert v.pnn50 == 100.0
    # 1/128 s is 7.8125 ms: 800 ms falls into bin 102, 860 into 110, 740 into 94; 5 intervals, 3 in the highest.
    assert v.triangular_index == pytest.approx(5 / 3)


def test_fifty_milliseconds_are_not_more_than_fifty() -> None:
    assert variability(beats([0.80, 0.85, 0.80]), 3.0).pnn50 == 0.0
    assert variability(beats([0.80, 0.851, 0.80]), 3.0).pnn50 == 100.0


def test_segments_of_five_minutes_have_means_and_deviations() -> None:
    # 300 intervals of 1.0 s, then 0.5 s: means 1000 and 500 ms, no deviation inside.
    v = variability(beats([1.0] * 299 + [0.5] * 600), 600.0)
    assert v.segments == 2
    assert v.sdann == pytest.approx(math.sqrt(2 * 250**2), rel=5e-3)  # a beat of 0.5 s is in the first
    assert v.sdnn_index == pytest.approx(0.0, abs=20.0)
    short = variability(beats([1.0] * 100), 101.0)
    assert short.segments == 0
    assert math.isnan(short.sdann)


def test_an_ectopic_beat_parts_normal_ones() -> None:
    # N N V N N: only the first and the last interval are between normal beats, and they stand side by side nowhere.
    v = variability(beats([0.8, 0.5, 1.1, 0.9], "NNVNN"), 4.0)
    assert v.intervals == 2
    assert math.isnan(v.rmssd)
    assert v.mean_nn == pytest.approx(850.0)


def test_a_gap_parts_beats() -> None:
    annotations = Annotations(np.array([0, 100, 500, 600]), np.array(["N"] * 4), ("",) * 4, 100.0)
    gap = Gap("r", 1.5, 4.5, "missing")
    found = reference_beats(annotations, [gap])
    np.testing.assert_array_equal(found.rr_s, [np.nan, 1.0, np.nan, 1.0])
    s = summarise(found, 7.0, [gap, Gap("r", 2.0, 5.0, "flat")])
    assert s.pauses == 0  # 4 s without a beat, but nothing was there to see
    assert s.analysable_h == pytest.approx((7.0 - 3.5) / 3600)  # overlapping gaps count once
    assert s.rate_mean == pytest.approx(60.0)


def test_couplets_runs_and_bigeminy_are_counted_once() -> None:
    kinds = "NVN" + "VVN" + "VVVN" + "NVNVNVN" + "VVVVVN"
    e = ectopy(beats([0.6] * (len(kinds) - 1), kinds), "V", hours=2.0)
    assert (e.beats, e.single, e.couplets, e.bigeminy, e.runs) == (14, 4, 1, 1, 2)
    assert e.per_hour == 7.0
    assert e.share == pytest.approx(100 * 14 / len(kinds))
    assert e.longest is not None
    assert e.longest.beats == 5
    assert e.longest.seconds == pytest.approx(2.4)
    assert e.longest.rate_bpm == pytest.approx(100.0)
    none = ectopy(beats([0.6] * 9), "V", hours=0.0)
    assert (none.beats, none.longest) == (0, None)
    assert math.isnan(none.per_hour)


def test_a_gap_ends_a_run() -> None:
    parted = beats([0.4] * 5, "VVVVVV")
    parted.rr_s[3] = np.nan
    e = ectopy(parted, "V", hours=1.0)
    assert (e.runs, e.longest.beats if e.longest else 0) == (2, 3)


def test_pauses_and_rates_stand_with_their_times() -> None:
    rr = [1.0] * 10 + [2.5] + [1.0] * 10 + [0.5] * 10
    s = summarise(beats(rr), sum(rr) + 1.0, [])
    assert s.pauses == 1
    assert s.longest_rr is not None
    assert (s.longest_rr.value, s.longest_rr.time_s) == (2.5, 12.5)
    assert s.rate_max is not None
    assert s.rate_max.value == pytest.approx(120.0)
    assert s.rate_min is not None
    assert s.rate_min.value == pytest.approx(60 * 8 / 9.5)
    assert sum(hour.beats for hour in s.by_hour) == len(rr) + 1


def test_hours_add_up_to_the_record() -> None:
    rr = [0.8] * 10_000
    s = summarise(beats(rr), 8000.0, [Gap("r", 3000.0, 4000.0, "flat")])
    assert [round(hour.analysable_s) for hour in s.by_hour] == [3000, 3200, 800]
    assert sum(hour.beats for hour in s.by_hour) + 1 == s.beats  # the last beat is at the record's end


def test_a_record_without_a_beat_has_dashes_and_no_error() -> None:
    s = summarise(found_beats([], []), 60.0, [])
    assert (s.beats, s.rate_min, s.longest_rr, s.variability.intervals) == (0, None, None, 0)
    assert math.isnan(s.rate_mean)
