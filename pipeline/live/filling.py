"""Long gaps, filled a part at a time, so that no patient waits for another's."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from pipeline.monitor import LONGEST_GAP_S
from pipeline.records import Chunk

__all__ = ["Filling"]

PIECE_S = 60.0  # s of a gap that are filled at a time, as a monitor does; a shorter one it fills itself


class Filling:
    """One patient's chunks on their way to the monitor: behind a long gap they wait until it is filled.

    What the monitor gets is what it would make of the gap itself, in parts.

    Parameters
    ----------
    fed : int
        Position up to which the monitor has the signal.
    """

    def __init__(self, fed: int = 0) -> None:
        self._fed = fed
        self._held: deque[Chunk] = deque()

    def __len__(self) -> int:
        return len(self._held)

    def put(self, chunk: Chunk) -> Chunk | None:
        """Take the next chunk; return it if the monitor may have it at once."""
        gap_s = (chunk.start - self._fed) / chunk.fs
        if self._held or PIECE_S < gap_s <= LONGEST_GAP_S:
            self._held.append(chunk)
            return None
        self._fed = chunk.stop
        return chunk

    def next(self) -> Iterator[Chunk]:
        """Yield what waits: missing signal piece by piece, then the chunks behind it."""
        while self._held:
            chunk = self._held[0]
            size = min(chunk.start - self._fed, round(PIECE_S * chunk.fs))
            if size <= 0 or not PIECE_S < (chunk.start - self._fed) / chunk.fs <= LONGEST_GAP_S:
                self._held.popleft()
                self._fed = chunk.stop
                yield chunk
                continue
            missing = np.full((size, len(chunk.leads)), np.nan, dtype=np.float32)
            start, self._fed = self._fed, self._fed + size
            yield Chunk(chunk.record, start, chunk.fs, chunk.leads, missing)
