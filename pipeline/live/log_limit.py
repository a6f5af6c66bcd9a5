"""A limit for log lines that somebody else can bring about: a device that sends rubbish does not fill a disk."""

from __future__ import annotations

from collections import Counter

__all__ = ["LogLimit"]

EVERY_S = 60.0  # s after which lines are counted anew
A_PATIENT = 3  # lines about one patient in that time
IN_ALL = 100  # lines about all together


class LogLimit:
    """Say which lines are written; each patient has a few of its own, so that one alone cannot drown the others' lines.

    Many together can, for the rest of a minute: the log has a limit in all. Times are handed in. What is left out is
    told with the next line that is written, and all of it is counted in ``ecg_frames_total`` whatever the log says.

    Parameters
    ----------
    a_patient, in_all : int
        Lines in a minute, about one patient and about all.
    """

    def __init__(self, a_patient: int = A_PATIENT, in_all: int = IN_ALL) -> None:
        self._a_patient, self._in_all = a_patient, in_all
        self._began_us: int | None = None
        self._written: Counter[str] = Counter()
        self._left_out = 0

    def admits(self, patient: str, now_us: int) -> bool:
        """Tell whether a line about a patient is written now; whoever asks writes it.

        Parameters
        ----------
        patient : str
            The patient's name, or what else a line is about.
        now_us : int
            The time now, in microseconds since 1970 UTC.
        """
        if self._began_us is None or not 0 <= now_us - self._began_us < EVERY_S * 1e6:  # or the clock was set
            self._began_us = now_us
            self._written.clear()
        if self._written[patient] >= self._a_patient or self._written.total() >= self._in_all:
            self._left_out += 1
            return False
        self._written[patient] += 1
        return True

    def left_out(self) -> str:
        """Return what was left out since this was last asked, as an end of a line; empty if nothing was."""
        n, self._left_out = self._left_out, 0
        return f" ({n:,} more such lines were left out before this one)" if n else ""
