"""Reads a BIOPAC file in a process of its own, since its library does not come back from every damaged one.

Run as ``python -P acq_child.py FILE FOLDER SECONDS BYTES`` by :mod:`pipeline.sources.foreign.acq_file`; it imports
nothing of the project. What it finds goes to FOLDER: ``facts.json``, and ``0.npy`` and so on, a channel each.
"""

from __future__ import annotations

import json
import resource
import sys
import warnings
from pathlib import Path

__all__ = ["main"]


def main() -> None:
    """Read the file within so many SECONDS of the processor and BYTES of memory, or end with one line."""
    path, folder, seconds, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit(resource.RLIMIT_CPU, seconds)
    import bioread
    import numpy as np

    _limit(resource.RLIMIT_AS, size)
    warnings.simplefilter("ignore")
    try:
        file = bioread.read(str(path))
        channels: list[tuple[str, str, float]] = []
        for channel in file.channels:
            if channel.data is None or not len(channel.data):
                continue
            np.save(folder / f"{len(channels)}.npy", np.asarray(channel.data, dtype=np.float64), allow_pickle=False)
            name, unit = (str(text or "").strip("\x00 ") for text in (channel.name, channel.units))
            channels.append((name, unit, float(channel.samples_per_second)))
        markers = [
            (int(marker.sample_index), (marker.text or "").strip("\x00 ")) for marker in file.event_markers or []
        ]
        start = getattr(file, "earliest_marker_created_at", None)
        facts = {
            "channels": channels,
            "markers": sorted(marker for marker in markers if marker[1]),
            "start": None if start is None else start.isoformat(),
            "fs": float(file.samples_per_second),
        }
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    (folder / "facts.json").write_text(json.dumps(facts))


def _limit(what: int, most: int) -> None:
    """Set a limit, or keep the lower one that somebody has set."""
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
