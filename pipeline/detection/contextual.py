"""Beats set against what was usual before each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ContextualBeats"]


@dataclass(frozen=True, slots=True, eq=False)
class ContextualBeats:
    """Beats set against what was usual before each of them.

    Attributes
    ----------
    residual : ndarray of float32, shape (n, leads, WINDOW)
        Beat minus template, an offset per lead taken out, in units of the noise; 0 in a lead that is not there.
    template, noise : ndarray of float32, shape (n, leads, WINDOW)
        The nearest trusted template and its noise, in deviations of the lead.
    recent : ndarray of float32, shape (n, leads, WINDOW)
        Running residual of the usual beats just before, such as respiration leaves it, in units of the noise.
    seen, offset : ndarray of float32, shapes (n, leads, WINDOW) and (n, leads)
        The aligned beat, and the offset that was taken out of its residual, in deviations of the lead.
    scale : ndarray of float32, shape (n, leads)
        Deviation of each lead in mV.
    present : ndarray of bool, shape (n, leads)
        False in a lead that is not there, or that holds noise alone while another holds the beat.
    excess : ndarray of float32, shape (n, leads, 3)
        Noise before and after the QRS, and deviation of the P wave, each a log above the patient's usual one.
    rr, prematurity : ndarray of float64, shape (n,)
        R-R interval in s; log of the mean interval over it. NaN where the interval is not known.
    member : ndarray of int64, shape (n,)
        Slot of the template that the beat was set against; -1 where none was trusted yet, so that it has no score.
    near, on_time : ndarray of bool, shape (n,)
        Evidence that a beat is usual, that does not rest on its score: its shape is near, its time is not early and no
        fast run holds the rhythm.
    """

    residual: NDArray[np.float32]
    template: NDArray[np.float32]
    noise: NDArray[np.float32]
    recent: NDArray[np.float32]
    seen: NDArray[np.float32]
    offset: NDArray[np.float32]
    scale: NDArray[np.float32]
    present: NDArray[np.bool_]
    excess: NDArray[np.float32]
    rr: NDArray[np.float64]
    prematurity: NDArray[np.float64]
    member: NDArray[np.int64]
    near: NDArray[np.bool_]
    on_time: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.member)
