"""The figures of a summary as rows of words: what is measured, found, and annotated."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from pipeline.holter.ectopy import Ectopy, Run
from pipeline.holter.st import StTrend
from pipeline.holter.summary import Moment, Summary

__all__ = ["Row", "clock", "rows"]

Row = tuple[str, str, str]
"""What it is, as found, and as annotated: a dash where there is none, nothing where nobody annotated."""


def rows(found: Summary, reference: Summary | None, st: Sequence[StTrend] = ()) -> list[Row]:
    """Return the figures in the order in which they are read; what no annotator marks stands as found alone."""
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
        ("atrial fibrillation", _fibrillation),
        ("    episodes", lambda s: "–" if s.fibrillation is None else f"{s.fibrillation.episodes:,}"),
        ("    longest episode", _longest),
        ("other beats", lambda s: f"{s.other:,}"),
        ("NN intervals", lambda s: f"{s.variability.intervals:,}"),
        ("mean NN", lambda s: _number(s.variability.mean_nn, 0, " ms")),
        ("SDNN", lambda s: _number(s.variability.sdnn, 0, " ms")),
        ("SDANN", lambda s: _number(s.variability.sdann, 0, " ms")),
        ("SDNN index", lambda s: _number(s.variability.sdnn_index, 0, " ms")),
        ("RMSSD", lambda s: _number(s.variability.rmssd, 0, " ms")),
        ("pNN50", lambda s: _number(s.variability.pnn50, 1, " %")),
        ("triangular index", lambda s: _number(s.variability.triangular_index, 1, "")),
        ("segments of the spectrum", _segments),
        ("VLF, LF, HF power", _powers),
        ("LF/HF", lambda s: _number(s.variability.spectrum.lf_hf, 2, "")),
    ]
    both = [(name, figure(found), "" if reference is None else figure(reference)) for name, figure in figures]
    return both + [row for trend in st for row in _st(trend)]


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


def _fibrillation(s: Summary) -> str:
    if s.fibrillation is None:
        return "–"
    return f"{_number(s.fibrillation.burden, 1, ' %')}, {clock(s.fibrillation.seconds)}"


def _longest(s: Summary) -> str:
    af = s.fibrillation
    if af is None or af.longest_s is None or af.longest_at_s is None:
        return "–"
    return f"{clock(af.longest_s)}, {clock(af.longest_at_s)}"


def _segments(s: Summary) -> str:
    return f"{s.variability.spectrum.segments:,} of {s.variability.spectrum.of_segments:,}"


def _powers(s: Summary) -> str:
    power = s.variability.spectrum
    return ", ".join(_number(one, 0, "") for one in (power.vlf, power.lf, power.hf)) + " ms2"


def _st(trend: StTrend) -> list[Row]:
    def moment(at: int) -> str:
        return f"{trend.level_mv[at]:+.2f} mV, {clock(float(trend.time_s[at]))}"

    minutes = len(trend.level_mv)
    return [
        (f"ST level, {trend.lead}", f"{trend.median_mv:+.2f} mV, {minutes:,} min" if minutes else "–", ""),
        ("    lowest minute", moment(int(trend.level_mv.argmin())) if minutes else "–", ""),
        ("    highest minute", moment(int(trend.level_mv.argmax())) if minutes else "–", ""),
    ]


def _run(run: Run | None) -> str:
    return "–" if run is None else f"{run.beats} beats, {run.rate_bpm:.0f} bpm, {clock(run.time_s)}"


def _moment(moment: Moment | None, digits: int, unit: str) -> str:
    return "–" if moment is None else f"{moment.value:.{digits}f}{unit}, {clock(moment.time_s)}"


def _number(value: float, digits: int, unit: str) -> str:
    return "–" if math.isnan(value) else f"{value:,.{digits}f}{unit}"
