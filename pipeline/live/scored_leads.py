"""Of a frame what is scored: the leads that are chosen by name, in mV."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import FrameError, PipelineError
from pipeline.live.frames import MAX_MV, Frame
from pipeline.sources.leads import choose_leads, millivolts_per_unit

__all__ = ["millivolts", "scored_leads"]

LEADS = 2  # that are scored


def scored_leads(frame: Frame) -> Frame:
    """Return the frame with the leads alone that are scored, most preferred first.

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
    """Return a frame's samples in mV, shape (samples, leads); NaN where one is missing or none of a body's."""
    values = frame.values()
    scale = [millivolts_per_unit(unit) for unit in frame.units]
    if scale != [1.0] * len(scale):
        values = (values * np.array(scale, np.float64)).astype(np.float64)
    values[np.abs(values) > MAX_MV] = np.nan
    return values.astype(np.float32, copy=False)


@lru_cache(256)  # all frames of a device have the same leads
def _kept(patient: str, leads: tuple[str, ...], units: tuple[str, ...]) -> list[int]:
    return choose_leads(patient, leads, [millivolts_per_unit(unit) is not None for unit in units], None, LEADS)
