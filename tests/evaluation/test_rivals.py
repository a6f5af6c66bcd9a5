from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.evaluation.beats import judge
from pipeline.evaluation.protocol import DS2
from pipeline.evaluation.ranking import auroc, ranking
from pipeline.evaluation.rivals import RIVALS, prematurity, two_templates
from pipeline.evaluation.rivals.rhythm import rhythm_term, variability

Beats = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_]]


@pytest.fixture(scope="module")
def stream() -> Beats:
    """Ten minutes of a beat a second; from 5:00 on every tenth beat is broad and early."""
    rng = np.random.default_rng(1)
    steps = np.arange(110) - 60
    normal = np.exp(-0.5 * (steps / 4.0) ** 2)
    broad = 1.5 * np.exp(-0.5 * (steps / 12.0) ** 2) - 0.8 * np.exp(-0.5 * ((steps - 30) / 10.0) ** 2)
    strange = np.array([i >= 310 and i % 10 == 0 for i in range(600)])
    shapes = np.where(strange[:, None], broad, normal)
    windows = shapes[:, :, None] * [1.0, 0.6] + 0.03 * rng.normal(size=(600, 110, 2))
    r_peak_s = np.arange(600) + 0.02 * rng.normal(size=600) - 0.3 * strange
    return windows.astype(np.float32), r_peak_s, strange


@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_finds_what_is_plainly_strange(name: str, stream: Beats) -> None:
    windows, r_peak_s, strange = stream
    scores = RIVALS[name](windows, r_peak_s)
    assert scores.shape == (600,)
    assert auroc(scores[300:], strange[300:]) > 0.95


@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_knows_no_beat_that_is_to_come(name: str, stream: Beats) -> None:
    windows, r_peak_s, _ = stream
    np.testing.assert_allclose(RIVALS[name](windows[:450], r_peak_s[:450]), RIVALS[name](windows, r_peak_s)[:450])


@pytest.mark.parametrize("name", RIVALS)
def test_amplitude_changes_no_score(name: str, stream: Beats) -> None:
    windows, r_peak_s, _ = stream
    louder = RIVALS[name]((4 * windows).astype(np.float32), r_peak_s)
    np.testing.assert_allclose(louder, RIVALS[name](windows, r_peak_s), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in RIVALS if name != "prematurity"])
def test_a_beat_without_any_lead_has_no_score_and_spoils_no_other(name: str, stream: Beats) -> None:
    windows, r_peak_s, strange = stream
    holes = windows.copy()
    holes[100:400:7, :5, 0] = np.nan
    holes[100:400:21, 50, 1] = np.nan
    scores = RIVALS[name](holes, r_peak_s)
    missing: NDArray[np.bool_] = np.any(np.isnan(holes), axis=1)
    lost = missing[:, 0] & missing[:, 1]
    assert np.array_equal(np.isnan(scores), lost)
    kept = np.flatnonzero(~lost[300:])
    assert auroc(scores[300:][kept], strange[300:][kept]) > 0.9


@pytest.mark.parametrize("name", [name for name in RIVALS if name != "prematurity"])
def test_one_lead_is_enough(name: str, stream: Beats) -> None:
    windows, r_peak_s, strange = stream
    absent = windows.copy()
    absent[:, :, 1] = np.nan
    np.testing.assert_allclose(
        auroc(RIVALS[name](absent, r_peak_s)[300:], strange[300:]),
        auroc(RIVALS[name](windows[:, :, :1], r_peak_s)[300:], strange[300:]),
        atol=0.02,
    )


@pytest.mark.parametrize("name", [name for name in RIVALS if name != "prematurity"])
def test_without_a_learning_period_nothing_is_scored(name: str, stream: Beats) -> None:
    windows, r_peak_s, _ = stream
    assert np.isnan(RIVALS[name](windows, r_peak_s + 400)).all()


def test_windows_of_another_shape_are_refused(stream: Beats) -> None:
    windows, r_peak_s, _ = stream
    with pytest.raises(ValueError, match="windows of shape"):
        two_templates(windows[:, :100], r_peak_s)


def test_prematurity_is_the_log_of_the_mean_interval_over_the_interval() -> None:
    scores = prematurity([0.0, 1.0, 2.0, 2.5])
    np.testing.assert_allclose(scores, [0.0, 0.0, 0.0, np.log(2.0)])


def test_a_long_gap_does_not_make_the_beats_after_it_premature() -> None:
    r_peak_s = np.concatenate([np.arange(100.0), np.arange(100.0) + 5000.0])
    assert prematurity(r_peak_s)[101:].max() < 0.1


def test_bigeminy_counts_as_steady_and_fibrillation_does_not() -> None:
    bigeminy = np.cumsum(np.tile([0.6, 1.1], 200))
    fibrillation = np.cumsum(np.random.default_rng(0).uniform(0.4, 1.2, size=400))
    assert variability(bigeminy)[-1] < 1e-9
    assert variability(fibrillation)[-1] > 0.05
    assert 0.0 <= rhythm_term(fibrillation).max() <= 2.0


def test_a_bundle_branch_block_that_stays_is_learnt_and_ectopic_beats_are_not(stream: Beats) -> None:
    windows, _, _ = stream
    other = windows[310]
    rng = np.random.default_rng(2)
    block = windows.copy()
    block[300:] = other + 0.03 * rng.normal(size=(300, 110, 2))
    on_time = two_templates(block, np.arange(600.0))
    assert on_time[300] > 1.0
    assert np.median(on_time[400:]) < 0.5

    ectopic = windows.copy()
    early = np.arange(600) % 2 == 1
    early[:300] = False
    ectopic[early] = other + 0.03 * rng.normal(size=(early.sum(), 110, 2))
    bigeminy = two_templates(ectopic, np.arange(600.0) - 0.3 * early)
    assert np.min(bigeminy[early]) > 1.0


FLOOR = {
    "prematurity": (0.938, 0.820, 0.930, 0.709),
    "template": (0.981, 0.889, 0.976, 0.848),
    "two_templates": (0.984, 0.914, 0.985, 0.911),
}


@pytest.fixture(scope="module")
def ds2(real_record: Callable[[str], Any]) -> list[tuple[Any, NDArray[np.int64], NDArray[np.float32]]]:
    records = [real_record(name) for name in DS2]
    return [(record, record.reference.beats()[0], record.windows()) for record in records]


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOOR)
def test_rivals_reach_the_published_floor_on_ds2(name: str, ds2: list[Any]) -> None:
    judged = [
        judge(
            record.name,
            record.reference,
            peaks,
            {"score": RIVALS[name](windows, peaks / record.fs)},
            fs=record.fs,
            n_samples=record.n_samples,
        )
        for record, peaks, windows in ds2
    ]
    figures = ranking(judged, n_boot=0).figures
    reached = [figures[f] for f in ("macro.auroc", "macro.auprc", "pooled.auroc", "pooled.auprc")]
    np.testing.assert_allclose(reached, FLOOR[name], atol=0.01)
