"""The sequence network: torch, the compiled pass, and a reader that carries its state."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipeline.detection.sequence.compiled import CompiledSequence
from pipeline.detection.sequence.heads import STATES, SequenceShape
from pipeline.detection.sequence.network import SequenceNetwork
from pipeline.detection.sequence.reader import SequenceReader, SequenceReading
from pipeline.detection.sequence.tokens import BEFORE, READ, follow_beats, new_memory

Floats = NDArray[np.float64]
Beats = tuple[Floats, Floats, Floats, Floats]
COLUMNS = [name for name in SequenceReading.__slots__ if name != "state"]


def beats(n: int = 400, seed: int = 0) -> Beats:
    """Return intervals, shapes, P waves and noise of a heart with premature beats, a gap and a beat without shape."""
    rng = np.random.default_rng(seed)
    rr = 0.8 * np.exp(rng.normal(0.0, 0.03, n))
    shape, p_wave = rng.normal(-0.2, 0.2, n), rng.normal(-0.1, 0.3, n)
    at = np.arange(40, n - 1, 37)
    rr[at], rr[at + 1], shape[at[::2]] = 0.5, 1.05, 2.0
    rr[[0, n // 3]], shape[n // 2], p_wave[n // 2 + 5] = np.nan, np.nan, np.nan
    return rr, shape, p_wave, np.maximum(rng.normal(0.0, 0.2, n), 0.0)


def part(given: Beats, at: slice) -> Beats:
    """Return some of the beats."""
    rr, shape, p_wave, noise = given
    return rr[at], shape[at], p_wave[at], noise[at]


@pytest.fixture(scope="module")
def network() -> SequenceNetwork:
    """A network that has learnt nothing, with weights large enough for gates to open and shut."""
    network = SequenceNetwork.untrained(3)
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(2.0)
    return network


def test_the_compiled_pass_does_what_torch_does(network: SequenceNetwork) -> None:
    given = beats()
    token, before = np.empty((len(given[0]), READ), dtype=np.float32), np.empty((len(given[0]), BEFORE))
    nobody = np.zeros(len(given[0]), dtype=np.bool_)
    rr, shape, p_wave, noise = given
    follow_beats(rr, shape, p_wave, noise, nobody, new_memory(), token, before)
    frozen = network.frozen()
    classes, interval, states = frozen.run(token, before, nobody, frozen.new_state())
    with torch.inference_mode():
        told = network(torch.from_numpy(token)[None])
    np.testing.assert_allclose(classes[:, 0], told.classes[0], atol=2e-5)
    np.testing.assert_allclose(interval, told.interval[0], atol=2e-5)
    np.testing.assert_allclose(states, told.states[0], atol=2e-5)


@pytest.mark.parametrize("sizes", [(1,), (7, 1, 64), (400,)])
def test_the_same_bits_however_the_beats_come(network: SequenceNetwork, sizes: tuple[int, ...]) -> None:
    given = beats()
    whole = SequenceReader(network.frozen()).read(*given)
    reader, parts, at, k = SequenceReader(network.frozen()), [], 0, 0
    while at < len(given[0]):
        stop = at + sizes[k % len(sizes)]
        parts.append(reader.read(*part(given, slice(at, stop))))
        if k % 5 == 0:  # and after a restart
            state = reader.snapshot()
            reader = SequenceReader(network.frozen())
            reader.restore(state)
        at, k = stop, k + 1
    for name in SequenceReading.__slots__:
        np.testing.assert_array_equal(np.concatenate([getattr(one, name) for one in parts]), getattr(whole, name))


def test_beats_that_are_not_to_be_learnt_leave_the_sequence_where_it_stands(network: SequenceNetwork) -> None:
    given = beats(100)
    reader, other = SequenceReader(network.frozen()), SequenceReader(network.frozen())
    for one in (reader, other):
        one.read(*given)
    rr, shape, p_wave, noise = (np.repeat(column[40:41], 3) for column in given)
    apart = reader.read_apart(rr, shape, p_wave, noise)
    np.testing.assert_array_equal(apart.score, np.repeat(apart.score[:1], 3))
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(reader.read(*given), name), getattr(other.read(*given), name))


def test_of_held_beats_nothing_is_kept(network: SequenceNetwork) -> None:
    given = beats(100)
    reader, other = SequenceReader(network.frozen()), SequenceReader(network.frozen())
    for one in (reader, other):
        one.read(*given)
    strange: Beats = (np.full(30, 0.25), np.full(30, 3.0), np.full(30, 2.0), np.full(30, 1.0))
    told = reader.read(*strange, np.ones(30, dtype=np.bool_))
    assert np.isfinite(told.score).all()
    after = part(given, slice(None))
    after = (np.where(np.arange(100) == 0, 0.8, after[0]), *after[1:])
    taught = SequenceReader(network.frozen())
    taught.read(*given)
    taught.read(*strange)
    apart = [one.read(*after).score for one in (reader, other, taught)]
    np.testing.assert_allclose(apart[0][20:], apart[1][20:], atol=0.2)
    assert np.nanmax(np.abs(apart[2][:20] - apart[1][:20])) > 2 * np.nanmax(np.abs(apart[0][:20] - apart[1][:20]))


def test_what_a_reading_tells_is_in_its_units(network: SequenceNetwork) -> None:
    given = beats()
    told = SequenceReader(network.frozen()).read(*given)
    rr, shape = given[:2]
    assert np.array_equal(np.isnan(told.score), np.isnan(shape))
    known = rr > 0
    assert np.flatnonzero(np.isnan(told.expected_rr)).tolist() == [0, 1]  # nothing is known of the rate yet
    assert np.array_equal(np.isfinite(told.earlier), known & np.isfinite(told.expected_rr))
    assert ((told.earlier[known][1:] >= 0) & (told.earlier[known][1:] <= 1)).all()
    assert set(told.state) <= set(range(len(STATES)))
    assert ((told.state_probability > 1 / len(STATES)) & (told.state_probability <= 1)).all()
    assert not told.rhythm[~known].any()


def test_what_a_part_brings_is_gone_when_it_is_as_usual(network: SequenceNetwork) -> None:
    rr, shape, p_wave, noise = beats(60)
    quiet, loud = shape.copy(), shape.copy()
    loud[50] = 3.0
    told = [SequenceReader(network.frozen()).read(rr, s, p_wave, noise) for s in (quiet, loud)]
    # Whatever the shape is, without what it brings the score is the same.
    rest = [float(one.score[50] - one.shape[50]) for one in told]
    assert rest[0] == pytest.approx(rest[1], abs=1e-9)
    assert told[1].shape[50] > 1.0


def test_weights_of_another_shape_are_named(network: SequenceNetwork) -> None:
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    with pytest.raises(ValueError, match=r"lstm\.weight_hh_l0"):
        CompiledSequence(SequenceShape(hidden=32), weights)
    del weights["states.bias"]
    with pytest.raises(ValueError, match=r"states\.bias"):
        CompiledSequence(network.shape, weights)
