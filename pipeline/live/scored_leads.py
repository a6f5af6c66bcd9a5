"""Of a frame what is scored, the leads that are chosen by name, in mV; and the pulse waves beside them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import FrameError, PipelineError
from pipeline.live.frames import MAX_MV, Frame
from pipeline.sources.leads import choose_leads, choose_waves, millivolts_per_unit
from pipeline.sources.signal_kind import signal_kind

__all__ = ["ecg_leads", "millivolts", "pulse_waves", "scored_leads", "wave_names"]

LEADS = 2  # that are scored


def scored_leads(frame: Frame) -> Frame:
    """Return the frame with the leads that are scored, most preferred first, and behind them its pulse waves alone.

    Raises
    ------
    FrameError
        If none of them is an ECG lead.
    """
    try:
        keep = _kept("", frame.leads, frame.units)
    except PipelineError:
        try:
            keep = _kept(frame.patient, frame.leads, frame.units)  # says whose
        except PipelineError as error:
            raise FrameError(str(error)) from error
    if keep == list(range(len(frame.leads))):
        return frame
    samples: NDArray[Any] = frame.samples
    return replace(
        frame,
        leads=tuple(frame.leads[i] for i in keep),
        units=tuple(frame.units[i] for i in keep),
        samples=np.ascontiguousarray(samples[:, keep]),
        gain=None if frame.gain is None else tuple(frame.gain[i] for i in keep),
    )


def millivolts(frame: Frame) -> NDArray[np.float32]:
    """Return a frame's leads in mV, shape (samples, leads); NaN where one is missing or none of a body's."""
    n = len(ecg_leads(frame.leads))
    values = frame.values()[:, :n]
    scale = [millivolts_per_unit(unit) for unit in frame.units[:n]]
    if scale != [1.0] * len(scale):
        values = (values * np.array(scale, np.float64)).astype(np.float64)
    values[np.abs(values) > MAX_MV] = np.nan
    return np.ascontiguousarray(values, dtype=np.float32)


def pulse_waves(frame: Frame) -> NDArray[np.float32] | None:
    """Return a frame's pulse waves in their units, shape (samples, waves); None if there are none."""
    n = len(ecg_leads(frame.leads))
    return np.ascontiguousarray(frame.values()[:, n:], dtype=np.float32) if n < len(frame.leads) else None


@lru_cache(256)  # all frames of a device have the same leads
def ecg_leads(leads: tuple[str, ...]) -> tuple[str, ...]:
    """Return the leads of a frame that :func:`scored_leads` has arranged, without its pulse waves."""
    return tuple(lead for lead in leads if signal_kind(lead) != "pulse")


def wave_names(leads: tuple[str, ...]) -> tuple[str, ...]:
    """Return the pulse waves of a frame that :func:`scored_leads` has arranged."""
    return leads[len(ecg_leads(leads)) :]


@lru_cache(256)
def _kept(patient: str, leads: tuple[str, ...], units: tuple[str, ...]) -> list[int]:
    chosen = choose_leads(patient, leads, [millivolts_per_unit(unit) is not None for unit in units], None, LEADS)
    return [*chosen, *choose_waves(leads)]
