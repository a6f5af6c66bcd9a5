"""What happens to a signal before beats are found in it, in one compiled pass a chunk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit
from pipeline.signals.filters import BandPass, sosfilt
from pipeline.signals.gaps import GONE
from pipeline.signals.quality import Conditioner, condition, flat_limits, new_steps
from pipeline.signals.resample import Resampler, extend, interpolate
from pipeline.snapshot import joined, part_of

__all__ = ["Front"]

HISTORY = 160  # samples kept: more than a window before its R peak, and the wait for the decision
OPENING = 400  # samples kept at the beginning: its beats are decided together, once their level is known


class Front:
    """Resampling, lead states and band-pass of one stream.

    The stages are those of :class:`Resampler`, :class:`Conditioner` and :class:`BandPass`; taken together they cost a
    short chunk one call and not three.

    Parameters
    ----------
    fs : float
        Rate of the stream in Hz.
    n_leads : int
        Number of leads.

    Attributes
    ----------
    resampler : Resampler
        It knows how positions convert.
    signal : ndarray of float64, shape (2, leads, history + m)
        Continuous and filtered signal in mV, of the samples before the last chunk and of the ``m`` that it brought.
    states : ndarray of uint8, shape (leads, history + m)
        State of each lead, see :class:`Conditioner`.
    history : int
        How many samples before the last chunk are kept now.
    is_gone : bool
        True if a lead was missing or flat in the last chunk.
    """

    def __init__(self, fs: float, n_leads: int) -> None:
        self.resampler = Resampler(fs, n_leads)
        self._conditioner = Conditioner(n_leads)
        self._band_pass = BandPass(n_leads)
        self.history = OPENING
        self.signal = np.zeros((2, n_leads, OPENING))
        self.states = np.full((n_leads, OPENING), 3, dtype=np.uint8)
        self.is_gone = False
        self._steps = new_steps(n_leads)

    def process(self, signal: NDArray[np.floating]) -> int:
        """Take the next samples, shape (n, leads) in mV with NaN where missing; return how many came out, ``m``."""
        resampler, conditioner, band_pass = self.resampler, self._conditioner, self._band_pass
        n_leads = len(self.states)
        first, stretch = resampler.next_output, resampler.take(signal)
        m = stretch.m
        signal = np.ascontiguousarray(signal, dtype=np.float64)  # one kind, or there would be code for each
        before, states_before = self.signal, self.states
        self.history = HISTORY if first >= OPENING else OPENING
        self.signal = np.empty((2, n_leads, self.history + m))
        self.states = np.empty((n_leads, self.history + m), dtype=np.uint8)
        self.is_gone = _advance(
            signal,
            self.history,
            *stretch,
            resampler.taps,
            first,
            resampler.step,
            resampler.den,
            conditioner.levels,
            conditioner.runs,
            self._steps,
            band_pass.sos,
            band_pass.z,
            before,
            states_before,
            self.signal,
            self.states,
        )
        return m

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""
        state: dict[str, NDArray[np.generic]] = {
            "history": self.signal[:, :, -self.history :].copy(),
            "states": self.states[:, -self.history :].copy(),
            "steps": self._steps.copy(),
        }
        return state | joined({name: stage.snapshot() for name, stage in self._stages()})

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self.signal = np.array(state["history"], dtype=np.float64)
        self.states = np.array(state["states"], dtype=np.uint8)
        self.history = self.states.shape[1]
        self._steps = np.array(state["steps"], dtype=np.float64)
        for name, stage in self._stages():
            stage.restore(part_of(state, name))

    def _stages(self) -> list[tuple[str, Resampler | Conditioner | BandPass]]:
        return [("resampler", self.resampler), ("conditioner", self._conditioner), ("band_pass", self._band_pass)]


@jit
def _advance(
    fresh: NDArray[np.floating],
    history: int,
    tail: NDArray[np.float64],
    kept: int,
    start: int,
    drop: int,
    m: int,
    taps: NDArray[np.float64],
    first: int,
    step: int,
    den: int,
    levels: NDArray[np.float64],
    runs: NDArray[np.int64],
    steps: NDArray[np.float64],
    sos: NDArray[np.float64],
    z: NDArray[np.float64],
    before: NDArray[np.float64],
    states_before: NDArray[np.uint8],
    signal: NDArray[np.float64],
    states: NDArray[np.uint8],
) -> bool:
    n_leads, size = signal.shape[1], history + m
    buffer = extend(fresh, tail, kept, drop)
    old = before.shape[2] - history
    is_gone = False
    limits = np.empty(m, dtype=np.int64)
    for lead in range(n_leads):
        continuous, filtered, state = signal[0, lead], signal[1, lead], states[lead]
        for n in range(history):
            continuous[n] = before[0, lead, old + n]
            filtered[n] = before[1, lead, old + n]
            state[n] = states_before[lead, old + n]
        raw = filtered[history:]  # until it is filtered
        interpolate(buffer[lead], start, taps, first, step, den, raw)
        flat_limits(buffer[lead], start, first, step, den, steps[lead], limits)
        condition(raw, levels[lead], runs[lead], limits, continuous[history:], state[history:])
        sosfilt(continuous[history:], sos, z[lead], filtered[history:])
        for n in range(history, size):
            if state[n] >= GONE:
                is_gone = True
    return is_gone
