"""Model files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.detection.model import BeatModel
from pipeline.detection.model_file import read_model_file, write_model_file
from pipeline.detection.shipped import DEFAULT_MODEL
from pipeline.fuzzing.door import Door, Enter

__all__ = ["DOOR"]

WORDS = (
    b'"shape"',
    b'"facts"',
    b'\\"population\\"',
    b'\\"normal\\"',
    b"autoencoder",
    b"F32",
    b"I64",
    b"data_offsets",
    b"[[",
    b"{",
)


def _seeds(folder: Path) -> Sequence[bytes]:
    file = folder / "model.safetensors"
    write_model_file(file, read_model_file(Path(DEFAULT_MODEL)))  # with its checksum
    return [Path(DEFAULT_MODEL).read_bytes(), file.read_bytes()]


def _open(folder: Path) -> Enter:
    file = folder / "mutated.safetensors"

    def enter(data: bytes) -> None:
        file.write_bytes(data)
        BeatModel.load(file)

    return enter


DOOR = Door(_seeds, _open, WORDS)
