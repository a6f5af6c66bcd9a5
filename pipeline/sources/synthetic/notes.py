"""The annotations that a person would have made of a synthetic record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

import numpy as np

from pipeline.annotations import Annotations
from pipeline.sources.synthetic.heart import Beat
from pipeline.sources.synthetic.scenario import Scenario

__all__ = ["annotate", "quality_subtype"]

Note = tuple[float, str, str]  # time in s, symbol, aux note

NOISY = frozenset({"wander", "muscle", "motion", "hum", "saturation"})
UNREADABLE = frozenset({"off", "missing"})
COMMENTED = frozenset({"rate", "amplitude", "inverted", "swap"})


def annotate(scenario: Scenario, beats: Iterable[Beat], fs: float, n_samples: int) -> Annotations:
    """Return the annotations of a record of ``n_samples`` samples at ``fs`` Hz.

    Beats stand at their R peaks; ``+`` at a rhythm change; ``[`` and ``]`` around ventricular flutter, whose waves are
    ``!``; ``~`` at a change of signal quality, with a letter per lead in the note (c clean, n noisy, U unreadable);
    ``s`` at ST changes with notes as in the European ST-T Database; ``"`` with a comment at the other ordered changes.

    Parameters
    ----------
    scenario : Scenario
        What was ordered.
    beats : iterable of Beat
        The heart's beats in order of time; may be endless.
    fs : float
        Sampling rate in Hz.
    n_samples : int
        Length of the record.
    """
    end_s = (n_samples - 0.5) / fs
    quality = list(_quality(scenario, end_s))
    notes: list[Note] = [*quality, *_comments(scenario, end_s), *_rhythm(_seen(beats, quality, end_s))]
    # Stable: what stands at the same sample keeps the order above, so a beat follows what announces it.
    placed = sorted(
        ((min(round(t * fs), n_samples - 1), symbol, aux) for t, symbol, aux in notes), key=lambda note: note[0]
    )
    return Annotations(
        np.array([sample for sample, _, _ in placed], dtype=np.int64),
        np.array([symbol for _, symbol, _ in placed], dtype="<U1"),
        tuple(aux for _, _, aux in placed),
        fs,
    )


def quality_subtype(aux: str) -> int:
    """Return the WFDB subtype of a signal quality note such as ``nU``: a bit per noisy lead, two if unreadable."""
    return sum({"c": 0x00, "n": 0x01, "U": 0x11}[letter] << lead for lead, letter in enumerate(aux))


def _seen(beats: Iterable[Beat], quality: list[Note], end_s: float) -> Iterator[Beat]:
    """Yield the beats within the record that at least one lead shows."""
    changes = iter([*quality, (np.inf, "~", "")])
    state, (next_s, _, next_state) = "cc", next(changes)
    for beat in beats:
        if beat.time_s >= end_s:
            return
        while next_s <= beat.time_s:
            state, (next_s, _, next_state) = next_state, next(changes)
        if beat.symbol and beat.time_s >= 0.0 and state != "UU":
            yield beat


def _rhythm(beats: Iterable[Beat]) -> Iterator[Note]:
    """Yield the beats, and a note before each change of the rhythm."""
    rhythm, flutter = "", False
    pending: Beat | None = None  # the flutter wave that may turn out to be the last one
    for beat in beats:
        if pending is not None:
            yield pending.time_s, "!" if beat.symbol == "!" else "]", ""
            pending = None
        if beat.rhythm != rhythm:
            rhythm = beat.rhythm
            yield max(0.0, beat.time_s - 0.1), "+", rhythm
        if beat.symbol != "!":
            flutter = False
            yield beat.time_s, beat.symbol, ""
        elif flutter:
            pending = beat
        else:
            flutter = True
            yield beat.time_s, "[", ""
    if pending is not None:
        yield pending.time_s, "]", ""


def _quality(scenario: Scenario, end_s: float) -> Iterator[Note]:
    """Yield a note wherever the quality of a lead changes."""
    edges: list[tuple[float, int, str, int]] = []
    for episode, start, stop in scenario.occurrences(end_s):
        if episode.kind in NOISY | UNREADABLE:
            letter = "U" if episode.kind in UNREADABLE else "n"
            edges += [(start, 1, letter, lead) for lead in episode.leads]
            edges += [(stop, -1, letter, lead) for lead in episode.leads]
    on: Counter[tuple[int, str]] = Counter()
    state = "cc"
    for time, changes in groupby(sorted(edges), key=lambda edge: edge[0]):
        if time >= end_s:
            return
        for _, change, letter, lead in changes:
            on[lead, letter] += change
        now = "".join("U" if on[lead, "U"] else "n" if on[lead, "n"] else "c" for lead in (0, 1))
        if now != state:
            state = now
            yield time, "~", now


def _comments(scenario: Scenario, end_s: float) -> Iterator[Note]:
    """Yield notes on ST changes and on the changes that WFDB has no symbol for."""
    for episode, start, stop in scenario.occurrences(end_s):
        if episode.kind == "st":
            sign = "+" if episode.amount > 0.0 else "-"
            texts = [f"(ST0{sign}", f"AST0{sign}{abs(episode.amount) * 1000.0:.0f}", f"ST0{sign})"]
            times, symbol = [start, min(start + episode.ramp, (start + stop) / 2.0), stop], "s"
        elif episode.kind in COMMENTED:
            which = "" if episode.lead is None else f" lead {episode.lead}"
            texts, times, symbol = [f"{episode.kind}{which}", f"{episode.kind}{which} ends"], [start, stop], '"'
        else:
            continue
        yield from ((time, symbol, text) for time, text in zip(times, texts, strict=True) if time < end_s)
