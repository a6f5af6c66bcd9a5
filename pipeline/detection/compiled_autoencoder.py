"""The LSTM autoencoder, compiled for scoring on one core."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.recurrence import LANES, begin, dense, dense_weights, layer_weights, squash, step, zeros
from pipeline.jit import jit

__all__ = ["SOFT", "CompiledAutoencoder"]

Floats = NDArray[np.float32]
SOFT = 3.0  # units of noise beyond which a residual that is read is compressed


class CompiledAutoencoder:
    """The forward pass of a :class:`pipeline.detection.lstm_autoencoder.LSTMAutoencoder`.

    Parameters
    ----------
    weights : dict of ndarray of float32
        By the names that torch gives them.
    """

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._encoder, self._decoder = layer_weights(weights, "encoder"), layer_weights(weights, "decoder")
        self._bottleneck, self._readout = dense_weights(weights, "bottleneck"), dense_weights(weights, "readout")

    def run(self, residual: Floats, condition: Floats) -> Floats:
        """Rebuild residuals, see :meth:`pipeline.detection.forward.Forward.run`."""
        rebuilt = np.empty_like(residual)
        _rebuild(residual, condition, *self._encoder, *self._bottleneck, *self._decoder, *self._readout, rebuilt)
        return rebuilt


@jit
def _rebuild(
    residual: Floats,
    condition: Floats,
    encode_input: Floats,
    encode_hidden: Floats,
    encode_bias: Floats,
    squeeze: Floats,
    squeeze_bias: Floats,
    decode_input: Floats,
    decode_hidden: Floats,
    decode_bias: Floats,
    read_out: Floats,
    read_out_bias: Floats,
    rebuilt: Floats,
) -> None:
    n, steps, channels = residual.shape
    units, conditions, latents = encode_bias.shape[0] // 4, condition.shape[2], squeeze.shape[1]
    soft = np.float32(SOFT)
    read = zeros(LANES, encode_input.shape[0])
    recall = zeros(LANES, decode_input.shape[0])
    gates = zeros(LANES, 4 * units)
    cell = zeros(LANES, units)
    hidden = zeros(LANES, encode_hidden.shape[0])
    latent = zeros(LANES, latents)
    out = zeros(LANES, channels)
    for first in range(0, n, LANES):
        lanes = min(LANES, n - first + (n - first) % 2)
        begin(cell[:lanes], hidden[:lanes])
        for t in range(steps):
            for lane in range(lanes):
                i = min(first + lane, n - 1)  # the last of an odd number stands beside itself
                for k in range(channels):
                    read[lane, k] = soft * np.arcsinh(residual[i, t, k] / soft)
                for k in range(conditions):
                    read[lane, channels + k] = condition[i, t, k]
            step(read[:lanes], encode_input, encode_hidden, encode_bias, gates[:lanes], cell[:lanes], hidden[:lanes])
        dense(latent[:lanes], hidden[:lanes], squeeze, squeeze_bias)
        for lane in range(lanes):
            for k in range(latents):
                recall[lane, k] = squash(latent[lane, k])
        begin(cell[:lanes], hidden[:lanes])
        for t in range(steps):
            for lane in range(lanes):
                i = min(first + lane, n - 1)
                for k in range(conditions):
                    recall[lane, latents + k] = condition[i, t, k]
            step(recall[:lanes], decode_input, decode_hidden, decode_bias, gates[:lanes], cell[:lanes], hidden[:lanes])
            dense(out[:lanes], hidden[:lanes], read_out, read_out_bias)
            for lane in range(lanes):
                for k in range(channels):
                    rebuilt[min(first + lane, n - 1), t, k] = out[lane, k]
