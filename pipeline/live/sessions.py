"""Sessions that ended, and what it takes for one of them to come back."""

from __future__ import annotations

import hashlib
from typing import Any

from pipeline.live.frames import Frame

__all__ = ["EndedSessions"]

REMEMBERED = 64  # sessions
BACK_S = 5.0  # s of signal, newer than all before and with nothing between, after which an ended session is back
OLD_BACK_S = 30.0  # s of it if it is older: what was sent late is no device that goes on


class EndedSessions:
    """Remember the sessions of one patient that ended.

    A late frame of one of them is late, however long ago it ended. Only where nothing else comes and the session itself
    goes on, it is back: the device that had ended is the one that still sends.
    """

    def __init__(self) -> None:
        self._names: list[str] = []  # digests, the last one last
        self._returning = ""
        self._seconds, self._newest_us = 0.0, 0

    def end(self, session: str) -> None:
        """Note that a session ended."""
        if not session:
            return
        self._names = [*(name for name in self._names if name != _digest(session)), _digest(session)][-REMEMBERED:]
        self.others_came()

    def others_came(self) -> None:
        """Note that a frame of the session under way was taken."""
        self._returning, self._seconds, self._newest_us = "", 0.0, 0

    def may_begin(self, frame: Frame, until_us: float) -> bool:
        """Tell whether a frame begins a session: it is of a new one, or of one that is back.

        Parameters
        ----------
        frame : Frame
            A frame of another session than the one under way.
        until_us : float
            End of the signal so far, in microseconds since 1970 UTC.
        """
        name = _digest(frame.session)
        if name not in self._names:
            return True
        if name != self._returning:
            self._returning, self._seconds, self._newest_us = name, 0.0, 0
        if frame.time_us > self._newest_us:  # the same frame again and again is no signal
            self._seconds += len(frame.samples) / frame.fs
            self._newest_us = frame.time_us
        if self._seconds < (BACK_S if frame.time_us >= until_us else OLD_BACK_S):
            return False
        self._names.remove(name)
        return True

    def snapshot(self) -> list[Any]:
        """Return the carried state as plain values."""
        return [self._names, self._returning, self._seconds, self._newest_us]

    @classmethod
    def restore(cls, state: list[Any]) -> EndedSessions:
        """Continue from a state that :meth:`snapshot` returned."""
        ended = cls()
        names, ended._returning, ended._seconds, ended._newest_us = state
        ended._names = list(names)
        return ended


def _digest(session: str) -> str:
    return hashlib.blake2b(session.encode(), digest_size=6).hexdigest()
