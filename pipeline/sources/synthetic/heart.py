"""The timing of a synthetic heart: which beat comes when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.sources.synthetic.autonomic import Autonomic
from pipeline.sources.synthetic.scenario import Scenario

__all__ = ["Beat", "Heart"]

LABELS = {
    "afib": "(AFIB",
    "flutter": "(AFL",
    "svt": "(SVTA",
    "junctional": "(NOD",
    "bigeminy": "(B",
    "trigeminy": "(T",
    "vt": "(VT",
    "vflutter": "(VFL",
}
CONDUCTION = {"lbbb": ("L", "left_block"), "rbbb": ("R", "right_block")}
VENTRICULAR = {"vt": ("V", "right_ventricular"), "vflutter": ("!", "flutter")}
PACED_BY_SINUS = frozenset({"sinus", "bigeminy", "trigeminy"})
ECTOPY_IN = PACED_BY_SINUS | {"afib", "flutter"}

SHORTEST_S = 0.34  # no ventricular beat follows another sooner
N_VARIATIONS = 6


class Beat(NamedTuple):
    """One heartbeat, or one P wave that no heartbeat follows."""

    time_s: float  # R peak
    symbol: str  # WFDB symbol; empty where there is no QRS complex
    shape: str  # key of COMPLEXES
    p_wave: str  # key of P_WAVES; empty without one
    rhythm: str  # WFDB rhythm label
    rr_s: float  # R-R interval that repolarisation is adapted to
    variation: NDArray[np.float64]  # N_VARIATIONS standard normal numbers that make this beat unlike the others


class Heart:
    """A pacemaker, ectopic foci and the conduction between them.

    The sinus node fires on a clock of its own. A ventricular ectopic beat leaves the clock alone, so the next sinus
    impulse is blocked and the pause is compensatory; an atrial one resets it, so the pause is not.

    Parameters
    ----------
    scenario : Scenario
        What happens when.
    autonomic : Autonomic
        The interval of the sinus node.
    rng : Generator
        Chance.
    """

    def __init__(self, scenario: Scenario, autonomic: Autonomic, rng: np.random.Generator) -> None:
        self._scenario = scenario
        self._autonomic = autonomic
        self._rng = rng
        self._last = -0.5 - 0.3 * rng.random()  # R peak of the last beat, s
        self._rhythm, self._amount = "sinus", 0.0  # what is in force, and its level
        self._due = self._last + self._interval(self._last)  # next R peak of that rhythm, s
        self._adapted = self._due - self._last
        self._since = 0  # beats of the underlying rhythm since the last ectopic one
        self._ectopics: dict[str, Callable[[], Iterator[Beat]]] = {
            "pvc": self._pvc,
            "pvc_left": lambda: self._pvc("left_ventricular", 0.64),
            "couplet": self._couplet,
            "run": self._run,
            "apb": self._atrial,
            "fusion": self._fusion,
            "pause": self._pause,
        }

    def beats(self) -> Iterator[Beat]:
        """Yield beats in order of time, without end."""
        while True:
            rhythm, amount = self._ordered(self._due)
            if rhythm in VENTRICULAR:
                yield from self._ventricular(rhythm, amount)
                continue
            if (rhythm, amount) != (self._rhythm, self._amount):
                self._change(rhythm, amount)
            ectopic = self._ectopic()
            if ectopic is None:
                yield self._underlying()
                self._due = self._last + self._interval(self._last)
            else:
                self._since = 0
                yield from self._ectopics[ectopic]()

    def _ordered(self, time_s: float) -> tuple[str, float]:
        """Return the rhythm that the scenario has at a time, and its level."""
        episodes = self._scenario.active("rhythm", time_s)
        return (episodes[-1].kind, episodes[-1].amount) if episodes else ("sinus", 0.0)

    def _change(self, rhythm: str, amount: float) -> None:
        """Let a tachycardia begin with an early beat, and the sinus node pause after one."""
        after_tachycardia = self._rhythm == "svt"
        self._rhythm, self._amount = rhythm, amount
        if rhythm == "svt":
            early = self._last + max(SHORTEST_S, 60.0 / amount)
            if early < self._due and self._ordered(early)[0] == rhythm:
                self._due = early
        elif after_tachycardia:
            self._due = max(self._due, self._last + 1.2 * self._interval(self._last))

    def _rate(self, time_s: float) -> float:
        """Return the mean sinus rate in beats/min."""
        at = np.array([time_s])
        changes = self._scenario.active("course", time_s)
        change = sum(float(self._scenario.share(e, at)[0]) * e.amount for e in changes if e.kind == "rate")
        return min(200.0, max(25.0, self._scenario.rate_bpm + change))

    def _interval(self, time_s: float) -> float:
        """Return the interval of the rhythm in force in s that begins at a time."""
        rhythm, cycle = self._rhythm, 60.0 / (self._amount or 60.0)
        if rhythm == "afib":
            # The atrioventricular node answers at random: log-normal, coefficient of variation 0.24.
            return float(np.clip(cycle * np.exp(0.24 * self._rng.standard_normal() - 0.029), SHORTEST_S, 2.2))
        if rhythm == "flutter":
            waves = self._rng.choice((2, 3, 4, 5), p=(0.2, 0.15, 0.6, 0.05))
            return float(waves * cycle + 0.004 * self._rng.standard_normal())
        if rhythm == "svt":
            return max(SHORTEST_S * 0.8, cycle * (1.0 + 0.008 * self._rng.standard_normal()))
        if rhythm == "junctional":
            return cycle * (1.0 + 0.02 * self._rng.standard_normal())
        return self._autonomic.interval(time_s, self._rate(time_s))

    def _label(self, rhythm: str) -> str:
        return LABELS.get(rhythm) or ("(SBR" if self._rate(self._last) < 50.0 else "(N")

    def _beat(self, time_s: float, symbol: str, shape: str, p_wave: str = "", rhythm: str = "") -> Beat:
        """Return a beat, of another rhythm than the one in force if that is named."""
        interval = min(1.6, max(0.3, time_s - self._last))
        self._adapted += 0.15 * (interval - self._adapted)  # repolarisation follows the rate with a lag
        self._last = time_s
        label = self._label(rhythm or self._rhythm)
        return Beat(time_s, symbol, shape, p_wave, label, self._adapted, self._rng.standard_normal(N_VARIATIONS))

    def _blocked(self, time_s: float) -> Beat:
        """Return the P wave of a sinus impulse that finds the ventricles refractory."""
        variation = self._rng.standard_normal(N_VARIATIONS)
        return Beat(time_s, "", "none", "sinus", self._label(self._rhythm), self._adapted, variation)

    def _underlying(self) -> Beat:
        """Return the next beat that comes from above the ventricles."""
        self._since += 1
        symbol, shape = self._conduction()
        if self._rhythm == "svt":
            return self._beat(self._due, "A", shape, "retrograde")
        if self._rhythm == "junctional":
            return self._beat(self._due, "j", shape)
        return self._beat(self._due, symbol, shape, "sinus" if self._rhythm in PACED_BY_SINUS else "")

    def _conduction(self) -> tuple[str, str]:
        """Return symbol and shape of a beat that comes down the bundle branches."""
        block = self._scenario.active("conduction", self._due)
        return CONDUCTION[block[-1].kind] if block else ("N", "normal")

    def _ectopic(self) -> str | None:
        """Return the kind of ectopic event that comes before the next beat of the rhythm in force, if any does."""
        if self._since >= {"bigeminy": 1, "trigeminy": 2}.get(self._rhythm, np.inf):
            return "pvc"
        if self._rhythm not in ECTOPY_IN or self._since < 2:
            return None
        interval = self._due - self._last
        for episode in self._scenario.active("ectopy", self._due):
            if self._rng.random() < episode.amount * interval / 60.0 and self._fits(episode.kind, interval):
                return episode.kind
        return None

    def _fits(self, kind: str, interval: float) -> bool:
        if kind in ("apb", "fusion", "pause"):
            return self._rhythm in PACED_BY_SINUS
        return interval > SHORTEST_S + 0.2  # nothing can be premature in a shorter one

    def _coupling(self, share: float) -> float:
        """Return the interval in s at which an ectopic beat follows: nearly the same each time."""
        typical = 60.0 / self._rate(self._last)
        early = min(share * typical, self._due - self._last - 0.14)
        return max(SHORTEST_S, early + 0.012 * self._rng.standard_normal())

    def _ventricular_beats(self, couplings: list[float], shapes: list[str], rhythm: str = "") -> Iterator[Beat]:
        """Yield premature ventricular beats, and let the sinus clock run on meanwhile."""
        for coupling, shape in zip(couplings, shapes, strict=True):
            yield self._beat(self._last + coupling, "V", shape, rhythm=rhythm)
        if self._rhythm not in PACED_BY_SINUS:
            # Concealed conduction: the ectopic beat also delays the next irregular one.
            self._due = self._last + max(0.5, 1.15 * self._interval(self._last))
            return
        while self._due - self._last < 0.45:
            if self._due > self._last:
                yield self._blocked(self._due)
            self._due += self._interval(self._due)

    def _pvc(self, shape: str = "right_ventricular", share: float = 0.58) -> Iterator[Beat]:
        yield from self._ventricular_beats([self._coupling(share)], [shape])

    def _couplet(self) -> Iterator[Beat]:
        second = max(SHORTEST_S, 0.42 + 0.03 * self._rng.standard_normal())
        yield from self._ventricular_beats([self._coupling(0.58), second], ["right_ventricular", "left_ventricular"])

    def _run(self) -> Iterator[Beat]:
        n = int(self._rng.integers(3, 9))
        cycle = self._rng.uniform(0.35, 0.45)
        couplings = [self._coupling(0.58), *(cycle * (1.0 + 0.03 * self._rng.standard_normal(n - 1))).tolist()]
        yield from self._ventricular_beats(couplings, ["right_ventricular"] * n, "vt")

    def _atrial(self) -> Iterator[Beat]:
        early = self._rng.uniform(0.55, 0.72) * (self._due - self._last)
        yield self._beat(self._last + max(SHORTEST_S + 0.04, early), "A", self._conduction()[1], "ectopic")
        self._due = self._last + 1.06 * self._interval(self._last)  # the sinus node is reset, and starts a little late

    def _fusion(self) -> Iterator[Beat]:
        yield self._beat(self._due - self._rng.uniform(0.0, 0.03), "F", "fusion", "sinus")
        self._due = self._last + self._interval(self._last)

    def _pause(self) -> Iterator[Beat]:
        end = self._last + max(self._rng.uniform(2.2, 3.8), 1.5 * (self._due - self._last))
        if self._rng.random() < 0.5:
            yield self._beat(end, "j", "normal")
        else:
            yield self._beat(end, "N", "normal", "sinus")
        self._due = self._last + 1.1 * self._interval(self._last)

    def _ventricular(self, rhythm: str, amount: float) -> Iterator[Beat]:
        """Yield ventricular tachycardia or flutter until it is over."""
        symbol, shape = VENTRICULAR[rhythm]
        wobble = 0.012 if rhythm == "vt" else 0.05
        early = self._last + max(SHORTEST_S, 0.6 * (self._due - self._last))
        if self._ordered(early) == (rhythm, amount):
            self._due = early
        while self._ordered(self._due) == (rhythm, amount):
            yield self._beat(self._due, symbol, shape, rhythm=rhythm)
            self._due += 60.0 / amount * (1.0 + wobble * self._rng.standard_normal())
        self._rhythm, self._amount, self._since = "sinus", 0.0, 0
        # The sinus node was overdriven, and takes its time.
        self._due = self._last + max(0.9, 1.25 * self._interval(self._last))
