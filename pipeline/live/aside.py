"""States that could not be used, kept for whoever wants to know why."""

from __future__ import annotations

import logging
import os
from collections import deque
from pathlib import Path

from pipeline.live.log_limit import LogLimit

__all__ = ["Aside"]

MOST = 100  # files of one process: a fault of all patients fills no disk
MODE = 0o700  # a state is a patient's

logger = logging.getLogger(__name__)


class Aside:
    """A folder of states that were set aside; only its owner may enter.

    Parameters
    ----------
    folder : Path
        Where they are kept; it is made when there is one.
    most : int
        How many are kept; the oldest of this process go first.
    """

    def __init__(self, folder: Path, most: int = MOST) -> None:
        self._folder = folder
        self._files: deque[Path] = deque()
        self._most = most
        self._lines = LogLimit()

    def keep(self, patient: str, error: Exception, state: bytes | None, *, at_us: int) -> Path | None:
        """Keep a patient's state, and say where; nothing goes wrong by it.

        Parameters
        ----------
        patient : str
            The patient's name.
        error : Exception
            Why it could not be used.
        state : bytes or None
            The state, as far as there is one.
        at_us : int
            The time now, in microseconds since 1970 UTC.
        """
        if state is None:
            return None
        file = self._folder / f"{patient.replace('/', '.')}-{at_us}.state"
        try:
            self._folder.mkdir(mode=MODE, parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with open(descriptor, "wb") as opened:  # noqa: PTH123 - of a descriptor
                opened.write(state)
        except OSError as trouble:
            if self._lines.admits(patient, at_us):
                logger.warning("%s: its state cannot be kept aside in %s (%s)", patient, self._folder, trouble.strerror)
            return None
        self._files.append(file)
        while len(self._files) > self._most:
            self._files.popleft().unlink(missing_ok=True)
        if self._lines.admits(patient, at_us):
            logger.warning("%s: its state is kept aside in %s (%s)", patient, file, error)
        return file
