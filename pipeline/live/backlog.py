"""How far a worker is behind the stream: when drawing is shed for that, and when a person is told."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.live.listener import Intake

__all__ = ["BacklogWatch"]

BEHIND_S, CAUGHT_UP_S = 2.0, 0.5  # backlog at which drawing is shed, and taken up again
ALARM_S = 10.0  # backlog that a person is told of


class BacklogWatch:
    """Judge the backlog as it comes and goes.

    Parameters
    ----------
    tell : callable
        Called with a line for a person, once for each time that the backlog has grown too long.

    Attributes
    ----------
    intake : Intake
        What was seen last.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.intake = Intake()
        self._tell = tell
        self._is_told = False

    def look(self, now_us: int, oldest_us: int, waiting: int, *, refused: int, dropped: int) -> Intake:
        """Take note of how many frames wait, and when the oldest of them came (0: none waits)."""
        seconds = max(now_us - oldest_us, 0) / 1e6 if oldest_us else 0.0
        is_behind = seconds > (CAUGHT_UP_S if self.intake.is_behind else BEHIND_S)
        self.intake = Intake(seconds, waiting, is_behind, refused, dropped)
        if seconds <= BEHIND_S:
            self._is_told = False
        elif seconds > ALARM_S and not self._is_told:
            self._tell(f"the monitor is {seconds:.0f} s behind: {waiting:,} frames wait")
            self._is_told = True  # not if it could not be told
        return self.intake
