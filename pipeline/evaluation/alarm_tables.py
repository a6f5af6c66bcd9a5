"""The alarm figures as tables and as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from pipeline.evaluation.alarm_run import Judged
from pipeline.evaluation.challenge import CHALLENGE_KINDS, ChallengeCounts, challenge_counts
from pipeline.evaluation.rhythm_alarms import FIBRILLATION, Interval, LethalEpisode, RhythmRecord, interval_over
from pipeline.evaluation.sheet import Sheet

__all__ = ["challenge_sheet", "document", "overview_sheet", "rhythm_sheet"]

Records = Sequence[RhythmRecord]


def _episodes(records: Records, seconds: float, labels: frozenset[str] | None = None) -> list[LethalEpisode]:
    return [
        episode
        for record in records
        for episode in record.episodes
        if episode.seconds >= seconds and (labels is None or episode.label in labels)
    ]


def _told(seconds: float, labels: frozenset[str] | None = None) -> Callable[[Records], float]:
    def share(records: Records) -> float:
        found = _episodes(records, seconds, labels)
        return sum(e.raised_s is not None for e in found) / len(found) if found else float("nan")

    return share


def _standing(records: Records) -> float:
    found = _episodes(records, 5.0)
    return sum(e.standing for e in found) / len(found) if found else float("nan")


def _latency(quantile: float) -> Callable[[Records], float]:
    def latency(records: Records) -> float:
        found = [e.raised_s - e.start_s for e in _episodes(records, 5.0) if e.raised_s is not None]
        return float(np.quantile(found, quantile)) if found else float("nan")

    return latency


def _per_hour(sort: str, priority: str) -> Callable[[Records], float]:
    def rate(records: Records) -> float:
        hours = sum(record.hours[sort] for record in records)
        return sum(record.alarms[sort][priority] for record in records) / hours if hours > 0 else float("nan")

    return rate


def _onsets(records: Records) -> float:
    found = _episodes(records, 0.0, FIBRILLATION)
    return sum(e.raised_s is not None for e in found) / len(found) if found else float("nan")


def _high_outside(records: Records) -> float:
    """Return the false alarms of high priority an hour, whatever the rhythm, if it is not lethal."""
    sorts = ("calm", "noise", "other")
    hours = sum(record.hours[sort] for record in records for sort in sorts)
    return sum(record.alarms[s]["high"] for record in records for s in sorts) / hours if hours > 0 else float("nan")


def _not_shown(records: Records) -> float:
    hours = sum(record.hours["calm"] for record in records)
    shown = sum(record.shown for record in records)
    return (sum(record.alarms["calm"]["high"] for record in records) - shown) / hours if hours > 0 else float("nan")


FIGURES: dict[str, tuple[Callable[[Records], float], str]] = {
    "lethal episodes of 5 s and more, told": (_told(5.0), "%"),
    "  of 30 s and more": (_told(30.0), "%"),
    "  flutter or fibrillation of 5 s and more": (_told(5.0, FIBRILLATION), "%"),
    "  told, or an alarm before still lasted": (_standing, "%"),
    "  onsets of flutter or fibrillation, however short, told": (_onsets, "%"),
    "latency, median": (_latency(0.5), "s"),
    "latency, 90th percentile": (_latency(0.9), "s"),
    **{
        f"false alarms an hour, {words}, {priority}": (_per_hour(sort, priority), "/h")
        for sort, words in (("calm", "normal or paced rhythm"), ("noise", "noise"))
        for priority in ("high", "medium", "low")
    },
    "  normal or paced, high, but for pauses and rates that annotated beats show": (_not_shown, "/h"),
    "false alarms an hour, any rhythm that is not lethal, high": (_high_outside, "/h"),
}


def overview_sheet(groups: Mapping[str, Sequence[Judged]], method: str) -> Sheet:
    """Return the figures of one method, a column for each database of annotated rhythms."""
    records = {title: [one.rhythms[method] for one in judged] for title, judged in groups.items()}
    heads = [
        f"{title}: {len(own)} records, {sum(sum(record.hours.values()) for record in own):.1f} h"
        for title, own in records.items()
    ]
    counts = [_episodes(own, 5.0) for own in records.values()]
    rows = [("lethal episodes of 5 s and more", *(str(len(found)) if found else "–" for found in counts))]
    for name, (figure, unit) in FIGURES.items():
        cells = [_plain(figure(own), unit) for own in records.values()]
        if any(cell != "–" for cell in cells):
            rows.append((name, *cells))
    return Sheet(f"Alarms of {method}", ("", *heads), tuple(rows))


def _plain(value: float, unit: str) -> str:
    if np.isnan(value):
        return "–"
    factor, digits = (100.0, 0) if unit == "%" else (1.0, 1 if unit == "s" else 2)
    return f"{factor * value:.{digits}f} {unit}"


def rhythm_sheet(title: str, judged: Sequence[Judged], draws: int = 1000) -> Sheet:
    """Return the figures of records with annotated rhythms, one column a method."""
    methods = list(judged[0].rhythms)
    rows = []
    for name, (figure, unit) in FIGURES.items():
        cells = [_cell(interval_over([one.rhythms[m] for one in judged], figure, draws=draws), unit) for m in methods]
        if cells[0] != "–":
            rows.append((name, *cells))
    own = [one.rhythms[methods[0]] for one in judged]
    hours = {sort: sum(record.hours[sort] for record in own) for sort in ("calm", "noise", "lethal")}
    spent = ", ".join(f"{hours[sort]:.1f} h {sort}" for sort in hours if hours[sort] > 0)
    return Sheet(f"{title}: {len(judged)} records, {len(_episodes(own, 5.0))} lethal episodes, {spent}",
                 ("", *methods), tuple(rows))  # fmt: skip


def _cell(interval: Interval, unit: str) -> str:
    if np.isnan(interval.value):
        return "–"
    factor, digits = (100.0, 0) if unit == "%" else (1.0, 1 if unit == "s" else 2)
    value, low, high = (f"{factor * x:.{digits}f}" for x in (interval.value, interval.low, interval.high))
    return value if np.isnan(interval.low) else f"{value} ({low}-{high})"


def challenge_sheet(judged: Sequence[Judged], *, waves: bool = True) -> Sheet:
    """Return the figures of the Challenge 2015, a row for each kind and method; with ``waves`` if these were heard."""
    rows = []
    for kind in (*CHALLENGE_KINDS, "all"):
        own = [one for one in judged if one.challenge is not None and kind in (one.challenge.kind, "all")]
        for method in judged[0].told if own else ():
            raised, lasting = _counts(own, method, 0), _counts(own, method, 1)
            true, false = lasting.tp + lasting.fn, lasting.tn + lasting.fp
            rows.append(
                (
                    f"{kind.replace('_', ' ').lower()}, {method}",
                    *(_share(counts.tp, true) for counts in (raised, lasting)),
                    *(_share(counts.tn, false) for counts in (raised, lasting)),
                    *(f"{counts.score:.0f}" for counts in (raised, lasting)),
                )
            )
    heads = ("true: told", "or lasting", "false: silent", "nor lasting", "score: told", "or lasting")
    heard = "ECG and pulse waves" if waves else "ECG alone"
    return Sheet(f"Challenge 2015: {len(judged)} alarms, {heard}", ("", *heads), tuple(rows))


def _counts(judged: Sequence[Judged], method: str, which: int) -> ChallengeCounts:
    return challenge_counts([(one.challenge, one.told[method][which]) for one in judged if one.challenge is not None])


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole}" if whole else "–"


def document(groups: Mapping[str, Sequence[Judged]]) -> dict[str, Any]:
    """Return all figures, and those of each record, as plain values."""
    out: dict[str, Any] = {}
    for title, judged in groups.items():
        if not judged:
            continue
        if judged[0].challenge is not None:
            kinds = (*CHALLENGE_KINDS, "all")
            out[title] = {
                "figures": {
                    method: {kind: _challenge_facts(judged, method, kind) for kind in kinds}
                    for method in judged[0].told
                },
                "records": [{"record": o.record, **asdict(o.challenge), "told": o.told} for o in judged if o.challenge],
            }
            continue
        out[title] = {
            "figures": {
                method: {
                    name.strip(): asdict(interval_over([one.rhythms[method] for one in judged], figure))
                    for name, (figure, _) in FIGURES.items()
                }
                for method in judged[0].rhythms
            },
            "records": [{method: asdict(record) for method, record in one.rhythms.items()} for one in judged],
        }
    return out


def _challenge_facts(judged: Sequence[Judged], method: str, kind: str) -> dict[str, Any]:
    own = [one for one in judged if one.challenge is not None and kind in (one.challenge.kind, "all")]
    return {
        name: {**asdict(counts), "tpr": counts.tpr, "tnr": counts.tnr, "score": counts.score}
        for name, counts in (("told", _counts(own, method, 0)), ("told_or_lasting", _counts(own, method, 1)))
    }
