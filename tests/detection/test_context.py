from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.detection.context import FIRST, MARGIN, QRS, WINDOW, Context
from pipeline.detection.contextual import ContextualBeats
from pipeline.detection.surroundings import NOISE_AFTER, NOISE_BEFORE, P_WAVE

SAMPLES = WINDOW + 2 * MARGIN
Floats = NDArray[np.float64]
Arrays = tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_]]


def shape(width: float = 3.0, height: float = 1.0, at: float = 65.0) -> Floats:
    t = np.arange(SAMPLES)
    qrs = height * np.exp(-0.5 * ((t - at) / width) ** 2)
    return np.stack([qrs + 0.2 * np.exp(-0.5 * ((t - 100) / 8) ** 2), -0.6 * qrs])


def patient(n: int, seed: int = 0, noise: float = 0.02) -> Arrays:
    rng = np.random.default_rng(seed)
    time = np.cumsum(0.8 + 0.01 * rng.normal(size=n))
    window = shape()[None] * (1 + 0.05 * rng.normal(size=(n, 1, 1))) + noise * rng.normal(size=(n, 2, SAMPLES))
    return time, window, np.ones((n, 2), dtype=np.bool_), np.arange(n) == 0


def part(arrays: Arrays, first: int, stop: int) -> Arrays:
    time, window, present, broken = arrays
    return time[first:stop], window[first:stop], present[first:stop], broken[first:stop]


def columns(beats: ContextualBeats) -> dict[str, NDArray[np.generic]]:
    return {name: getattr(beats, name) for name in ContextualBeats.__slots__}


def distance(beats: ContextualBeats) -> Floats:
    """Log of the mean absolute residual, shape (n, leads); NaN in a lead that is not there."""
    there = np.where(beats.present, 1.0, np.nan)
    log: Floats = np.log(np.abs(beats.residual[:, :, QRS]).mean(axis=2) * there + 1e-9)
    return log


def test_usual_beats_lie_near_and_a_wide_one_far() -> None:
    time, window, present, broken = patient(200)
    window[150] = shape(width=10.0)
    beats = Context(2).advance(time, window, present, broken)
    usual = np.delete(np.arange(FIRST + 20, 200), 150 - FIRST - 20)
    assert distance(beats)[usual].max() < 0.5
    assert distance(beats)[150].min() > 1.5
    assert not beats.near[150]


def test_the_first_beats_have_no_score() -> None:
    beats = Context(2).advance(*patient(FIRST + 5))
    assert (beats.member[:FIRST] == -1).all()
    assert (beats.member[FIRST:] == 0).all()


def test_the_first_template_is_the_usual_beat_even_if_every_other_beat_is_ectopic() -> None:
    time, window, present, broken = patient(120)
    time = np.cumsum(np.where(np.arange(120) % 2 == 1, 0.55, 1.05))
    window[1::2] = shape(width=11.0, height=-1.2)
    beats = Context(2).advance(time, window, present, broken)
    assert distance(beats)[60::2].max() < 0.5
    assert distance(beats)[61::2].min() > 1.0


def test_a_premature_beat_is_premature_and_on_time_beats_are_not() -> None:
    time, window, present, broken = patient(100)
    time[80] -= 0.3
    beats = Context(2).advance(time, window, present, broken)
    assert beats.prematurity[80] > 0.3
    assert not beats.on_time[80]
    assert beats.on_time[40:80].all()


def test_an_early_shape_is_never_trusted_and_a_shape_on_time_is() -> None:
    time, window, present, broken = patient(400)
    window[200:] = shape(width=8.0)[None] + 0.02 * np.random.default_rng(3).normal(size=(200, 2, SAMPLES))
    on_time = Context(2).advance(time, window, present, broken)
    assert on_time.near[-50:].all()  # a block that comes to stay at the patient's own rate
    rr = np.where((np.arange(400) >= 200) & (np.arange(400) % 2 == 0), 0.5, 0.8)
    window[201::2] = patient(400)[1][201::2]
    early = Context(2).advance(np.cumsum(rr), window, present, broken)
    assert not early.near[200::2].any()


@pytest.mark.parametrize("gain", [0.1, 10.0])
def test_amplitude_does_not_matter(gain: float) -> None:
    time, window, present, broken = patient(150)
    plain = Context(2).advance(time, window, present, broken)
    scaled = Context(2).advance(time, gain * window, present, broken)
    np.testing.assert_allclose(distance(scaled), distance(plain), atol=1e-5)


def test_a_shift_and_an_offset_are_taken_out() -> None:
    time, window, present, broken = patient(150)
    window[120] = shape(at=68.0) + 0.3
    beats = Context(2).advance(time, window, present, broken)
    assert beats.near[120]


def test_batches_of_any_size_give_the_same_bits() -> None:
    arrays = patient(200)
    whole = columns(Context(2).advance(*arrays))
    context = Context(2)
    parts = [columns(context.advance(*part(arrays, i, i + 7))) for i in range(0, 200, 7)]
    for name, column in whole.items():
        np.testing.assert_array_equal(np.concatenate([piece[name] for piece in parts]), column, err_msg=name)


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    arrays = patient(200)
    whole = columns(Context(2).advance(*arrays))
    for at in (10, FIRST, 100):
        first, second = Context(2), Context(2)
        first.advance(*part(arrays, 0, at))
        second.restore(first.snapshot())
        rest = columns(second.advance(*part(arrays, at, 200)))
        for name, column in whole.items():
            np.testing.assert_array_equal(rest[name], column[at:], err_msg=name)


