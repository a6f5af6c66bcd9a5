"""Alarms: how soon lethal episodes are told, how many false alarms an hour there are, and strips of what was missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.rhythm_alarms import PRIORITIES, LethalEpisode, RhythmRecord
from pipeline.figures.canvas import INK, SERIES, new_figure, plain_axes
from pipeline.records import Record
from pipeline.report.marks import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SHORTEST_S", "draw_alarms", "draw_miss"]

SHORTEST_S = 5.0  # s that a lethal episode lasts at the least to be counted
LATEST_S = 20.0  # s after its begin that are drawn
AROUND_S, LONGEST_S = 6.0, 30.0  # s of a strip before and after an episode, and as a whole
PRIORITY_COLOURS = dict(
    zip(PRIORITIES, (COLOURS["ventricular"], COLOURS["drift"], COLOURS["supraventricular"]), strict=True)
)


def draw_alarms(groups: Mapping[str, Sequence[RhythmRecord]]) -> Figure:
    """Draw, for each database, the share of lethal episodes told so long after their begin, and false alarms an hour.

    Parameters
    ----------
    groups : mapping of str to sequence of RhythmRecord
        Records with annotated rhythms, by database.
    """
    figure = new_figure(11.0, 4.2)
    told, false = figure.subplots(1, 2)
    time = np.linspace(0.0, LATEST_S, 401)
    colours = (SERIES[i % len(SERIES)] for i in range(len(groups)))
    for (name, records), colour in zip(groups.items(), colours, strict=True):
        episodes = [one for record in records for one in record.episodes if one.seconds >= SHORTEST_S]
        if not episodes:
            continue
        late = np.array([np.inf if one.raised_s is None else one.raised_s - one.start_s for one in episodes])
        share = 100.0 * (late[:, None] <= time).mean(axis=0)
        found = int(np.isfinite(late).sum())
        told.plot(time, share, color=colour, label=f"{name}: {found} of {len(episodes)} told")
    told.set_ylim(0, 102)
    plain_axes(told, x="time since its begin (s)", y="told (%)", title="Lethal episodes of 5 s and more", legend=True)
    hours = {name: sum(record.hours["calm"] for record in records) for name, records in groups.items()}
    names = [name for name in groups if hours[name] > 0]
    width = 0.8 / len(PRIORITIES)
    for i, priority in enumerate(PRIORITIES):
        rates = [sum(record.alarms["calm"][priority] for record in groups[name]) / hours[name] for name in names]
        places = np.arange(len(names)) + (i - 1) * width
        false.bar(places, rates, width=0.9 * width, color=PRIORITY_COLOURS[priority], label=priority)
        for place, rate in zip(places, rates, strict=True):
            false.text(place, rate, f"{rate:.1f}", ha="center", va="bottom", fontsize=7, color=INK)
    false.set_xticks(range(len(names)), [f"{name}\n{hours[name]:.1f} h" for name in names])
    plain_axes(false, y="an hour", title="False alarms in normal or paced rhythm", legend=True)
    return figure


def draw_miss(record: Record, episode: LethalEpisode, alarms: Sequence[tuple[float, str]] = ()) -> Figure:
    """Draw the signal of an episode of which nothing was told, with what was told around it.

    Parameters
    ----------
    record : Record
        The record.
    episode : LethalEpisode
        The episode; of a long one the first seconds are drawn.
    alarms : sequence of (float, str)
        When something was told, in s, and what.
    """
    start = max(0.0, episode.start_s - AROUND_S)
    stop = min(episode.stop_s + AROUND_S, start + LONGEST_S, record.n_samples / record.fs)
    signal = _cut(record, start, stop)
    leads = signal.shape[1]
    figure = new_figure(14.0, 1.0 + 1.7 * leads)
    time = start + np.arange(len(signal)) / record.fs
    for lead, axes in enumerate(figure.subplots(leads, 1, sharex=True, squeeze=False)[:, 0]):
        axes.axvspan(episode.start_s, min(episode.stop_s, stop), color=COLOURS["ventricular"], alpha=0.12)
        axes.plot(time, signal[:, lead], color=INK, linewidth=0.7)
        for i, (at, kind) in enumerate(one for one in alarms if start <= one[0] <= stop):
            axes.axvline(at, color=COLOURS["supraventricular"], linewidth=1.0)
            height = 0.02 + 0.08 * (i % 4)  # so that what was told in one second can be read
            axes.text(at, height, f" {kind}", transform=axes.get_xaxis_transform(), fontsize=7)
        title = f"{record.name}: {episode.label} of {episode.seconds:.1f} s, nothing told" if lead == 0 else ""
        plain_axes(axes, x="time (s)" if lead == leads - 1 else "", y=f"{record.leads[lead]} (mV)", title=title)
        axes.set_xlim(start, stop)
    return figure


def _cut(record: Record, start_s: float, stop_s: float) -> NDArray[np.float32]:
    first, stop = round(start_s * record.fs), round(stop_s * record.fs)
    parts = []
    for chunk in record.chunks():
        if chunk.start >= stop:
            break
        if chunk.stop > first:
            parts.append(chunk.signal[max(0, first - chunk.start) : stop - chunk.start])
    return np.concatenate(parts)[:, :2]
