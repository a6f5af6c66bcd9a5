"""Reads a VitalDB file in the process of ``apart_child``; it imports nothing of the project."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

__all__ = ["load", "read"]

_WAVE, _TEXT = 1, 5  # kinds of tracks
_FLOATS = (1, 2)  # formats that hold physical values; steps of the others have a gain and an offset
_WIDE = {5: -(2**15), 7: -(2**31)}  # signed steps whose least value stands for none
_PACKED_NONE = {3: -128, 4: 255, 5: -(2**15), 6: 2**16 - 1, 7: -(2**31), 8: 2**32 - 1}  # what fills holes when packed
_NO_VALUE = 4e9  # VitalDB's own readers take a larger value for none
_NOTES = "EVENT"
_MOST_NOTES = 10_000


def load() -> None:
    """Import the library."""
    import vitaldb.utils

    # As it stands, 32-bit steps are C longs: 4 bytes in the file, and 8 of them read on Linux.
    vitaldb.utils.FMT_TYPE_LEN.update({7: ("i", 4), 8: ("I", 4)})


def read(path: Path) -> tuple[dict[str, Any], list[Any]]:
    """Return waves with names, units, rates, devices and the times of their blocks; texts; the zone; and all samples.

    The library's ``to_numpy`` picks samples by another line of time, so the blocks are taken as they were recorded.
    """
    import numpy as np
    import vitaldb.utils

    said = io.StringIO()
    file = vitaldb.utils.VitalFile()
    file.dtstart = file.dtend = file.dgmt = 0  # an empty one begins now
    with contextlib.redirect_stdout(said):
        is_whole = file.load_vital(str(path))
    if not is_whole:
        raise ValueError(said.getvalue().strip() or "it is no VitalDB file")
    waves, columns, texts = [], [], []
    for track in file.trks.values():
        if track.type == _TEXT and track.name == _NOTES:
            texts += [(float(block["dt"]), str(block["val"])) for block in track.recs[:_MOST_NOTES]]
        blocks = [block for block in track.recs if track.type == _WAVE and len(block["val"])]
        if not blocks or not track.srate > 0:
            continue
        parts = []
        for block in blocks:
            values = block["val"].astype(np.float32)
            if track.fmt not in _FLOATS:
                none = _PACKED_NONE.get(track.fmt) if file.packed else _WIDE.get(track.fmt)
                values = (block["val"] * track.gain + track.offset).astype(np.float32)
                if none is not None:
                    values[block["val"] == none] = np.nan
            values[~(np.abs(values) <= _NO_VALUE)] = np.nan
            parts.append(values)
        waves.append(
            {
                "name": track.name,
                "unit": track.unit,
                "fs": float(track.srate),
                "device": track.dname,
                "onset_s": [float(block["dt"]) for block in blocks],
                "counts": [len(block["val"]) for block in blocks],
            }
        )
        columns.append(np.concatenate(parts))
    return {"waves": waves, "texts": texts, "minutes": int(file.dgmt)}, columns
