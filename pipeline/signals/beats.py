"""From chunks of signal to heartbeats: the signal side of the pipeline, for one patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit
from pipeline.signals.filters import BandPass, Morlet
from pipeline.signals.gaps import GapTracker, Hole
from pipeline.signals.quality import Conditioner
from pipeline.signals.resample import FS, Resampler
from pipeline.signals.rpeaks import Peaks, RPeakDetector

__all__ = ["AFTER", "BEFORE", "MARGIN", "QRS_ENVELOPE", "SHARP_ENVELOPE", "BeatFinder", "Beats", "ReferencePeaks"]

BEFORE = 60  # samples of a window before the R peak: 0.33 s, P wave and all
AFTER = 50  # and after it: 0.28 s, into the T wave; the delay bound of 0.5 s allows no more
MARGIN = 5  # samples on either side by which a window may be moved to align it
HISTORY = 256  # samples kept: more than a window and the wait for its decision
MAX_HOLE = 8  # samples that may be missing from a lead's window

State = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True, eq=False)
class Beats:
    """Heartbeats in columns, in the order of time.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        R peaks at the internal rate (180 Hz).
    r_peak : ndarray of int64, shape (n,)
        R peaks in samples at the record's own rate.
    decided : ndarray of int64, shape (n,)
        The sample of the record, at its own rate, with which each beat was out.
    window : ndarray of float64, shape (n, leads, BEFORE + AFTER + 2 * MARGIN)
        Filtered signal around each R peak in mV.
    present : ndarray of bool, shape (n, leads)
        False where a lead is missing, flat or settling inside the window.
    quality : ndarray of float64, shape (n,)
        Signal quality, 0 to 1.
    broken : ndarray of bool, shape (n,)
        True if signal was missing since the beat before, so that the interval between them may hide beats.
    holes : tuple of Hole
        Stretches without a lead, or without any, that ended with this signal.
    """

    sample: NDArray[np.int64]
    r_peak: NDArray[np.int64]
    decided: NDArray[np.int64]
    window: NDArray[np.float64]
    present: NDArray[np.bool_]
    quality: NDArray[np.float64]
    broken: NDArray[np.bool_]
    holes: tuple[Hole, ...]

    def __len__(self) -> int:
        return len(self.sample)


class PeakFinder(Protocol):
    """What tells a :class:`BeatFinder` where the R peaks are."""

    def process(self, e: NDArray[np.float64], h: NDArray[np.float64], bad: NDArray[np.bool_]) -> Peaks:
        """Return the peaks decided with the next samples of the envelopes."""

    def snapshot(self) -> State:
        """Return the carried state."""

    def restore(self, state: State) -> None:
        """Continue from such a state."""


class ReferencePeaks:
    """R peaks that somebody annotated, given out as late as a detector would find them.

    Parameters
    ----------
    r_peaks : ndarray of int64, shape (n,)
        Annotated peaks in samples at rate ``fs``, in order.
    fs : float
        Their rate in Hz.
    """

    def __init__(self, r_peaks: NDArray[np.int64], fs: float) -> None:
        self._peaks = np.round(np.asarray(r_peaks) * (FS / fs)).astype(np.int64)
        self._clock = -REACH
        self._next = 0

    def process(self, e: NDArray[np.float64], h: NDArray[np.float64], bad: NDArray[np.bool_]) -> Peaks:
        """Return the annotated peaks whose window is known by now."""
        self._clock += e.shape[1]
        stop = int(np.searchsorted(self._peaks, self._clock - WAIT, side="right"))
        sample = self._peaks[self._next : stop]
        self._next = stop
        return Peaks(sample, sample + WAIT, np.ones(len(sample)), np.ones(len(sample)))

    def snapshot(self) -> State:
        """Return the carried state."""
        return {"at": np.array([self._clock, self._next])}

    def restore(self, state: State) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._clock, self._next = (int(v) for v in state["at"])


QRS_ENVELOPE = Morlet(10.0, 0.035)  # every QRS complex, wide or narrow
SHARP_ENVELOPE = Morlet(20.0, 0.0175)  # no T wave
REACH = QRS_ENVELOPE.reach
WAIT = AFTER + MARGIN  # samples after a peak that its window takes


class BeatFinder:
    """Filters, R peaks and beat windows of one stream; any chunking gives the same beats, bit by bit.

    Parameters
    ----------
    fs : float
        Rate of the stream in Hz.
    n_leads : int
        Number of leads, most preferred first.
    peaks : PeakFinder, optional
        Where the R peaks come from; the project's own detector by default.
    """

    def __init__(self, fs: float, n_leads: int, peaks: PeakFinder | None = None) -> None:
        self.fs = fs
        self.n_leads = n_leads
        self._resampler = Resampler(fs, n_leads)
        self._conditioner = Conditioner(n_leads)
        self._band_pass = BandPass(n_leads)
        self._peaks: PeakFinder = RPeakDetector(n_leads, clock=-REACH) if peaks is None else peaks
        self._clock = 0
        self._last = -1
        # Continuous signal, filtered signal, state of each lead.
        self._history = np.zeros((2, n_leads, HISTORY))
        self._states = np.full((n_leads, HISTORY), 3, dtype=np.uint8)
        self._gaps = GapTracker(n_leads)
        self._hole = np.zeros(1, dtype=np.int64)  # last sample at which no lead was there

    def process(self, signal: NDArray[np.floating]) -> Beats:
        """Take the next samples, shape (n, leads) in mV with NaN where missing; return the beats now decided."""
        raw = self._resampler.process(signal)
        m = raw.shape[1]
        continuous, state = self._conditioner.process(raw)
        filtered = self._band_pass.process(continuous)
        self._clock += m
        steady = np.concatenate([self._history[0], continuous], axis=1)
        band = np.concatenate([self._history[1], filtered], axis=1)
        states = np.concatenate([self._states, state], axis=1)
        if m:
            self._history[0], self._history[1] = steady[:, -HISTORY:], band[:, -HISTORY:]
            self._states = states[:, -HISTORY:].copy()
        # Envelopes of the m samples that ended REACH ago.
        e = QRS_ENVELOPE.envelope(steady[:, HISTORY - 2 * REACH :])
        late = REACH + SHARP_ENVELOPE.reach
        h = SHARP_ENVELOPE.envelope(steady[:, HISTORY - late : HISTORY + m - REACH + SHARP_ENVELOPE.reach])
        aligned = states[:, HISTORY - REACH : HISTORY + m - REACH]
        peaks = self._peaks.process(e, h, (aligned == 1) | (aligned >= 3))
        start = self._clock - m - HISTORY  # the sample at which the buffers begin
        n = len(peaks.sample)
        window = np.empty((n, self.n_leads, BEFORE + AFTER + 2 * MARGIN))
        present = np.empty((n, self.n_leads), dtype=np.bool_)
        quality = np.empty(n)
        _cut(band, states, start, peaks.sample, peaks.quality, window, present, quality)
        broken = np.empty(n, dtype=np.bool_)
        self._last = _breaks(
            aligned, self._clock - m - REACH, self._hole, peaks.sample, peaks.decided, self._last, broken
        )
        return Beats(
            sample=peaks.sample,
            r_peak=self._resampler.to_input(peaks.sample),
            decided=self._resampler.to_input(peaks.decided + REACH) + round(self._resampler.delay_s * self.fs),
            window=window,
            present=present,
            quality=quality,
            broken=broken,
            holes=tuple(self._gaps.process(state, self._clock - m)),
        )

    def open_holes(self) -> list[Hole]:
        """Return the stretches without a lead, or without any, that go on now."""
        return self._gaps.still_open(self._clock)

    @property
    def time_s(self) -> float:
        """Time in s from the record's start up to which the signal has been taken in."""
        return self._clock / FS

    def snapshot(self) -> State:
        """Return the carried state."""
        state: State = {
            "clock": np.array([self._clock, self._last, self._hole[0]]),
            "history": self._history.astype(np.float64),
            "states": self._states.copy(),
        }
        for name, stage in self._stages():
            state |= {f"{name}.{key}": value for key, value in stage.snapshot().items()}
        return state

    def restore(self, state: State) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._clock, self._last, self._hole[0] = (int(v) for v in state["clock"])
        self._history[:] = state["history"]
        self._states = np.array(state["states"], dtype=np.uint8)
        for name, stage in self._stages():
            prefix = f"{name}."
            stage.restore({key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)})

    def _stages(self) -> list[tuple[str, PeakFinder | Resampler | Conditioner | BandPass | GapTracker]]:
        return [
            ("resampler", self._resampler),
            ("conditioner", self._conditioner),
            ("band_pass", self._band_pass),
            ("peaks", self._peaks),
            ("gaps", self._gaps),
        ]


