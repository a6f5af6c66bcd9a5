"""Reads a BIOPAC file in the process of ``apart_child``; it imports nothing of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["load", "read"]


def load() -> None:
    """Import the library."""
    import bioread  # noqa: F401


def read(path: Path) -> tuple[dict[str, Any], list[Any]]:
    """Return channels (name, unit, rate in Hz), markers (sample, text), start, the markers' rate; and all samples."""
    import bioread
    import numpy as np

    file = bioread.read(str(path))
    channels: list[tuple[str, str, float]] = []
    columns = []
    for channel in file.channels:
        if channel.data is None or not len(channel.data):
            continue
        columns.append(np.asarray(channel.data, dtype=np.float64))
        name, unit = (str(text or "").strip("\x00 ") for text in (channel.name, channel.units))
        channels.append((name, unit, float(channel.samples_per_second)))
    markers = [(int(marker.sample_index), (marker.text or "").strip("\x00 ")) for marker in file.event_markers or []]
    start = getattr(file, "earliest_marker_created_at", None)
    facts = {
        "channels": channels,
        "markers": sorted(marker for marker in markers if marker[1]),
        "start": None if start is None else start.isoformat(),
        "fs": float(file.samples_per_second),
    }
    return facts, columns
