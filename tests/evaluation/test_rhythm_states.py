from __future__ import annotations

import math

import numpy as np

from pipeline.annotations import Annotations
from pipeline.evaluation.beats import judge
from pipeline.evaluation.rhythm_states import RecordRhythms, judge_states, rhythm_figures
from pipeline.records import RHYTHMS

SINUS, FIBRILLATION, TACHYCARDIA, BIGEMINY = (RHYTHMS.index(name) for name in ("(N", "(AFIB", "(SVTA", "(B"))
RUN = RHYTHMS.index("(VT")


def record(symbols: str, rhythms: dict[int, str], state: list[int], *, lost: tuple[int, ...] = ()) -> RecordRhythms:
    """Judge one beat a second, all after the learning period; a rhythm begins just before a beat."""
    at, text, notes = [], [], []
    for i, symbol in enumerate(symbols):
        if i in rhythms:
            at.append(30_000 + 100 * i - 1)
            text.append("+")
            notes.append(rhythms[i])
        at.append(30_000 + 100 * i)
        text.append(symbol)
        notes.append("")
    annotations = Annotations(np.array(at), np.array(text), tuple(notes), 100.0)
    found = np.array([i for i in range(len(symbols)) if i not in lost])
    beats = judge("r", annotations, 30_000 + 100 * found, {"score": np.zeros(len(found))}, fs=100.0, n_samples=90_000)
    return judge_states(beats, annotations, np.array(state, dtype=np.uint8)[found])


def test_beats_within_a_rhythm_are_counted_by_what_was_told_after_them() -> None:
    state = [SINUS] * 4 + [FIBRILLATION] * 8 + [SINUS] * 4
    one = record("N" * 16, {0: "(N", 6: "(AFIB", 12: "(N"}, state)
    assert (one.annotated["(AFIB"], one.told["(AFIB"], one.both["(AFIB"]) == (6, 8, 6)
    late = record("N" * 16, {0: "(AFIB"}, [SINUS] * 8 + [FIBRILLATION] * 8)
    figures = rhythm_figures([one, late])
    assert (figures.se["(AFIB"], figures.ppv["(AFIB"]) == (14 / 22, 14 / 16)
    assert (figures.records, figures.annotated) == ({"(AFIB": 2}, {"(AFIB": 22})


def test_fibrillation_told_in_flutter_is_neither_right_nor_wrong() -> None:
    one = record("N" * 10, {0: "(AFL", 5: "(N"}, [FIBRILLATION] * 10)
    assert (one.told["(AFIB"], one.both["(AFIB"]) == (5, 0)


def test_a_long_run_is_found_if_it_is_told_within_it() -> None:
    symbols = "NN" + "V" * 6 + "N" + "V" * 5 + "N" + "A" * 7 + "NN"
    state = [SINUS] * len(symbols)
    state[7] = RUN  # at its last beat
    state[13] = RUN  # of a run of five, which does not count
    state[22] = TACHYCARDIA  # after the supraventricular one has ended
    one = record(symbols, {}, state)
    assert (one.runs, one.found) == ({"S": 1, "V": 1}, {"S": 0, "V": 1})
    figures = rhythm_figures([one, one])
    assert (figures.runs, figures.found) == ({"S": 2, "V": 2}, {"S": 0, "V": 2})


def test_a_run_goes_by_all_annotated_beats() -> None:
    one = record("NNVVVNVVVNN", {}, [SINUS] * 11, lost=(5,))
    assert one.runs == {"S": 0, "V": 0}  # what was missed between them is no ventricular beat
    two = record("NNVVVVVVNN", {}, [SINUS] * 6 + [RUN] + [SINUS] * 3, lost=(4,))
    assert (two.runs["V"], two.found["V"]) == (1, 1)


def test_a_beat_that_was_not_detected_tells_nothing_and_a_rhythm_nobody_has_is_no_figure() -> None:
    one = record("NVNVNVNV", {0: "(B"}, [BIGEMINY] * 8, lost=(3, 4))
    assert (one.annotated["(B"], one.both["(B"]) == (6, 6)
    figures = rhythm_figures([one])
    assert list(figures.se) == ["(B"]
    assert not figures.runs
    untold = rhythm_figures([record("NVNVNVNV", {0: "(B"}, [SINUS] * 8)])
    assert untold.se["(B"] == 0.0
    assert math.isnan(untold.ppv["(B"])