@jit
def _cut(
    band: NDArray[np.float64],
    states: NDArray[np.uint8],
    start: int,
    sample: NDArray[np.int64],
    peak_quality: NDArray[np.float64],
    window: NDArray[np.float64],
    present: NDArray[np.bool_],
    quality: NDArray[np.float64],
) -> None:
    for i in range(len(sample)):
        first = sample[i] - start - BEFORE - MARGIN
        quality[i] = 0.0
        for lead in range(band.shape[0]):
            holes = 0
            for j in range(window.shape[2]):
                at = first + j
                if at < 0 or at >= band.shape[1]:
                    window[i, lead, j] = 0.0
                    holes += 1
                else:
                    window[i, lead, j] = band[lead, at]
                    if states[lead, at] != 0:
                        holes += 1
            present[i, lead] = holes <= MAX_HOLE
            if present[i, lead]:
                quality[i] = peak_quality[i]


@jit
def _breaks(
    aligned: NDArray[np.uint8],
    first: int,
    hole: NDArray[np.int64],
    sample: NDArray[np.int64],
    decided: NDArray[np.int64],
    last: int,
    broken: NDArray[np.bool_],
) -> int:
    # A beat is decided later than the signal right after it: walk both in the order of decisions.
    i = 0
    for n in range(aligned.shape[1]):
        gone = True
        for lead in range(aligned.shape[0]):
            if aligned[lead, n] < 3:
                gone = False
        at = first + n
        if gone:
            hole[0] = at
        while i < len(sample) and decided[i] <= at:
            broken[i] = last < 0 or (hole[0] > last and hole[0] < sample[i])
            last = sample[i]
            i += 1
    return last
