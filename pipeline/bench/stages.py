"""Where the time goes: a sampling profiler that tells the stages of the pipeline apart by the module that runs."""

from __future__ import annotations

import signal
import threading
import time
from collections import defaultdict
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import pipeline

__all__ = ["OTHER", "STAGES", "StageSampler", "stage_of"]

ROOT = str(Path(pipeline.__file__).parent) + "/"
INTERVAL_S = 0.001

# The first entry that the path of a module begins with, inside the package, names its stage.
STAGES = (
    ("sources/", "reading"),
    ("annotations", "reading"),
    ("signals/resample", "filters"),
    ("signals/filters", "filters"),
    ("signals/quality", "filters"),
    ("signals/front", "filters"),
    ("signals/gaps", "filters"),
    ("signals/rpeak", "R peaks"),
    ("signals/envelopes", "R peaks"),
    ("signals/", "windows"),
    ("detection/network", "network"),
    ("detection/lstm", "network"),
    ("detection/model", "network"),
    ("detection/forward", "network"),
    ("detection/torch_forward", "network"),
    ("detection/compiled", "network"),
    ("detection/recurrence", "network"),
    ("detection/threshold", "thresholds"),
    ("detection/two_groups", "thresholds"),
    ("detection/guesses", "thresholds"),
    ("detection/population", "thresholds"),
    ("detection/alarms", "alarms"),
    ("detection/rules", "alarms"),
    ("timeline", "alarms"),
    ("detection/", "context, templates, score"),
    ("monitor", "joining"),
    ("ward", "joining"),
    ("records", "joining"),
    ("live/", "frames"),
    ("storage/", "writing"),
    ("scoring/", "writing"),
    ("report/", "report"),
)
OTHER = "other"


def stage_of(file: str) -> str | None:
    """Return the stage that the code in a file belongs to; None for a file outside the pipeline."""
    if not file.startswith(ROOT):
        return None
    inside = file[len(ROOT) :]
    return next((stage for begins, stage in STAGES if inside.startswith(begins)), None)


class StageSampler(AbstractContextManager["StageSampler"]):
    """Count the processor time of the main thread by stage while the block runs.

    A timer of the process looks every millisecond of processor time which function of the pipeline runs; the time since
    the last look counts for it. A long call into compiled code delays a look, and its time is not lost: it counts for
    the function that made the call. What numpy, torch or pyarrow do counts for who asked for it. Only the main thread
    of a process can be looked at, and only where the system has such timers.

    Parameters
    ----------
    interval_s : float
        Processor time between two looks in s.

    Attributes
    ----------
    seconds : dict of str to float
        Processor time by stage in s; :data:`OTHER` is what no stage asked for.
    looks : int
        How often it looked.
    own_s : float
        Processor time that the looking itself took in s; it counts for no stage.
    """

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.looks = 0
        self.own_s = 0.0
        self._interval_s = interval_s
        self._known: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("stages can be told apart in the main thread alone")
        self._last = time.thread_time()
        self._before = signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, self._interval_s, self._interval_s)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, self._before)

    def _look(self, _number: int, frame: FrameType | None) -> None:
        # Not the process's clock: while the timer runs, the kernel moves that one only with its own ticks.
        now = time.thread_time()
        self.looks += 1
        self.seconds[self._stage(frame)] += now - self._last
        self._last = time.thread_time()
        self.own_s += self._last - now

    def _stage(self, frame: FrameType | None) -> str:
        while frame is not None:
            file = frame.f_code.co_filename
            if file not in self._known:
                self._known[file] = stage_of(file)
            stage = self._known[file]
            if stage is not None:
                return stage
            frame = frame.f_back
        return OTHER
