"""Annotations of WFDB records."""

from __future__ import annotations

from pipeline.fuzzing.door import Door
from pipeline.fuzzing.recordings import seed_of, spoilt

__all__ = ["DOOR"]

DOOR = Door(seed_of("atr"), spoilt("atr"))
