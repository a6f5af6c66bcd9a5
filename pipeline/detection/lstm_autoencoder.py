"""The LSTM autoencoder."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from pipeline.detection.compiled_autoencoder import SOFT
from pipeline.detection.network import BeatNetwork
from pipeline.detection.reading import Shape

__all__ = ["LSTMAutoencoder"]


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
