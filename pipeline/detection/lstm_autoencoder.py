"""The LSTM autoencoder."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.detection.forward import Forward
from pipeline.detection.network import BeatNetwork, Shape
from pipeline.detection.recurrence import LANES, add_product, begin, laid_out, layer_weights, squash, step
from pipeline.jit import jit

__all__ = ["LSTMAutoencoder"]

Floats = NDArray[np.float32]
SOFT = 3.0  # units of noise beyond which a residual that is read is compressed


class LSTMAutoencoder(BeatNetwork):
    """Rebuild the residual of a beat against the patient's usual beat, knowing that usual beat.

    The encoder reads the residual and what is known of the patient, step by step, into a small latent vector; the
    decoder, which knows the same, turns it back into a residual. What variation a normal heart shows around its usual
    beat (amplitude with respiration, small shifts, the QT interval) is foreseen from what is known or fits through
    the bottleneck; what does not is the reconstruction error. The latent vector is bounded, and blurred in training,
    so that it holds a few bits and no strange beat.

    Parameters
    ----------
    shape : Shape, optional
        Sizes of the network.
    """

    kind = "autoencoder"

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__(shape or Shape())
        s = self.shape
        self.encoder = nn.LSTM(s.channels + s.conditions, s.hidden, batch_first=True)
        self.bottleneck = nn.Linear(s.hidden, s.latent)
        self.decoder = nn.LSTM(s.latent + s.conditions, s.hidden, batch_first=True)
        self.readout = nn.Linear(s.hidden, s.channels)

    def forward(self, residual: Tensor, condition: Tensor, blur: Tensor | None = None) -> Tensor:
        """Rebuild residuals; shapes are those of :meth:`BeatNetwork.forward`.

        ``blur``, shape (n, latent), is added to the latent vector, in training.
        """
        latent = self._encode(residual, condition)
        if blur is not None:
            latent = latent + blur
        return cast(Tensor, self.readout(self.decoder(self._to_decode(latent, condition))[0]))

    def practise(self, residual: Tensor, condition: Tensor, blur: float, generator: torch.Generator) -> Tensor:
        """Rebuild residuals through a latent vector that is blurred by noise of deviation ``blur``."""
        noise = blur * torch.randn(len(residual), self.shape.latent, generator=generator)
        return cast(Tensor, self(residual, condition, noise))

    def compiled(self) -> Forward:
        """Return the same compiled, see :meth:`BeatNetwork.compiled`."""
        return _Compiled(self)

    def layers(self, residual: Tensor, condition: Tensor) -> dict[str, tuple[nn.LSTM, Tensor]]:
        """Return encoder and decoder with what they read, see :meth:`BeatNetwork.layers`."""
        latent = self._encode(residual, condition)
        return {
            "encoder": (self.encoder, self._to_encode(residual, condition)),
            "decoder": (self.decoder, self._to_decode(latent, condition)),
        }

    def _to_encode(self, residual: Tensor, condition: Tensor) -> Tensor:
        return torch.cat([SOFT * torch.asinh(residual / SOFT), condition], -1)

    def _encode(self, residual: Tensor, condition: Tensor) -> Tensor:
        encoded, _ = self.encoder(self._to_encode(residual, condition))
        return torch.tanh(self.bottleneck(encoded[:, -1]))

    def _to_decode(self, latent: Tensor, condition: Tensor) -> Tensor:
        return torch.cat([latent[:, None].expand(-1, condition.shape[1], -1), condition], -1)


class _Compiled:
    """The forward pass with the weights of one moment, see :class:`pipeline.detection.forward.Forward`."""

    def __init__(self, network: LSTMAutoencoder) -> None:
        self._encoder, self._decoder = layer_weights(network.encoder), layer_weights(network.decoder)
        self._bottleneck = laid_out(network.bottleneck.weight), network.bottleneck.bias.detach().cpu().numpy().copy()
        self._readout = laid_out(network.readout.weight), network.readout.bias.detach().cpu().numpy().copy()

    def run(self, residual: Floats, condition: Floats) -> Floats:
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
    read = np.zeros((LANES, encode_input.shape[0]), dtype=np.float32)
    recall = np.zeros((LANES, decode_input.shape[0]), dtype=np.float32)
    gates = np.empty((LANES, 4 * units), dtype=np.float32)
    cell = np.empty((LANES, units), dtype=np.float32)
    hidden = np.empty((LANES, encode_hidden.shape[0]), dtype=np.float32)
    latent = np.empty((LANES, latents), dtype=np.float32)
    out = np.empty((LANES, channels), dtype=np.float32)
    for first in range(0, n, LANES):
        begin(cell, hidden)
        for t in range(steps):
            for lane in range(LANES):
                i = min(first + lane, n - 1)  # a beat without a neighbour stands beside itself
                for k in range(channels):
                    read[lane, k] = soft * np.arcsinh(residual[i, t, k] / soft)
                for k in range(conditions):
                    read[lane, channels + k] = condition[i, t, k]
            step(read, encode_input, encode_hidden, encode_bias, gates, cell, hidden)
        for lane in range(LANES):
            latent[lane] = squeeze_bias
        add_product(latent, hidden, squeeze)
        for lane in range(LANES):
            for k in range(latents):
                recall[lane, k] = squash(latent[lane, k])
        begin(cell, hidden)
        for t in range(steps):
            for lane in range(LANES):
                i = min(first + lane, n - 1)
                for k in range(conditions):
                    recall[lane, latents + k] = condition[i, t, k]
            step(recall, decode_input, decode_hidden, decode_bias, gates, cell, hidden)
            for lane in range(LANES):
                out[lane] = read_out_bias
            add_product(out, hidden, read_out)
            for lane in range(LANES):
                rebuilt[min(first + lane, n - 1), t] = out[lane]
