"""Messages that are frames, and what means something in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.live.frames import Frame, encode, encode_json

__all__ = ["BEGAN_US", "WORDS", "seeds"]

BEGAN_US = 1_750_000_000_000_000
WORDS = (
    b"version",
    b"patient",
    b"session",
    b"sequence",
    b"time_us",
    b"fs",
    b"leads",
    b"units",
    b"gain",
    b"samples",
    b"last",
    b"II",
    b"V1",
    b"mV",
    b"uV",
    b"null",
    b"\xc0",
    b"\xdf\xff\xff\xff\xff",
    b"ward/bed-1",
)


def seeds(_folder: Path | None = None) -> Sequence[bytes]:
    """Return frames of two leads, whole and in other units, in both forms."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(25, 2)).astype(np.float32)
    whole = Frame.of("ward/bed-1", "s", 3, BEGAN_US, 250.0, ("II", "V1"), np.round(signal * 200) / np.float32(200))
    real = Frame.of("ward/bed-1", "s", 4, BEGAN_US + 100_000, 250.0, ("II", "V1"), signal)
    last = Frame.of("ward/bed-1", "s", 5, BEGAN_US + 200_000, 250.0, ("II", "V1"), signal[:0], last=True)
    return [form(frame) for form in (encode, encode_json) for frame in (whole, real, last)]
