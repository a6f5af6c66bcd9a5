"""To whom the declared false-alarm rate can be promised: that at most twice as many normal beats are flagged.

Without labels nobody can tell flagged normal beats from flagged abnormal ones. Two things say that the rate is in
doubt: so many beats are flagged that these cannot all be rare, or the level of the scores has moved, so that what was
learnt of the patient was thrown away. The numbers were chosen on the development people (DS1 of mitdb, svdb 800-859),
each with a population of others. Of 65 the rate of 1 % was promised to 77 %, and kept in 86 % of these; without the
choice 78 %. The width of the posterior over the population's guesses told nothing there.
That was measured once, on scores of the folds in which the sequence network was chosen; no command prints it.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.records import Drift

__all__ = ["FEWEST", "MOST", "doubt", "has_moved"]

FEWEST = 300  # judged beats below which nothing is promised
MOST = 0.2  # share of flagged beats above which nothing is promised
NOTED = "noted"  # how the action of a drift begins that changed nothing


def has_moved(drifts: Iterable[Drift]) -> bool:
    """Tell whether one of the drifts was acted on."""
    return any(not drift.action.startswith(NOTED) for drift in drifts)


def doubt(judged: int, flagged: int, *, moved: bool) -> str | None:
    """Say why the declared rate is not promised; None where it is.

    Parameters
    ----------
    judged, flagged : int
        Beats with a score, the patient's learning time aside, and those flagged among them.
    moved : bool
        Whether the level of the scores has changed meanwhile, see :func:`has_moved`.
    """
    if judged < FEWEST:
        return f"{judged} beats are too few to tell"
    if flagged > MOST * judged:
        return f"{100 * flagged / judged:.0f} % of the beats are flagged, normal ones may be among them"
    if moved:
        return "the level of the scores has changed"
    return None