def test_without_learning_nothing_changes() -> None:
    arrays = patient(200)
    context = Context(2)
    context.advance(*part(arrays, 0, 150))
    before = context.snapshot()
    once = context.advance(*part(arrays, 150, 160), learn=False)
    again = context.advance(*part(arrays, 150, 160), learn=False)
    np.testing.assert_array_equal(distance(once), distance(again))
    for name, value in context.snapshot().items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


def test_a_missing_lead_leaves_the_other_as_it_was() -> None:
    time, window, present, broken = patient(150)
    present[100:110, 1] = False
    window[100:110, 1] = 0.0
    beats = Context(2).advance(time, window, present, broken)
    assert np.isnan(distance(beats)[100:110, 1]).all()
    assert distance(beats)[100:150, 0].max() < 0.5
    assert distance(beats)[110:150, 1].max() < 0.5


def test_a_beat_without_any_lead_is_not_scored_and_teaches_nothing() -> None:
    time, window, present, broken = patient(150)
    present[100] = False
    beats = Context(2).advance(time, window, present, broken)
    assert beats.member[100] == -1
    assert beats.near[101:].all()


def test_one_lead_is_enough() -> None:
    time, window, present, broken = patient(150)
    beats = Context(1).advance(time, window[:, :1].copy(), present[:, :1].copy(), broken)
    assert beats.near[FIRST:].all()


def test_a_lead_of_noise_has_no_say_until_the_beat_stands_out_in_it() -> None:
    time, window, present, broken = patient(700)
    window[:300, 0] = 0.5 * np.random.default_rng(5).normal(size=(300, SAMPLES))
    window[120:280:5] += np.where(np.arange(2)[:, None] == 1, 2.0 * (shape(width=10.0) - shape()), 0.0)
    beats = Context(2).advance(time, window, present, broken)
    assert not beats.present[FIRST:300, 0].any()
    assert beats.present[:, 1].all()
    assert not beats.near[120:280:5].any()  # the lead of noise finds nothing strange in them
    assert distance(beats)[120:280:5, 1].min() > 1.0
    assert np.isnan(distance(beats)[FIRST:300, 0]).all()
    assert beats.present[600:].all()  # it has learnt meanwhile


def test_leads_that_are_all_of_noise_are_all_heard() -> None:
    time, window, present, broken = patient(100)
    window[:] = np.random.default_rng(6).normal(size=window.shape)
    beats = Context(2).advance(time, window, present, broken)
    assert beats.present.all()


def test_a_noisy_beat_has_noisy_surroundings_and_a_wide_one_has_not() -> None:
    time, window, present, broken = patient(200)
    window[150] = shape() + 0.3 * np.random.default_rng(5).normal(size=(2, SAMPLES))
    window[170] = shape(width=7.0)
    excess = Context(2).advance(time, window, present, broken).excess
    assert excess[150, :, [NOISE_BEFORE, NOISE_AFTER]].min() > 1.5
    assert excess[170, :, [NOISE_BEFORE, NOISE_AFTER]].max() < 0.7


def test_a_p_wave_that_moves_stands_out() -> None:
    time, window, present, broken = patient(200)
    t = np.arange(SAMPLES)
    p_wave = 0.1 * np.exp(-0.5 * ((t - 35) / 4) ** 2)
    moved = 0.1 * np.exp(-0.5 * ((t - 18) / 4) ** 2)
    window += p_wave
    window[150] += moved - p_wave
    excess = Context(2).advance(time, window, present, broken).excess
    usual = np.delete(np.arange(FIRST + 20, 200), 150 - FIRST - 20)
    assert excess[150, :, P_WAVE].min() > 0.6
    assert np.median(np.abs(excess[usual, :, P_WAVE])) < 0.3


def test_what_the_beats_just_before_had_in_common_is_carried_as_recent() -> None:
    time, window, present, broken = patient(200, noise=0.005)
    window[150:160] = shape() * 1.15
    beats = Context(2).advance(time, window, present, broken)
    peak = 60 - QRS.start
    before, within = beats.recent[149, 0, QRS][peak], beats.recent[156, 0, QRS][peak]
    assert within > before + 0.5


def test_a_held_beat_teaches_nothing_and_is_set_against_the_context_all_the_same() -> None:
    arrays = patient(200)
    arrays[1][100:140] = shape(width=10.0, height=3.0)
    held = (np.arange(200) >= 100) & (np.arange(200) < 140)
    context = Context(2)
    context.advance(*part(arrays, 0, 100))
    before = context.snapshot()
    beats = context.advance(*part(arrays, 100, 140), held[100:140])
    after = context.snapshot()
    assert distance(beats).min() > 0.5
    moved = {name for name in before if not np.array_equal(before[name], after[name], equal_nan=True)}
    assert moved == {"rhythm"}  # when the last beat was; of the rest of the rhythm nothing but the change across it
    differs = before["rhythm"] != after["rhythm"]
    assert not np.isfinite(after["rhythm"][differs]).sum() > 1

    taught = Context(2)
    taught.advance(*part(arrays, 0, 140))
    assert not np.array_equal(taught.snapshot()["scale"], before["scale"])


def test_beats_that_are_held_at_the_start_are_none_of_the_first() -> None:
    arrays = patient(FIRST + 20)
    held = np.arange(FIRST + 20) < 10
    beats = Context(2).advance(*arrays, held)
    assert np.flatnonzero(beats.member >= 0)[0] == FIRST + 10
