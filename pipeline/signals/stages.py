"""What a :class:`BeatFinder` makes of a signal before it finds beats in it, to be looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.signals.envelopes import QRS_ENVELOPE, SHARP_ENVELOPE
from pipeline.signals.filters import BandPass
from pipeline.signals.quality import Conditioner
from pipeline.signals.resample import FS, Resampler

__all__ = ["Stages", "signal_stages"]


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """A signal on its way, each array at the internal rate of 180 Hz.

    Attributes
    ----------
    time_s : ndarray, shape (m,)
        In s from the signal's start.
    filtered : ndarray, shape (m, leads)
        After the band pass of 0.5 to 40 Hz, in mV: what beat windows are cut from.
    envelope, sharp : ndarray, shape (m, leads)
        Morlet envelopes about 10 Hz, which every QRS complex has, and about 20 Hz, which no T wave has, in mV.
    """

    time_s: NDArray[np.float64]
    filtered: NDArray[np.float64]
    envelope: NDArray[np.float64]
    sharp: NDArray[np.float64]


def signal_stages(signal: NDArray[np.floating], fs: float) -> Stages:
    """Filter a whole signal, shape (samples, leads) in mV at ``fs`` Hz, as a :class:`BeatFinder` does."""
    n_leads = signal.shape[1]
    continuous, _ = Conditioner(n_leads).process(Resampler(fs, n_leads).process(signal))
    filtered = BandPass(n_leads).process(continuous)
    reach = max(QRS_ENVELOPE.reach, SHARP_ENVELOPE.reach)
    padded = np.pad(continuous, ((0, 0), (reach, reach)), mode="edge")
    envelopes = [
        morlet.envelope(padded[:, reach - morlet.reach : padded.shape[1] - reach + morlet.reach])
        for morlet in (QRS_ENVELOPE, SHARP_ENVELOPE)
    ]
    return Stages(np.arange(filtered.shape[1]) / FS, filtered.T, envelopes[0].T, envelopes[1].T)
