"""The figures of a summary as rows of words: what is measured, found, and annotated."""

from __future__ import annotations

import math
from collections.abc import Callable

from pipeline.holter.ectopy import Ectopy, Run
from pipeline.holter.summary import Moment, Summary

__all__ = ["Row", "clock", "rows"]

Row = tuple[str, str, str]
"""What it is, as found, and as annotated: a dash where there is none, nothing where nobody annotated."""


def rows(found: Summary, reference: Summary | None) -> list[Row]:
    """Return the figures in the order in which they are read."""
    figures: list[tuple[str, Callable[[Summary], str]]] = [
        ("analysable", lambda s: f"{s.analysable_h:.2f} of {s.hours:.2f} h"),
        ("beats", lambda s: f"{s.beats:,}"),
        ("mean rate", lambda s: _number(s.rate_mean, 0, " bpm")),
        ("lowest rate", lambda s: _moment(s.rate_min, 0, " bpm")),
        ("highest rate", lambda s: _moment(s.rate_max, 0, " bpm")),
        ("pauses of 2.0 s and more", lambda s: f"{s.pauses:,}"),
        ("longest R-R interval", lambda s: _moment(s.longest_rr, 2, " s")),
        *_ectopy("ventricular", lambda s: s.ventricular),
        *_ectopy("supraventricular", lambda s: s.supraventricular),
        ("other beats", lambda s: f"{s.other:,}"),
        ("NN intervals", lambda s: f"{s.variability.intervals:,}"),
        ("mean NN", lambda s: _number(s.variability.mean_nn, 0, " ms")),
        ("SDNN", lambda s: _number(s.variability.sdnn, 0, " ms")),
        ("SDANN", lambda s: _number(s.variability.sdann, 0, " ms")),
        ("SDNN index", lambda s: _number(s.variability.sdnn_index, 0, " ms")),
        ("RMSSD", lambda s: _number(s.variability.rmssd, 0, " ms")),
        ("pNN50", lambda s: _number(s.variability.pnn50, 1, " %")),
        ("triangular index", lambda s: _number(s.variability.triangular_index, 1, "")),
    ]
    return [(name, figure(found), "" if reference is None else figure(reference)) for name, figure in figures]


def clock(seconds: float) -> str:
    """Return a time as ``h:mm:ss``."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _ectopy(name: str, of: Callable[[Summary], Ectopy]) -> list[tuple[str, Callable[[Summary], str]]]:
    def groups(s: Summary) -> str:
        e = of(s)
        return f"{e.single:,}, {e.couplets:,}, {e.bigeminy:,}"

    return [
        (f"{name} beats", lambda s: f"{of(s).beats:,} ({_number(of(s).share, 2, ' %')})"),
        ("    in an hour", lambda s: _number(of(s).per_hour, 1, "")),
        ("    single, couplets, bigeminy", groups),
        ("    runs", lambda s: f"{of(s).runs:,}"),
        ("    longest run", lambda s: _run(of(s).longest)),
        ("    fastest run", lambda s: _run(of(s).fastest)),
    ]


def _run(run: Run | None) -> str:
    return "–" if run is None else f"{run.beats} beats, {run.rate_bpm:.0f} bpm, {clock(run.time_s)}"


def _moment(moment: Moment | None, digits: int, unit: str) -> str:
    return "–" if moment is None else f"{moment.value:.{digits}f}{unit}, {clock(moment.time_s)}"


def _number(value: float, digits: int, unit: str) -> str:
    return "–" if math.isnan(value) else f"{value:,.{digits}f}{unit}"
