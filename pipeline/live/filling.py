"""Long gaps, filled a part at a time, so that no patient waits for another's."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from pipeline.monitor import LONGEST_GAP_S
from pipeline.records import Chunk

__all__ = ["Filling", "Fillings"]

FILL_S = 1800.0  # s of long gaps that are filled with one batch: about 50 ms of work
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


class Fillings:
    """The chunks of all patients on their way to the ward; see :class:`Filling`."""

    def __init__(self) -> None:
        self._fillings: dict[str, Filling] = {}
        self._waiting: dict[str, None] = {}  # patients with a long gap, the first first

    def begin(self, patient: str, fed: int = 0) -> None:
        """Begin a stay, or go on with one whose monitor has the signal up to a position."""
        self._fillings[patient] = Filling(fed)

    def forget(self, patient: str) -> None:
        """Forget a patient, and what waits."""
        self._fillings.pop(patient, None)
        self._waiting.pop(patient, None)

    def is_waiting(self, patient: str) -> bool:
        """Tell whether a patient's signal waits behind a long gap."""
        return patient in self._waiting

    def put(self, chunk: Chunk) -> list[Chunk]:
        """Take the next chunk of a patient; return what the ward may have at once."""
        ready = self._fillings[chunk.record].put(chunk)
        if ready is None:
            self._waiting[chunk.record] = None
            return []
        return [ready]

    def settle(self, patient: str) -> list[Chunk]:
        """Return all that waits for a patient's gap, and the gap."""
        self._waiting.pop(patient, None)
        return list(self._fillings[patient].next()) if patient in self._fillings else []

    def settle_all(self) -> list[Chunk]:
        """Return all that waits."""
        return [chunk for patient in list(self._waiting) for chunk in self.settle(patient)]

    def go_on(self) -> list[Chunk]:
        """Return the next part of what waits: no more than others can wait for."""
        chunks: list[Chunk] = []
        room_s = FILL_S
        for patient in list(self._waiting):
            filling = self._fillings[patient]
            for chunk in filling.next():
                chunks.append(chunk)
                room_s -= len(chunk.signal) / chunk.fs
                if room_s <= 0:
                    break
            if len(filling):
                break
            del self._waiting[patient]
        return chunks
