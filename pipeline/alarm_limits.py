"""The limits of alarms that may be other than usual for one patient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["LIMITS", "Limit", "check_limits", "check_order"]


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that can be set for one patient.

    Attributes
    ----------
    name : str
        As the settings call it.
    meaning : str
        What happens beyond it, in words.
    unit : str
        ``/min`` or ``s``.
    lowest, highest : float
        Between which it may lie. Rates above 250 a minute are not told apart by the R-peak detector.
    """

    name: str
    meaning: str
    unit: str
    lowest: float
    highest: float


LIMITS = {
    limit.name: limit
    for limit in (
        Limit("extreme_brady_bpm", "dangerously slow below", "/min", 15.0, 150.0),
        Limit("brady_bpm", "slow below", "/min", 15.0, 150.0),
        Limit("tachy_bpm", "fast above", "/min", 60.0, 240.0),
        Limit("extreme_tachy_bpm", "dangerously fast above", "/min", 60.0, 240.0),
        Limit("vt_bpm", "ventricular runs are a tachycardia above", "/min", 60.0, 240.0),
        Limit("pause_s", "a pause after", "s", 1.5, 10.0),
        Limit("asystole_s", "asystole after", "s", 2.0, 10.0),
    )
}
# What may not be above what, or the milder alarm would never be told.
_ORDER = (
    ("extreme_brady_bpm", "brady_bpm"),
    ("brady_bpm", "tachy_bpm"),
    ("tachy_bpm", "extreme_tachy_bpm"),
    ("pause_s", "asystole_s"),
)


def check_limits(limits: Mapping[str, float]) -> dict[str, float]:
    """Return limits of one patient by name.

    Raises
    ------
    ValueError
        If there is no such limit, or one is outside its range.
    """
    for name, value in limits.items():
        limit = LIMITS.get(name)
        if limit is None:
            raise ValueError(f"there is no limit {name!r:.60}; the limits are {', '.join(LIMITS)}")
        if not limit.lowest <= value <= limit.highest:  # NaN is outside
            raise ValueError(f"{name} is {limit.lowest:g} to {limit.highest:g} {limit.unit}, not {value:g}")
    return {name: float(value) for name, value in limits.items()}


def check_order(values: Mapping[str, float], own: Iterable[str]) -> None:
    """See that limits go together with the others.

    Parameters
    ----------
    values : mapping of str to float
        All limits by name.
    own : iterable of str
        Those that are to be looked at, each beside its neighbours.

    Raises
    ------
    ValueError
        If a milder one lies beyond the graver one.
    """
    names = set(own)
    for lower, upper in _ORDER:
        if names & {lower, upper} and values[lower] > values[upper]:
            raise ValueError(f"{lower} ({values[lower]:g}) is above {upper} ({values[upper]:g}): set both")
