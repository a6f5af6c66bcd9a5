"""How long recurrent layers remember: how far gradients reach back through a plain RNN and an LSTM (measured).

Bengio et al. (1994, doi:10.1109/72.279181) and Hochreiter and Schmidhuber (1997, doi:10.1162/neco.1997.9.8.1735).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.detection.torch_forward import one_thread

__all__ = ["LAYERS", "Learnt", "foretell_samples", "gradient_by_age", "remember_first"]

# Layers by how their weights start: as torch draws them, or so that they keep what they have read. Both kinds need it.
LAYERS: dict[str, tuple[type[nn.RNN | nn.LSTM], bool]] = {
    "plain RNN": (nn.RNN, False),
    "plain RNN, orthogonal start": (nn.RNN, True),
    "LSTM, gates half open": (nn.LSTM, False),
    "LSTM, forget gates open": (nn.LSTM, True),
}


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """A layer with its dense output, trained, and how that went.

    Attributes
    ----------
    layer : RNN or LSTM of torch
        The layer.
    loss : ndarray, shape (steps of training,)
        Its loss by training step.
    figure : float
        What came of it on sequences that it has not seen: see the function that trained it.
    gradient : ndarray, shape (steps,)
        How much of a gradient reaches back so many steps, see :func:`gradient_by_age`.
    """

    layer: nn.RNN | nn.LSTM
    loss: NDArray[np.float64]
    figure: float
    gradient: NDArray[np.float64]


@one_thread()
def gradient_by_age(layer: nn.RNN | nn.LSTM, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how much of the last hidden state's gradient reaches the input of so many steps before.

    Parameters
    ----------
    layer : RNN or LSTM of torch
        One that takes batches first.
    x : ndarray of float32, shape (n, steps, inputs)
        Sequences.

    Returns
    -------
    ndarray of float64, shape (steps,)
        Mean norm of the gradient by age, over that of age 0: 1 for the last input, then the one before it, ...
    """
    read = torch.from_numpy(x).requires_grad_()
    shown, _ = layer(read)
    # Every unit of the last state with a random sign, so that units do not cancel each other the same way everywhere.
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, shown[:, -1].shape, generator=generator) * 2.0 - 1.0
    (gradient,) = torch.autograd.grad((shown[:, -1] * signs).sum(), read)
    norm = gradient.norm(dim=2).mean(dim=0).numpy()[::-1].astype(np.float64)
    by_age: NDArray[np.float64] = norm / norm[0]
    return by_age


@one_thread()
def remember_first(kind: str, *, steps: int = 60, hidden: int = 16, training: int = 250, seed: int = 0) -> Learnt:
    """Train a layer to say at the end of a sequence of noise which sign its first value had.

    Parameters
    ----------
    kind : str
        A key of :data:`LAYERS`.
    steps : int
        Length of the sequences.
    hidden : int
        Units.
    training : int
        Steps of training, 64 sequences each.
    seed : int
        Seed of weights and sequences.

    Returns
    -------
    Learnt
        ``figure`` is the share of right answers; 0.5 is chance.
    """
    generator = torch.Generator().manual_seed(seed)

    def sequences(n: int) -> tuple[Tensor, Tensor]:
        x = 0.3 * torch.randn(n, steps, 1, generator=generator)
        sign = torch.randint(0, 2, (n,), generator=generator) * 2.0 - 1.0
        x[:, 0, 0] = sign
        return x, (sign + 1.0) / 2.0

    layer, readout = _layer(kind, hidden, steps, seed)
    optimizer = torch.optim.Adam([*layer.parameters(), *readout.parameters()], 0.01)
    losses = []
    for _ in range(training):
        x, wanted = sequences(64)
        loss = nn.functional.binary_cross_entropy_with_logits(readout(layer(x)[0][:, -1])[:, 0], wanted)
        losses.append(_step(loss, layer, optimizer))
    x, wanted = sequences(512)
    with torch.no_grad():
        right = ((readout(layer(x)[0][:, -1])[:, 0] > 0) == (wanted > 0.5)).double().mean()
    return Learnt(layer, np.array(losses), float(right), gradient_by_age(layer, x.numpy()[:64]))


@one_thread()
def foretell_samples(
    kind: str, windows: NDArray[np.floating[Any]], *, hidden: int = 32, training: int = 300, seed: int = 0
) -> Learnt:
    """Train a layer of the article's size to foretell each sample of heartbeats from the samples before.

    Parameters
    ----------
    kind : str
        A key of :data:`LAYERS`.
    windows : ndarray, shape (n, samples)
        Beats in any unit; they are brought to mean 0 and deviation 1. A quarter of them, the last, is held out.
    hidden : int
        Units.
    training : int
        Steps of training, 64 beats each.
    seed : int
        Seed of weights and order.

    Returns
    -------
    Learnt
        ``figure`` is the root mean square error on the beats held out, over that of saying the sample before again.
    """
    generator = torch.Generator().manual_seed(seed)
    values = torch.from_numpy(((windows - windows.mean()) / windows.std()).astype(np.float32))[:, :, None]
    cut = max(1, 3 * len(values) // 4)
    layer, readout = _layer(kind, hidden, windows.shape[1], seed)
    optimizer = torch.optim.Adam([*layer.parameters(), *readout.parameters()], 0.005)
    losses = []
    for _ in range(training):
        chosen = torch.randint(0, cut, (64,), generator=generator)
        x = values[chosen]
        loss = (readout(layer(x[:, :-1])[0]) + x[:, :-1] - x[:, 1:]).square().mean()
        losses.append(_step(loss, layer, optimizer))
    with torch.no_grad():
        x = values[cut:] if cut < len(values) else values
        error = (readout(layer(x[:, :-1])[0]) + x[:, :-1] - x[:, 1:]).square().mean().sqrt()
        again = (x[:, :-1] - x[:, 1:]).square().mean().sqrt()
    return Learnt(layer, np.array(losses), float(error / again), gradient_by_age(layer, x.numpy()[:64]))


def _layer(kind: str, hidden: int, steps: int, seed: int) -> tuple[nn.RNN | nn.LSTM, nn.Linear]:
    if kind not in LAYERS:
        raise ValueError(f"layer {kind!r}: it is one of {', '.join(LAYERS)}")
    make, keeps = LAYERS[kind]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        layer = make(1, hidden, batch_first=True)
        readout = nn.Linear(hidden, 1)
        start = dict(layer.named_parameters())
        if keeps and isinstance(layer, nn.LSTM):
            # To keep something for so many steps, a forget gate starts open by the log of their number (Tallec and
            # Ollivier 2018, arXiv:1804.11188).
            start["bias_ih_l0"][hidden : 2 * hidden] += float(np.log(steps))
        elif keeps:
            # Weights that keep lengths (Saxe et al. 2014, arXiv:1312.6120).
            nn.init.orthogonal_(start["weight_hh_l0"])
    return layer, readout


def _step(loss: Tensor, layer: nn.RNN | nn.LSTM, optimizer: torch.optim.Optimizer) -> float:
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())
