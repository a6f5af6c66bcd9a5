"""BIOPAC AcqKnowledge files."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from pipeline.annotations import Annotations
from pipeline.sources.foreign.base import ArrayFile, ReadOptions, Signal

__all__ = ["open_acq"]


def open_acq(path: Path, options: ReadOptions) -> ArrayFile:
    """Open an AcqKnowledge file; its event markers become notes."""
    del options
    import bioread

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = bioread.read(str(path))
        signals, columns = [], []
        for channel in file.channels:
            if channel.data is None or not len(channel.data):
                continue
            unit = str(channel.units or "").strip("\x00 ")
            signals.append(Signal(str(channel.name).strip("\x00 "), unit or None, float(channel.samples_per_second)))
            columns.append(np.asarray(channel.data, dtype=np.float64))
        markers = [marker for marker in file.event_markers or [] if (marker.text or "").strip("\x00 ")]
        start = getattr(file, "earliest_marker_created_at", None)
        base = float(file.samples_per_second)
    noted = None
    if markers:
        markers.sort(key=lambda marker: marker.sample_index)
        noted = Annotations(
            np.array([marker.sample_index for marker in markers], dtype=np.int64),
            np.full(len(markers), '"', dtype="<U1"),
            tuple(str(marker.text).strip("\x00 ") for marker in markers),
            base,
        )
    return ArrayFile(signals, columns, start, noted=noted)
