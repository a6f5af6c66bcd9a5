"""Recordings in other formats than WFDB: opened as records, read whole, and written as WFDB records."""

from __future__ import annotations

from pipeline.sources.foreign.base import ReadOptions
from pipeline.sources.foreign.record import ForeignRecord
from pipeline.sources.foreign.recording import Recording, open_recording, read_recording, write_recording
from pipeline.sources.foreign.registry import Format, formats

__all__ = [
    "ForeignRecord",
    "Format",
    "ReadOptions",
    "Recording",
    "formats",
    "open_recording",
    "read_recording",
    "write_recording",
]
