"""What all patients share: the network's weights and the facts that were measured with them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.detection.compiled import compiled
from pipeline.detection.forward import Forward
from pipeline.detection.guesses import Guesses, gaussian
from pipeline.detection.model_file import ModelFile, read_model_file
from pipeline.detection.reading import Shape
from pipeline.detection.sequence.compiled import CompiledSequence
from pipeline.detection.shipped import DEFAULT_MODEL
from pipeline.errors import ModelError

if TYPE_CHECKING:
    from pipeline.detection.network import BeatNetwork
    from pipeline.detection.sequence.network import SequenceNetwork

__all__ = ["DEFAULT_MODEL", "BeatModel"]


@dataclass(frozen=True, eq=False)
class BeatModel:
    """Two trained networks and what is known of their scores; read-only and shared by every patient.

    Attributes
    ----------
    kind : str
        Kind of the network that rebuilds beats.
    shape : Shape
        Its sizes.
    forward : Forward
        What it does, as beats are scored with it.
    sequence : CompiledSequence
        The network that reads the sequence of the beats, and gives the score.
    guesses : Guesses
        How the scores of normal beats and abnormal ones are spread.
    checksum : str
        SHA-256 of the file, in hexadecimal.
    facts : dict
        Everything else that the file states: data, seed, figures.
    build : callable
        Returns the first network in torch; see :attr:`network`.
    """

    kind: str
    shape: Shape
    forward: Forward
    sequence: CompiledSequence
    guesses: Guesses
    checksum: str
    facts: Mapping[str, Any]
    build: Callable[[], BeatNetwork]

    @cached_property
    def network(self) -> BeatNetwork:
        """The network in torch, in evaluation mode: to look into, to train on, or to run on a GPU."""
        return self.build()

    @classmethod
    def load(cls, path: Path | str) -> BeatModel:
        """Read a model file.

        Raises
        ------
        ModelError
            If the file is missing, damaged, or of another version.
        """
        path = Path(path)
        model = read_model_file(path)
        try:
            forward = compiled(model.kind, model.shape, model.weights)
            sequence = CompiledSequence(model.sequence_shape, model.sequence)
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:
            raise ModelError(f"model {path} does not fit its own description: {error}") from error
        try:
            guesses = Guesses.from_dict(model.facts["population"])
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise ModelError(f"{path}: the scores of its population are missing or damaged ({error})") from error
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
        return cls(model.kind, model.shape, forward, sequence, guesses, checksum, model.facts, partial(_network, model))

    @classmethod
    def pretrained(cls) -> BeatModel:
        """Read the model that ships with the project."""
        return cls.load(DEFAULT_MODEL)

    @classmethod
    def of(cls, network: BeatNetwork, sequence: SequenceNetwork | None = None) -> BeatModel:
        """Return the model of two networks of whose scores nothing is known yet; an untrained sequence by default."""
        from pipeline.detection.sequence.network import SequenceNetwork

        network.eval()
        frozen = (sequence or SequenceNetwork.untrained()).frozen()
        return cls(network.kind, network.shape, network.frozen(), frozen, gaussian(), "", {}, lambda: network)

    def on(self, device: str) -> BeatModel:
        """Return the same model, its network run by torch on a device such as ``cuda``: scores agree to 1e-5.

        Raises
        ------
        ModelError
            If there is no such device.
        """
        from pipeline.detection.torch_forward import TorchForward

        return replace(self, forward=TorchForward(self.build(), device))


def _network(model: ModelFile) -> BeatNetwork:
    # torch takes a second to import, and scoring on a processor does without it.
    from pipeline.detection.networks import network_of

    return network_of(model)
