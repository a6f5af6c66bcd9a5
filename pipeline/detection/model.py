"""What all patients share: the network's weights and the facts that were measured with them."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.detection.forward import Forward, TorchForward
from pipeline.detection.guesses import Guesses
from pipeline.detection.model_file import load_model
from pipeline.detection.network import BeatNetwork
from pipeline.detection.shipped import DEFAULT_MODEL
from pipeline.errors import ModelError

__all__ = ["DEFAULT_MODEL", "BeatModel"]


@dataclass(frozen=True, slots=True, eq=False)
class BeatModel:
    """A trained network and what is known of its scores; read-only and shared by every patient.

    Attributes
    ----------
    network : BeatNetwork
        The network, in evaluation mode.
    forward : Forward
        What it does, as beats are scored with it.
    guesses : Guesses
        How the scores of normal beats and abnormal ones are spread.
    checksum : str
        SHA-256 of the file, in hexadecimal.
    facts : dict
        Everything else that the file states: data, seed, figures.
    """

    network: BeatNetwork
    forward: Forward
    guesses: Guesses
    checksum: str
    facts: dict[str, Any]

    @classmethod
    def load(cls, path: Path | str) -> BeatModel:
        """Read a model file.

        Raises
        ------
        ModelError
            If the file is missing, damaged, or of another version.
        """
        path = Path(path)
        network, facts = load_model(path)
        try:
            guesses = Guesses.from_dict(facts["population"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{path}: the scores of its population are missing or damaged ({error})") from error
        return cls(network, network.frozen(), guesses, hashlib.sha256(path.read_bytes()).hexdigest(), facts)

    def on(self, device: str) -> BeatModel:
        """Return the same model, its network run by torch on a device such as ``cuda``: scores agree to 1e-5.

        Raises
        ------
        ModelError
            If there is no such device.
        """
        return replace(self, forward=TorchForward(deepcopy(self.network), device))

    @classmethod
    def pretrained(cls) -> BeatModel:
        """Read the model that ships with the project."""
        return cls.load(DEFAULT_MODEL)
