"""What happens to a synthetic patient, and when: scenarios as data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["KINDS", "Episode", "Kind", "Scenario"]


class Kind(NamedTuple):
    """What an episode's ``level`` means, and what it is when nobody says."""

    group: str
    level: float
    unit: str
    ramp_s: float
    meaning: str


# One rhythm is in force at a time (the last listed of those that are on; sinus rhythm when none is); everything else
# adds up.
KINDS = {
    "afib": Kind("rhythm", 90.0, "beats/min", 0.5, "atrial fibrillation: irregular, f-waves, no P wave"),
    "flutter": Kind("rhythm", 300.0, "atrial waves/min", 0.5, "atrial flutter with 2:1 to 5:1 conduction"),
    "svt": Kind("rhythm", 170.0, "beats/min", 0.0, "supraventricular tachycardia: narrow, regular, retrograde P wave"),
    "junctional": Kind("rhythm", 45.0, "beats/min", 0.0, "junctional escape rhythm: narrow, slow, no P wave"),
    "bigeminy": Kind("rhythm", 1.0, "", 0.0, "a ventricular beat after each sinus beat"),
    "trigeminy": Kind("rhythm", 1.0, "", 0.0, "a ventricular beat after each second sinus beat"),
    "vt": Kind("rhythm", 165.0, "beats/min", 0.0, "ventricular tachycardia: wide, regular"),
    "vflutter": Kind("rhythm", 270.0, "waves/min", 0.0, "ventricular flutter: waves without distinct beats"),
    "pvc": Kind("ectopy", 4.0, "per min", 0.0, "premature ventricular beats from the right ventricle"),
    "pvc_left": Kind("ectopy", 4.0, "per min", 0.0, "premature ventricular beats from the left ventricle"),
    "couplet": Kind("ectopy", 1.0, "per min", 0.0, "two ventricular beats in a row, one of each shape"),
    "run": Kind("ectopy", 0.5, "per min", 0.0, "three to eight ventricular beats in a row"),
    "apb": Kind("ectopy", 4.0, "per min", 0.0, "atrial premature beats: early, altered P wave, normal QRS"),
    "fusion": Kind("ectopy", 2.0, "per min", 0.0, "fusions of a sinus and a ventricular beat"),
    "pause": Kind("ectopy", 1.0, "per min", 0.0, "sinus arrests of 2.2 to 3.8 s, half of them ended by an escape beat"),
    "lbbb": Kind("conduction", 1.0, "", 0.0, "left bundle branch block"),
    "rbbb": Kind("conduction", 1.0, "", 0.0, "right bundle branch block"),
    "rate": Kind("course", 20.0, "beats/min", 60.0, "a change of the sinus rate"),
    "amplitude": Kind("course", 0.6, "times", 60.0, "a change of the amplitude"),
    "st": Kind(
        "course", -0.2, "mV", 30.0, "ST elevation (above 0) or depression in the first lead; reciprocal in the second"
    ),
    "wander": Kind("noise", 0.5, "mV", 2.0, "baseline wander below 0.6 Hz, about that far to either side"),
    "muscle": Kind("noise", 0.08, "mV rms", 0.5, "muscle noise"),
    "motion": Kind("noise", 0.4, "mV rms", 0.5, "electrode motion: bumps in the band of the QRS and the T wave"),
    "hum": Kind("noise", 0.1, "mV", 0.0, "power-line hum, amplitude"),
    "saturation": Kind("fault", 1.0, "mV", 0.0, "an amplifier that clips at plus and minus that much"),
    "off": Kind("fault", 0.0, "mV", 0.0, "lead off: constant at that level"),
    "missing": Kind("fault", 0.0, "", 0.0, "missing samples (NaN)"),
    "inverted": Kind("fault", 0.0, "", 0.0, "a lead with its polarity inverted"),
    "swap": Kind("fault", 0.0, "", 0.0, "the two leads exchanged"),
}


