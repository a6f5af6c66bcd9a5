"""The networks by kind, compiled for scoring: nothing here waits for torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.compiled_autoencoder import CompiledAutoencoder
from pipeline.detection.compiled_forecaster import CompiledForecaster
from pipeline.detection.forward import Forward
from pipeline.detection.reading import Shape

__all__ = ["KINDS", "compiled"]

_PASSES: dict[str, Callable[[Mapping[str, NDArray[np.float32]]], Forward]] = {
    "autoencoder": CompiledAutoencoder,
    "forecaster": CompiledForecaster,
}
KINDS = tuple(_PASSES)


def compiled(kind: str, shape: Shape, weights: Mapping[str, NDArray[np.float32]]) -> Forward:
    """Return the forward pass of a network of a kind in ``KINDS`` with weights by torch's names.

    Raises
    ------
    ValueError
        If the weights are not those of such a network.
    """
    found = {name: weight.shape for name, weight in weights.items()}
    expected = _expected(kind, shape)
    if found != expected:
        wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        raise ValueError(f"{', '.join(wrong)} is missing, of another shape, or too many")
    return _PASSES[kind](weights)


def _expected(kind: str, s: Shape) -> dict[str, tuple[int, ...]]:
    read = s.channels + s.conditions
    if kind == "forecaster":
        layers, dense = {"lstm": read}, {"readout": (s.channels, s.hidden)}
    else:
        layers = {"encoder": read, "decoder": s.latent + s.conditions}
        dense = {"bottleneck": (s.latent, s.hidden), "readout": (s.channels, s.hidden)}
    out: dict[str, tuple[int, ...]] = {}
    for name, size in layers.items():
        out |= {f"{name}.weight_ih_l0": (4 * s.hidden, size), f"{name}.weight_hh_l0": (4 * s.hidden, s.hidden)}
        out |= {f"{name}.bias_ih_l0": (4 * s.hidden,), f"{name}.bias_hh_l0": (4 * s.hidden,)}
    for name, sizes in dense.items():
        out |= {f"{name}.weight": sizes, f"{name}.bias": sizes[:1]}
    return out
