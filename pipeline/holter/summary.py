"""The figures of a record, each with its definition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.holter.beats import HolterBeats
from pipeline.holter.ectopy import Ectopy, ectopy
from pipeline.holter.fibrillation import Fibrillation, fibrillation
from pipeline.holter.variability import Variability, variability
from pipeline.records import Gap

__all__ = ["DEFINITIONS", "Hour", "Moment", "Summary", "summarise"]

RATE_BEATS = 8  # intervals in a rate, as on the monitor's page
PAUSE_S = 2.0
LONGEST_RR_S = 10.0  # s: a longer interval without a beat is a gap in the record, not a pause of the heart

DEFINITIONS = {
    "analysable": "time from the record's first sample to its last, without what was missing or flat in every lead",
    "rate": "over 8 R-R intervals that follow each other; the lowest and the highest, at the last of their beats",
    "mean rate": "60 over the mean R-R interval",
    "ventricular, supraventricular": "beats whose shape and timing look so, flagged by this model; no diagnosis",
    "couplet": "two such beats in a row",
    "run": "three or more such beats in a row; its rate is that between its first and last R peak",
    "bigeminy": "three or more such single beats, each with one other beat in between; counted once a stretch",
    "pause": "R-R interval of 2.0 s or more, not across missing signal",
    "NN interval": "R-R interval of 0.3 to 2.0 s between two beats that follow each other and are not flagged",
    "SDNN": "standard deviation of all NN intervals",
    "SDANN": "standard deviation of the means of NN intervals over segments of 5 min",
    "SDNN index": "mean of the standard deviations of NN intervals over segments of 5 min",
    "RMSSD": "root of the mean square of differences between NN intervals side by side",
    "pNN50": "share of these differences above 50 ms",
    "triangular index": "number of NN intervals over the height of their histogram with bins of 1/128 s",
    "VLF, LF, HF": "power of NN intervals from 0.0033 to 0.04, to 0.15 and to 0.4 Hz: Lomb-Scargle periodogram of "
    "segments of 5 min, trend taken out, mean over those of which NN intervals outside of atrial fibrillation cover "
    "80 % and miss nowhere more than 10 s; stationarity is not tested, and VLF of 5 min is dubious (Task Force 1996)",
    "atrial fibrillation": "stretches of 30 s and more after whose beats it is told: their share of the analysable "
    "time (burden), and how long they are together",
    "ST level": "median over the normal beats of a minute, 60 ms after the J point (mean of 20 ms), against a line "
    "from the beat's PR segment to the next one's, unfiltered; the J point is that of the minute's median beat. A "
    "recorder's high-pass above 0.05 Hz, a wide QRS complex, pacing and the patient's position move it",
    "reference": "the same figures from the beats that the record's annotators marked, by AAMI class (F with V)",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """A value and when it was, in s of the record."""

    value: float
    time_s: float


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of the record.

    Attributes
    ----------
    start_s : float
        When it began.
    analysable_s : float
        How much of it could be analysed, in s.
    beats, ventricular, supraventricular, other, pauses : int
        How many there were.
    rate_mean, rate_min, rate_max : float
        Rates in beats a minute; NaN where there is none.
    """

    start_s: float
    analysable_s: float
    beats: int
    ventricular: int
    supraventricular: int
    other: int
    pauses: int
    rate_mean: float
    rate_min: float
    rate_max: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of one record; see ``DEFINITIONS``.

    Attributes
    ----------
    beats : int
        All beats.
    hours, analysable_h : float
        Length of the record, and what of it could be analysed, in h.
    rate_min, rate_max : Moment or None
        Lowest and highest rate in beats a minute.
    rate_mean : float
        Mean rate.
    pauses : int
        How many.
    longest_rr : Moment or None
        The longest R-R interval, in s.
    ventricular, supraventricular : Ectopy
        Ectopic beats.
    other : int
        Beats flagged for another reason.
    variability : Variability
        Of the normal beats.
    fibrillation : Fibrillation or None
        Atrial fibrillation; None where nobody told rhythms.
    by_hour : tuple of Hour
        Hour by hour.
    """

    beats: int
    hours: float
    analysable_h: float
    rate_min: Moment | None
    rate_max: Moment | None
    rate_mean: float
    pauses: int
    longest_rr: Moment | None
    ventricular: Ectopy
    supraventricular: Ectopy
    other: int
    variability: Variability
    fibrillation: Fibrillation | None
    by_hour: tuple[Hour, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values; NaN where there is none."""
        return asdict(self)


