"""Which frames were taken, by number and content: a frame that comes twice is told from one that only counts alike."""

from __future__ import annotations

import zlib
from typing import Any

from pipeline.live.frames import Frame

__all__ = ["Taken", "digest"]

FIRST = 16  # frames of a count that are remembered to its end: a device that starts anew begins with those numbers
LAST = 256  # and the last ones: what is sent again


class Taken:
    """The frames of one count that were taken. A doubled frame has its twin's time and content."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}  # number -> digest
        self._last: dict[int, int] = {}

    def add(self, frame: Frame) -> None:
        """Note that a frame was taken."""
        content = digest(frame)
        if len(self._first) < FIRST:
            self._first[frame.sequence] = content
        self._last[frame.sequence] = content
        if len(self._last) > LAST:
            del self._last[next(iter(self._last))]

    def has_twin(self, frame: Frame) -> bool | None:
        """Tell whether a frame was taken before; None where its number is not remembered."""
        content = self._last.get(frame.sequence, self._first.get(frame.sequence))
        return None if content is None else content == digest(frame)

    def snapshot(self) -> list[Any]:
        """Return the carried state as plain values."""
        return [list(self._first.items()), list(self._last.items())]

    @classmethod
    def restore(cls, state: list[Any]) -> Taken:
        """Continue from a state that :meth:`snapshot` returned."""
        taken = cls()
        first, last = state
        taken._first, taken._last = dict(map(tuple, first)), dict(map(tuple, last))
        return taken


def digest(frame: Frame) -> int:
    """Return what tells a frame's time and content from others'."""
    facts = repr((frame.time_us, frame.leads, frame.last)).encode()
    return zlib.crc32(frame.samples.tobytes(), zlib.crc32(facts))
