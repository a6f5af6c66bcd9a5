from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.annotations import Annotations
from pipeline.evaluation.beats import JudgedBeats, judge
from pipeline.evaluation.labels import in_sinus_rhythm, reference_beats

Make = Callable[..., Annotations]


def test_every_beat_symbol_has_the_class_that_ec57_gives_it(make_annotations: Make) -> None:
    symbols = "NLRBejAaJSnVErF/fQ?"
    beats = reference_beats(make_annotations(range(len(symbols)), symbols))
    assert "".join(beats.aami) == "NNNNNNSSSSSVVVFQQQQ"


def test_what_is_no_beat_is_left_out(make_annotations: Make) -> None:
    beats = reference_beats(make_annotations(range(8), '+N[!]~V"'))
    assert beats.sample.tolist() == [1, 6]


def test_a_normal_beat_in_atrial_fibrillation_is_flagged(make_annotations: Make) -> None:
    annotations = make_annotations([0, 10, 20, 30, 40, 50], "+N+N+N", notes={0: "(N", 2: "(AFIB", 4: "(SBR"})
    assert reference_beats(annotations).sinus.tolist() == [True, False, True]


def test_a_rhythm_holds_from_its_label_on(make_annotations: Make) -> None:
    annotations = make_annotations([20, 40], "++", notes={0: "(AFIB", 1: "(N"})
    assert in_sinus_rhythm([0, 19, 20, 39, 40, 99], annotations).tolist() == [True, True, False, False, True, True]


def test_a_database_without_rhythm_labels_counts_as_sinus(make_annotations: Make) -> None:
    assert reference_beats(make_annotations([1, 2], "NV")).sinus.all()
    assert in_sinus_rhythm([1, 2], make_annotations([], "")).all()


def test_no_annotations_give_no_beats(make_annotations: Make) -> None:
    assert len(reference_beats(make_annotations([], ""))) == 0


def judged(make_annotations: Make, peaks: list[int], scores: list[float], flags: list[bool]) -> JudgedBeats:
    annotations = make_annotations([31_000, 31_100, 31_200, 31_300], "NVQN")
    columns = {"score": scores, "is_anomaly": flags}
    return judge("r", annotations, peaks, columns, fs=100.0, n_samples=33_600)


def test_a_row_is_a_reference_beat_or_a_false_detection_in_time_order(make_annotations: Make) -> None:
    beats = judged(make_annotations, [31_002, 31_150, 31_205, 31_290], [1.0, 2.0, 3.0, 4.0], [False, True, True, False])
    assert "".join(beats.aami) == "NVOQN"
    assert beats.missed.tolist() == [False, True, False, False, False]
    assert beats.score.tolist() == [1.0, -np.inf, 2.0, 3.0, 4.0]
    assert beats.is_anomaly.tolist() == [False, False, True, True, False]


def test_q_is_neither_anomalous_nor_normal_and_a_false_detection_is_normal(make_annotations: Make) -> None:
    beats = judged(make_annotations, [31_002, 31_150, 31_205, 31_290], [1.0, 2.0, 3.0, 4.0], [False] * 4)
    assert beats.anomalous.tolist() == [False, True, False, False, False]
    assert beats.normal.tolist() == [True, False, True, False, True]


def test_an_unscorable_beat_counts_as_missed_and_its_verdict_as_none(make_annotations: Make) -> None:
    beats = judged(make_annotations, [31_000, 31_100, 31_200, 31_300], [np.nan, np.nan, 1.0, 1.0], [True] * 4)
    assert beats.missed.tolist() == [True, True, False, False]
    assert beats.is_anomaly.tolist() == [False, False, True, True]
    assert beats.normal.tolist() == [False, False, False, True]


def test_annotations_may_count_at_another_rate_than_the_record(make_annotations: Make) -> None:
    annotations = make_annotations([62_000, 62_200], "NV", fs=200.0)
    beats = judge("r", annotations, [31_000, 31_100], {"score": [0.0, 1.0]}, fs=100.0, n_samples=33_000)
    assert not beats.missed.any()
    assert beats.time_s.tolist() == [310.0, 311.0]


def test_flutter_shortens_the_judged_time(make_annotations: Make) -> None:
    annotations = make_annotations([29_000, 33_600, 37_200], "[]N")
    beats = judge("r", annotations, [37_200], {"score": [0.0]}, fs=100.0, n_samples=66_000)
    assert beats.hours == (660 - 300 - 36) / 3600


def test_normal_beats_of_other_rhythms_are_set_aside_and_anomalies_stay(make_annotations: Make) -> None:
    annotations = make_annotations([30_000, 30_100, 30_200, 30_300], "+NVN", notes={0: "(AFIB"})
    peaks = [30_100, 30_200, 30_250, 30_300]
    beats = judge("r", annotations, peaks, {"score": np.zeros(4)}, fs=100.0, n_samples=31_000)
    assert "".join(beats.aami) == "NVON"
    assert "".join(beats.without_other_rhythms().aami) == "V"
