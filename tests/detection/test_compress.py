from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipeline.detection.compress import bytes_of, nonzero_of, operations_of, pruned, quantised
from pipeline.detection.model import BeatModel
from pipeline.detection.network import BeatNetwork

Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]


@pytest.fixture(scope="module")
def network(model: BeatModel) -> BeatNetwork:
    return model.network


@pytest.fixture(scope="module")
def beats(network: BeatNetwork) -> Arrays:
    s, rng = network.shape, np.random.default_rng(0)
    residual = rng.normal(size=(64, s.steps, s.channels)).astype(np.float32)
    return residual, rng.normal(size=(64, s.steps, s.conditions)).astype(np.float32)


def test_operations_are_the_weights_times_the_steps_that_they_run_in(network: BeatNetwork) -> None:
    s = network.shape
    lstm = 4 * s.hidden * s.hidden
    encoder = lstm + 4 * s.hidden * (s.channels + s.conditions)
    decoder = lstm + 4 * s.hidden * (s.latent + s.conditions)
    expected = s.steps * (encoder + decoder + s.hidden * s.channels) + s.hidden * s.latent
    assert operations_of(network) == pytest.approx(expected, abs=5)  # a weight may be 0 by chance
    assert bytes_of(network) == 4 * sum(p.numel() for p in network.parameters())


def test_pruning_leaves_out_the_smallest_weights_and_the_network_as_it_was(network: BeatNetwork, beats: Arrays) -> None:
    before = network.frozen().run(*beats)
    smaller = pruned(network, 0.5)
    assert operations_of(smaller) == pytest.approx(operations_of(network) / 2, rel=0.05)
    assert nonzero_of(smaller) < nonzero_of(network)
    assert bytes_of(smaller) < bytes_of(network)
    left = dict(smaller.named_parameters())
    matrices = {name: p.detach() for name, p in network.named_parameters() if p.ndim == 2}
    kept = torch.cat([p[left[name] != 0].abs() for name, p in matrices.items()])
    gone = torch.cat([p[left[name] == 0].abs() for name, p in matrices.items()])
    assert kept.min() >= gone.max()
    assert (smaller.frozen().run(*beats) != before).any()
    np.testing.assert_array_equal(network.frozen().run(*beats), before)


def test_eight_bits_are_a_quarter_of_the_bytes_and_near_the_same(network: BeatNetwork, beats: Arrays) -> None:
    smaller = quantised(network)
    assert bytes_of(smaller) < 0.35 * bytes_of(network)
    away = np.abs(smaller.frozen().run(*beats) - network.frozen().run(*beats))
    assert away.mean() < 0.1


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_share_that_cannot_be_is_named(network: BeatNetwork, share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        pruned(network, share)
