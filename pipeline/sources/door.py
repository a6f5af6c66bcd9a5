"""Rates outside those that the pipeline takes, brought inside where a recording is read."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["HIGHEST_FS", "LOWEST_FS", "MAX_FS", "MIN_FS", "Door"]

MIN_FS, MAX_FS = 100.0, 1000.0  # what a monitor takes
LOWEST_FS, HIGHEST_FS = 50.0, 10_000.0  # what a file may have

_REACH = 10  # half length of the filter, in samples of the slower rate
_BETA = 6.0  # Kaiser window: 60 dB of stop band


class Door:
    """Raises a rate by a whole factor, or lowers it by one; in between it does nothing.

    An output sample stands where every ``down``-th input sample (or between them, every ``up``-th part) does, so times
    stay what they are. It is missing if the input sample that it stands on is, or more than half of what it is made of.

    Parameters
    ----------
    fs : float
        Rate of the input in Hz.

    Attributes
    ----------
    up, down : int
        By what it is multiplied and divided.
    """

    def __init__(self, fs: float) -> None:
        self.fs_in = fs
        self.up = 1 if fs >= MIN_FS else math.ceil(MIN_FS / fs)
        self.down = 1 if fs <= MAX_FS else math.ceil(fs / MAX_FS)
        slow = max(self.up, self.down)
        self._half = _REACH * slow
        if self.is_open:
            return
        from scipy.signal import firwin  # it takes a second and 70 MB to import

        self._taps = firwin(2 * self._half + 1, 0.9 / slow, window=("kaiser", _BETA)) * self.up

    @property
    def fs(self) -> float:
        """Rate of the output in Hz."""
        return self.fs_in * self.up / self.down

    @property
    def is_open(self) -> bool:
        """True if nothing is done."""
        return self.up == self.down == 1

    def length(self, samples: int) -> int:
        """Return how many samples come out for so many."""
        return -(-samples * self.up // self.down)

    def blocks(self, blocks: Iterator[NDArray[np.floating]]) -> Iterator[NDArray[np.floating]]:
        """Convert signals block by block, shape (samples, signals), NaN where missing; blocks may be of any size."""
        if self.is_open:
            yield from blocks
            return
        reach = -(-self._half // self.up)  # input samples on either side of an output
        reach = -(-reach // self.down) * self.down
        held: NDArray[np.floating] | None = None  # input from `first` on
        first = done = 0  # input sample at which `held` begins; first one whose outputs are not out yet
        for block in blocks:
            if held is None:
                held = np.repeat(np.zeros_like(block[:1]) * np.nan, reach, axis=0)
                first = -reach
            held = np.concatenate([held, block])
            ready = (first + len(held) - reach) // self.down * self.down
            if ready > done:
                yield self._convert(held[done - reach - first :], reach, ready - done)
                held, first, done = held[ready - reach - first :], ready - reach, ready
        if held is not None:
            rest = first + len(held) - done
            if rest > 0:
                end = np.full((reach + self.down, held.shape[1]), np.nan)
                yield self._convert(np.concatenate([held[done - reach - first :], end]), reach, rest)

    def _convert(self, held: NDArray[np.floating], reach: int, count: int) -> NDArray[np.float64]:
        """Return the outputs of ``count`` inputs that follow ``reach`` others."""
        held = held[: reach + -(-count // self.down) * self.down + reach]
        from scipy.signal import upfirdn

        missing = ~np.isfinite(held)
        filled = _held(held, missing) if missing.any() else held
        n = -(-count * self.up // self.down)
        out = np.empty((n, held.shape[1]))
        for column in range(held.shape[1]):
            full = upfirdn(self._taps, filled[:, column], up=self.up)
            at = reach * self.up + self._half
            out[:, column] = full[at : at + n * self.down : self.down][:n]
        gone = np.repeat(missing, self.up, axis=0)[reach * self.up :: self.down][:n]
        out[gone] = np.nan
        return out


def _held(signal: NDArray[np.floating], missing: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Return a signal whose missing samples repeat the last one, and the first one before that."""
    out = signal.copy()
    for column in range(signal.shape[1]):
        known = np.flatnonzero(~missing[:, column])
        if not len(known):
            out[:, column] = 0.0
            continue
        nearest = known[np.maximum(np.searchsorted(known, np.arange(len(signal)), side="right") - 1, 0)]
        out[:, column] = signal[nearest, column]
    return out
