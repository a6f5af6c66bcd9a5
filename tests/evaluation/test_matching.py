from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wfdb.processing import compare_annotations

from pipeline.evaluation.matching import inside, match_beats

FS = 100.0
WINDOW = 15


def plain_match(reference: list[int], detected: list[int]) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Match beats as bxb's main loop says it, word by word, without a learning period: slow and obvious."""
    far = 10**9
    beats, found = [*reference, far, 2 * far], [*detected, far, 2 * far]
    pairs, missed, extra = [], [], []
    i = j = 0
    while i < len(reference) or j < len(detected):
        if found[j] < beats[i]:
            distance = beats[i] - found[j]
            if distance <= WINDOW and distance < abs(beats[i] - found[j + 1]):
                pairs.append((i, j))
                i, j = i + 1, j + 1
            else:
                extra.append(j)
                j += 1
        else:
            distance = found[j] - beats[i]
            if distance <= WINDOW and distance < abs(found[j] - beats[i + 1]):
                pairs.append((i, j))
                i, j = i + 1, j + 1
            else:
                missed.append(i)
                i += 1
    return pairs, missed, extra


positions = st.lists(st.integers(0, 3000), max_size=60, unique=True).map(sorted)


@given(positions, positions)
def test_matching_is_what_the_plain_loop_of_bxb_says(reference: list[int], detected: list[int]) -> None:
    matching = match_beats(reference, detected, FS, start_s=0.0)
    pairs, missed, extra = plain_match(reference, detected)
    assert list(zip(matching.reference, matching.detection, strict=True)) == pairs
    assert matching.missed.tolist() == missed
    assert matching.extra.tolist() == extra


@given(positions, positions, st.integers(0, 30))
def test_every_beat_after_the_start_is_matched_missed_or_extra_once(
    reference: list[int], detected: list[int], start_s: int
) -> None:
    matching = match_beats(reference, detected, FS, start_s=start_s)
    counted = [i for i, r in enumerate(reference) if r >= start_s * FS]
    assert sorted([*matching.reference, *matching.missed]) == counted
    seen = [*matching.detection, *matching.extra]
    assert len(set(seen)) == len(seen)
    late = {j for j, d in enumerate(detected) if d >= start_s * FS}
    assert len(late - set(seen)) <= 1  # the one that belongs to a beat of the learning period
    assert all(b > a for a, b in pairwise(matching.detection))
    if len(matching.reference):
        assert np.abs(np.array(reference)[matching.reference] - np.array(detected)[matching.detection]).max() <= WINDOW


@settings(max_examples=50)
@given(
    st.lists(st.integers(40, 150), min_size=3, max_size=40),
    st.lists(st.integers(-10, 10), min_size=40, max_size=40),
    st.sets(st.integers(0, 39), max_size=10),
)
def test_beats_that_lie_apart_are_counted_as_wfdb_counts_them(
    intervals: list[int], jitter: list[int], lost: set[int]
) -> None:
    reference = np.cumsum(intervals) + 100
    detected = np.array([r + j for k, (r, j) in enumerate(zip(reference, jitter, strict=False)) if k not in lost])
    if not len(detected):
        return
    theirs = compare_annotations(reference, detected, WINDOW + 1)  # its window is exclusive
    ours = match_beats(reference, detected, FS, start_s=0.0)
    assert (len(ours.reference), len(ours.missed), len(ours.extra)) == (theirs.tp, theirs.fn, theirs.fp)


def test_a_beat_is_matched_at_150_ms_and_not_beyond() -> None:
    assert len(match_beats([1000], [1015], FS, start_s=0.0).reference) == 1
    assert len(match_beats([1000], [1016], FS, start_s=0.0).reference) == 0


def test_the_nearer_of_two_detections_wins() -> None:
    matching = match_beats([1000], [990, 1004], FS, start_s=0.0)
    assert matching.detection.tolist() == [1]
    assert matching.extra.tolist() == [0]


def test_a_detection_of_the_learning_period_serves_the_first_beat_after_it() -> None:
    matching = match_beats([1005], [995], FS, start_s=10.0)
    assert matching.reference.tolist() == [0]
    assert matching.detection.tolist() == [0]


def test_a_detection_that_belongs_to_a_beat_of_the_learning_period_is_not_counted() -> None:
    matching = match_beats([995, 1100], [1005, 1100], FS, start_s=10.0)
    assert matching.reference.tolist() == [1]
    assert len(matching.extra) == 0


def test_flutter_is_left_out_with_the_beats_and_the_detections_inside() -> None:
    matching = match_beats([100, 200, 300, 400], [100, 210, 250, 400], FS, start_s=0.0, leave_out=[(150, 350)])
    assert matching.reference.tolist() == [0, 3]
    assert len(matching.missed) == 0
    assert len(matching.extra) == 0


def test_a_detection_inside_flutter_may_serve_a_beat_just_outside() -> None:
    assert len(match_beats([360], [345], FS, start_s=0.0, leave_out=[(150, 350)]).reference) == 1


def test_ends_of_a_stretch_are_inside() -> None:
    assert inside([149, 150, 350, 351], [(150, 350)]).tolist() == [False, True, True, False]


def test_nothing_matches_nothing() -> None:
    matching = match_beats([], [], FS)
    assert [len(part) for part in (matching.reference, matching.missed, matching.extra)] == [0, 0, 0]


@pytest.mark.parametrize(("reference", "fs"), [([5, 3], 100.0), ([3, 5], 0.0), ([3, 5], float("nan"))])
def test_unordered_beats_and_impossible_rates_are_refused(reference: list[int], fs: float) -> None:
    with pytest.raises(ValueError, match=r"fs must be positive|ascending"):
        match_beats(reference, [1], fs)
