from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.annotations import Annotations
from pipeline.evaluation.matching import match_beats
from pipeline.storage import BeatLabels

FS = 100.0
TOLERANCE = 15  # samples: 150 ms

Beats = list[int]
positions = st.lists(st.integers(0, 400), max_size=25, unique=True).map(sorted)


def labels_of(reference: Beats, fs: float = FS) -> BeatLabels:
    notes = ("",) * len(reference)
    return BeatLabels(Annotations(np.array(reference, np.int64), np.array(["N"] * len(reference)), notes, fs), FS)


def slow_pairs(reference: Beats, found: Beats) -> list[int]:
    """Walk both lists from the left; the earlier beat takes the other one unless that has a nearer one behind it."""
    pairs = [-1] * len(found)
    left, right = list(enumerate(reference)), list(enumerate(found))
    while left and right:
        (i, a), (j, b) = left[0], right[0]
        rivals = [x for _, x in (right if b < a else left)[1:2]]
        is_nearest = all(abs(a - b) < abs((a if b < a else b) - rival) for rival in rivals)
        if abs(a - b) <= TOLERANCE and is_nearest:
            pairs[j] = i
            left, right = left[1:], right[1:]
        elif b < a:
            right = right[1:]
        else:
            left = left[1:]
    return pairs


@given(positions, positions)
def test_pairs_equal_those_of_a_slow_walk_through_both_lists(reference: Beats, found: Beats) -> None:
    assert labels_of(reference).push(found, last=True).tolist() == slow_pairs(reference, found)


@given(positions, positions)
@settings(deadline=None)  # compiles on its first call
def test_pairs_equal_those_of_the_evaluation(reference: Beats, found: Beats) -> None:
    matching = match_beats(reference, found, FS, start_s=0.0)
    pairs = [-1] * len(found)
    for i, j in zip(matching.reference, matching.detection, strict=True):
        pairs[j] = int(i)
    assert labels_of(reference).push(found, last=True).tolist() == pairs


@given(positions, positions, st.integers(1, 9))
def test_beats_that_come_in_pieces_get_the_same_labels(reference: Beats, found: Beats, size: int) -> None:
    labels = labels_of(reference)
    pieces = [labels.push(found[i : i + size]) for i in range(0, len(found), size)] + [labels.push([], last=True)]
    assert np.concatenate(pieces).tolist() == labels_of(reference).push(found, last=True).tolist()


@given(positions, positions)
@settings(max_examples=50)
def test_no_reference_beat_is_given_twice_and_none_beyond_150_ms(reference: Beats, found: Beats) -> None:
    pairs = labels_of(reference).push(found, last=True)
    taken = pairs[pairs >= 0]
    assert len(set(taken.tolist())) == len(taken)
    assert all(abs(reference[i] - b) <= TOLERANCE for i, b in zip(pairs, found, strict=True) if i >= 0)


def test_annotations_at_another_rate_are_laid_on_the_same_time() -> None:
    assert labels_of([250, 500], fs=250.0).push([100, 200], last=True).tolist() == [0, 1]


def test_a_record_that_nobody_annotated_has_no_labels() -> None:
    assert BeatLabels(None, FS).push([1, 2, 3]).tolist() == [-1, -1, -1]


def test_marks_that_are_no_beats_label_nothing() -> None:
    annotations = Annotations(np.array([100, 101, 102]), np.array(["+", "~", "N"]), ("(N", "", ""), FS)
    labels = BeatLabels(annotations, FS)
    assert labels.sample.tolist() == [102]
    assert labels.push([101], last=True).tolist() == [0]


def test_reference_beats_of_a_real_record_label_themselves() -> None:
    folder = Path(os.environ.get("ECG_PHYSIONET_URL", "/nowhere"), "mitdb/1.0.0")
    if not (folder / "208.atr").is_file():
        pytest.skip("set ECG_PHYSIONET_URL to a folder with mitdb")
    read = wfdb.rdann(str(folder / "208"), "atr")
    annotations = Annotations(read.sample, np.array(read.symbol), tuple(read.aux_note), float(read.fs))
    labels = BeatLabels(annotations, 360.0)
    assert labels.push(labels.sample, last=True).tolist() == list(range(len(labels.sample)))