@dataclass(frozen=True, slots=True)
class Episode:
    """Something that happens to the patient or to the electrodes from ``start_s`` to ``stop_s``.

    Parameters
    ----------
    kind : str
        What happens: a key of :data:`KINDS`.
    start_s, stop_s : float
        From when to when, in s from the record's start (from the start of each period in a scenario that repeats).
        Endless by default.
    level : float, optional
        How much of it, in the unit that :data:`KINDS` states; by default the level stated there.
    lead : int, optional
        For noise and faults, the one lead (0 or 1) that has it; by default both.
    ramp_s : float, optional
        Rise and fall of the level at both ends, in s; by default that of the kind. Ends that touch make a triangle.

    Raises
    ------
    ValueError
        If the kind is unknown, the times are out of order, the level is out of range, or the lead does not exist or
        makes no sense for the kind.
    """

    kind: str
    start_s: float = 0.0
    stop_s: float = math.inf
    level: float | None = None
    lead: int | None = None
    ramp_s: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of episode {self.kind!r}: one of {', '.join(KINDS)}")
        if not 0.0 <= self.start_s < self.stop_s:
            raise ValueError(f"{self.kind}: start {self.start_s} s and stop {self.stop_s} s are out of order")
        if self.lead is not None and (
            self.lead not in (0, 1) or self.group not in ("noise", "fault") or self.kind == "swap"
        ):
            raise ValueError(f"{self.kind}: lead {self.lead} is not one that it can be confined to")
        if not math.isfinite(self.amount):
            raise ValueError(f"{self.kind}: level {self.level} is not a finite number")
        if self.group == "rhythm" and not (20.0 <= self.amount <= 400.0 or KINDS[self.kind].unit == ""):
            raise ValueError(f"{self.kind}: level {self.level} {KINDS[self.kind].unit} is not within 20 to 400")
        if self.group == "ectopy" and not self.amount > 0.0:
            raise ValueError(f"{self.kind}: level {self.level} {KINDS[self.kind].unit} is not above 0")
        if not self.ramp >= 0.0:
            raise ValueError(f"{self.kind}: ramp {self.ramp_s} s is negative")

    @property
    def group(self) -> str:
        """What it acts on: ``rhythm``, ``ectopy``, ``conduction``, ``course``, ``noise`` or ``fault``."""
        return KINDS[self.kind].group

    @property
    def amount(self) -> float:
        """The level, or the kind's own where none was given."""
        return KINDS[self.kind].level if self.level is None else self.level

    @property
    def ramp(self) -> float:
        """The ramp in s, or the kind's own where none was given."""
        return KINDS[self.kind].ramp_s if self.ramp_s is None else self.ramp_s

    @property
    def leads(self) -> tuple[int, ...]:
        """The leads that it touches."""
        return (0, 1) if self.lead is None else (self.lead,)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A synthetic patient: who, and what happens over time.

    Parameters
    ----------
    title : str
        One line for a person.
    episodes : tuple of Episode
        What happens, in any order; without any, sinus rhythm on clean electrodes.
    rate_bpm : float
        Mean sinus rate in beats/min, 30 to 180.
    variability : float
        Variability of the sinus rate; 1 is a healthy adult at rest.
    breaths_per_min : float
        Mean breathing rate, 6 to 40.
    noise_mv : float
        Muscle and electrode noise that is always there, in mV rms.
    mains_hz : float
        Frequency of the power line: 50 or 60 Hz.
    period_s : float, optional
        Everything repeats after that many s; by default nothing does.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    title: str
    episodes: tuple[Episode, ...] = ()
    rate_bpm: float = 70.0
    variability: float = 1.0
    breaths_per_min: float = 15.0
    noise_mv: float = 0.012
    mains_hz: float = 50.0
    period_s: float | None = None

    def __post_init__(self) -> None:
        for name, low, high in (
            ("rate_bpm", 30.0, 180.0),
            ("variability", 0.0, 3.0),
            ("breaths_per_min", 6.0, 40.0),
            ("noise_mv", 0.0, 1.0),
            ("mains_hz", 45.0, 65.0),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"scenario {self.title!r}: {name} {value} is not within {low} to {high}")
        if self.period_s is not None:
            if not 0.0 < self.period_s < math.inf:
                raise ValueError(f"scenario {self.title!r}: period {self.period_s} s is not above 0 and finite")
            late = [episode.kind for episode in self.episodes if episode.start_s >= self.period_s]
            if late:
                raise ValueError(f"scenario {self.title!r}: {late[0]} starts after the period of {self.period_s} s")

    def active(self, group: str, time_s: float) -> list[Episode]:
        """Return the episodes of a group that are on at a time, in the order in which they are listed."""
        local = time_s if self.period_s is None else time_s % self.period_s
        return [e for e in self.episodes if e.start_s <= local < e.stop_s and e.group == group]

    def share(self, episode: Episode, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how much of an episode's level is there: 0 outside it, 1 inside it, between on its ramps.

        Parameters
        ----------
        episode : Episode
            One of this scenario's.
        time_s : ndarray of float64, shape (n,)
            Times in s from the record's start.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        local = time_s if self.period_s is None else np.mod(time_s, self.period_s)
        stop_s = episode.stop_s if self.period_s is None else min(episode.stop_s, self.period_s)
        inside = (local >= episode.start_s) & (local < stop_s)
        if episode.ramp == 0.0:
            return inside.astype(np.float64)
        edge = np.minimum(local - episode.start_s, stop_s - local) / episode.ramp
        return np.where(inside, np.clip(edge, 0.0, 1.0), 0.0)

    def occurrences(self, stop_s: float) -> Iterator[tuple[Episode, float, float]]:
        """Yield every episode with its start and stop in s, once in each period that begins before ``stop_s``."""
        periods = 1 if self.period_s is None else math.ceil(stop_s / self.period_s)
        for period in range(periods):
            shift = 0.0 if self.period_s is None else period * self.period_s
            limit = math.inf if self.period_s is None else self.period_s
            for episode in self.episodes:
                yield episode, shift + episode.start_s, shift + min(episode.stop_s, limit)