def summarise(beats: HolterBeats, duration_s: float, gaps: Sequence[Gap]) -> Summary:
    """Sum a record up.

    Parameters
    ----------
    beats : HolterBeats
        Its beats, found or annotated.
    duration_s : float
        Its length in s.
    gaps : sequence of Gap
        Where nothing could be found; those in time order that overlap count once.
    """
    missing = _merged([(gap.start_s, gap.stop_s) for gap in gaps], duration_s)
    analysable_s = duration_s - sum(stop - start for start, stop in missing)
    rates = _rates(beats)
    rr = beats.rr_s
    known = rr[np.isfinite(rr)]
    pauses = (rr >= PAUSE_S) & (rr <= LONGEST_RR_S)
    within = np.where(rr <= LONGEST_RR_S, rr, np.nan)
    return Summary(
        beats=len(beats),
        hours=duration_s / 3600.0,
        analysable_h=analysable_s / 3600.0,
        rate_min=_moment(rates, beats, np.nanargmin),
        rate_max=_moment(rates, beats, np.nanargmax),
        rate_mean=60.0 / float(known.mean()) if len(known) else math.nan,
        pauses=int(pauses.sum()),
        longest_rr=_moment(within, beats, np.nanargmax),
        ventricular=ectopy(beats, "V", analysable_s / 3600.0),
        supraventricular=ectopy(beats, "S", analysable_s / 3600.0),
        other=int((beats.kind == "Q").sum()),
        variability=variability(beats, duration_s),
        fibrillation=fibrillation(beats, analysable_s),
        by_hour=tuple(_hours(beats, rates, pauses, missing, duration_s)),
    )


def _rates(beats: HolterBeats) -> Any:
    """Return the rate over the last intervals at each beat; NaN where one of them is not known."""
    if not len(beats):
        return np.empty(0)
    sums = np.convolve(beats.rr_s, np.ones(RATE_BEATS), mode="full")[: len(beats)]
    sums[: RATE_BEATS - 1] = np.nan
    return 60.0 * RATE_BEATS / sums


def _moment(values: Any, beats: HolterBeats, pick: Any) -> Moment | None:
    if not np.isfinite(values).any():
        return None
    at = int(pick(values))
    return Moment(float(values[at]), float(beats.time_s[at]))


def _merged(stretches: list[tuple[float, float]], duration_s: float) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, stop in sorted((max(0.0, start), min(stop, duration_s)) for start, stop in stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        elif stop > start:
            merged.append((start, stop))
    return merged


def _hours(
    beats: HolterBeats, rates: Any, pauses: Any, missing: list[tuple[float, float]], duration_s: float
) -> list[Hour]:
    hours = []
    for number in range(math.ceil(duration_s / 3600.0)):
        start, stop = 3600.0 * number, min(3600.0 * (number + 1), duration_s)
        inside = (beats.time_s >= start) & (beats.time_s < stop)
        lost = sum(max(0.0, min(stop, to) - max(start, at)) for at, to in missing)
        kinds, rr = beats.kind[inside], beats.rr_s[inside]
        rr, seen = rr[np.isfinite(rr)], rates[inside]
        seen = seen[np.isfinite(seen)]
        hours.append(
            Hour(
                start_s=start,
                analysable_s=stop - start - lost,
                beats=int(inside.sum()),
                ventricular=int((kinds == "V").sum()),
                supraventricular=int((kinds == "S").sum()),
                other=int((kinds == "Q").sum()),
                pauses=int((pauses & inside).sum()),
                rate_mean=60.0 / float(rr.mean()) if len(rr) else math.nan,
                rate_min=float(seen.min()) if len(seen) else math.nan,
                rate_max=float(seen.max()) if len(seen) else math.nan,
            )
        )
    return hours
