"""From chunks of signal to heartbeats: the signal side of the pipeline, for one patient."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit
from pipeline.signals.envelopes import REACH
from pipeline.signals.front import Front
from pipeline.signals.gaps import GapTracker, Hole
from pipeline.signals.pacing import SpikeRemover
from pipeline.signals.peaks import PeakFinder
from pipeline.signals.resample import FS
from pipeline.signals.rpeaks import RPeakDetector
from pipeline.signals.window import BEFORE, MARGIN, WINDOW
from pipeline.snapshot import joined, part_of

__all__ = ["BeatFinder", "Beats"]

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
    known : ndarray of int64, shape (n,)
        Samples at the internal rate that had come by then, whatever the chunks: what orders beats among windows and
        holes.
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
    spikes : ndarray of int64, shape (k,)
        Pacing spikes that were taken out, in samples at the record's own rate.
    """

    sample: NDArray[np.int64]
    r_peak: NDArray[np.int64]
    decided: NDArray[np.int64]
    known: NDArray[np.int64]
    window: NDArray[np.float64]
    present: NDArray[np.bool_]
    quality: NDArray[np.float64]
    broken: NDArray[np.bool_]
    holes: tuple[Hole, ...]
    spikes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.sample)


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
        self._pacing = SpikeRemover(fs, n_leads)
        self._front = Front(fs, n_leads)
        self._peaks: PeakFinder = RPeakDetector(n_leads, clock=-REACH) if peaks is None else peaks
        self._gaps = GapTracker(n_leads)
        self._clock = 0
        resampler = self._front.resampler
        # Samples, at the stream's rate, by which the front is late.
        self._late = round(resampler.delay_s * fs) + self._pacing.delay
        no, nothing = np.empty(0, dtype=np.int64), np.empty((0, n_leads, WINDOW))
        present, empty = np.empty((0, n_leads), dtype=np.bool_), np.empty(0)
        self._no_beats = Beats(no, no, no, no, nothing, present, empty, np.empty(0, dtype=np.bool_), (), no)

    def process(self, signal: NDArray[np.floating]) -> Beats:
        """Take the next samples, shape (n, leads) in mV with NaN where missing; return the beats now decided."""
        front = self._front
        signal, spikes = self._pacing.process(signal)
        m = front.process(signal)
        start, self._clock = self._clock, self._clock + m
        peaks = self._peaks.find(front.signal[0], front.states, m)
        holes: tuple[Hole, ...] = ()
        if front.is_gone or self._gaps.is_open:
            holes = tuple(self._gaps.process(front.states[:, front.history :], start))
        n = len(peaks)
        if not n:
            return replace(self._no_beats, holes=holes, spikes=spikes) if holes or len(spikes) else self._no_beats
        window = np.empty((n, self.n_leads, WINDOW))
        present = np.empty((n, self.n_leads), dtype=np.bool_)
        quality = np.empty(n)
        first = start - front.history
        _cut(front.signal[1], front.states, first, peaks.sample, peaks.quality, window, present, quality)
        position = np.empty((2, n), dtype=np.int64)
        _place(peaks.sample, peaks.decided, front.resampler.step, front.resampler.den, self._late, position)
        return Beats(
            sample=peaks.sample,
            r_peak=position[0],
            decided=position[1],
            known=peaks.decided + REACH,
            window=window,
            present=present,
            quality=quality,
            broken=peaks.broken,
            holes=holes,
            spikes=spikes,
        )

    def open_holes(self) -> list[Hole]:
        """Return the stretches without a lead, or without any, that go on now."""
        return self._gaps.still_open(self._clock)

    def fresh(self) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Return the filtered signal in mV and the states of the leads that the last call brought, each (leads, m)."""
        front = self._front
        return front.signal[1][:, front.history :], front.states[:, front.history :]

    @property
    def time_s(self) -> float:
        """Time in s from the record's start up to which the signal has been taken in."""
        return self._clock / FS

    def snapshot(self) -> State:
        """Return the carried state."""
        state: State = {"clock": np.array([self._clock])}
        return state | joined({name: stage.snapshot() for name, stage in self._stages()})

    def restore(self, state: State) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._clock = int(state["clock"][0])
        for name, stage in self._stages():
            stage.restore(part_of(state, name))

    def _stages(self) -> list[tuple[str, SpikeRemover | Front | PeakFinder | GapTracker]]:
        return [("pacing", self._pacing), ("front", self._front), ("peaks", self._peaks), ("gaps", self._gaps)]


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
def _place(
    sample: NDArray[np.int64], decided: NDArray[np.int64], step: int, den: int, late: int, out: NDArray[np.int64]
) -> None:
    # One call for what would be three: a short chunk is made of calls.
    for i in range(len(decided)):
        out[0, i] = (2 * sample[i] * step + den) // (2 * den)
        out[1, i] = (2 * (decided[i] + REACH) * step + den) // (2 * den) + late
