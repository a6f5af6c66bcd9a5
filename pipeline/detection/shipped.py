"""The models that ship with the project, by kind; light to import."""

from __future__ import annotations

from pathlib import Path

__all__ = ["DEFAULT_MODEL", "MODEL_SUFFIX", "SHIPPED"]

MODEL_SUFFIX = ".safetensors"  # of every model file; the card stands beside it as NAME.md


def _shipped(name: str) -> Path:
    # In a checkout the weights lie in data/models; a wheel carries them inside the package.
    package = Path(__file__).resolve().parent.parent
    inside = package / "models" / name
    return inside if inside.exists() else package.parent / "data" / "models" / name


DEFAULT_MODEL = _shipped("default.safetensors")
SHIPPED = {"autoencoder": DEFAULT_MODEL, "forecaster": _shipped("forecaster.safetensors")}
