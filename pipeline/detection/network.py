"""What the networks of the project have in common, in torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from pipeline.detection.compiled import compiled
from pipeline.detection.forward import Forward
from pipeline.detection.reading import Shape
from pipeline.detection.torch_forward import TorchForward

__all__ = ["BeatNetwork"]


class BeatNetwork(nn.Module, ABC):
    """A network that says what a beat's residual against the patient's usual beat should be.

    What it does not foresee is its error, and the log of that is most of a beat's score. A subclass says how.

    Parameters
    ----------
    shape : Shape
        Sizes of the network.
    """

    kind: ClassVar[str]
    """Name of the kind, as model files state it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    @abstractmethod
    def forward(self, residual: Tensor, condition: Tensor) -> Tensor:
        """Say what residuals should be.

        Parameters
        ----------
        residual : Tensor, shape (n, steps, channels)
            Residuals in units of the patient's noise.
        condition : Tensor, shape (n, steps, conditions)
            What is known of the patient's usual beat, see :func:`pipeline.detection.reading.inputs`.

        Returns
        -------
        Tensor, shape (n, steps, channels)
            The residual as far as it is normal variation.
        """

    @abstractmethod
    def layers(self, residual: Tensor, condition: Tensor) -> dict[str, tuple[nn.LSTM, Tensor]]:
        """Return each LSTM by name, with what it reads, shape (n, steps, size), when the network sees these beats."""

    def practise(self, residual: Tensor, condition: Tensor, blur: float, generator: torch.Generator) -> Tensor:
        """Do what :meth:`forward` does, made as much harder by ``blur`` as training asks for."""
        del blur, generator
        return self(residual, condition)  # type: ignore[no-any-return]  # a module's call is untyped

    def frozen(self) -> Forward:
        """Return what :meth:`forward` does with the weights as they are now, for scoring."""
        # Layers of 8 bits, and layers whose inputs are changed on their way in (in training), are left to torch.
        if all(type(part) in (nn.LSTM, nn.Linear) and not part._forward_pre_hooks for part in self.children()):
            weights = {name: tensor.detach().cpu().numpy() for name, tensor in self.state_dict().items()}
            return compiled(self.kind, self.shape, weights)
        return TorchForward(self)
