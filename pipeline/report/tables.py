"""The summary as a table for the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from pipeline.storage.summary import RecordSummary, Summary

__all__ = ["summary_table"]


def summary_table(summary: Summary) -> Table:
    """Return one row per record, failed ones last, for a terminal of 80 columns.

    Se and +P are the share of the annotated anomalies that was flagged and the share of the flagged beats that are
    annotated anomalies, from 5:00 on, each with how many these are. A dash stands where there is nothing to count.

    Parameters
    ----------
    summary : Summary
        As :func:`pipeline.storage.read_summary` returns it.
    """
    table = Table(box=SIMPLE_HEAD, padding=0, show_footer=len(summary.records) > 1)
    entries = list(summary.records.values())
    table.add_column("record", footer=f"{len(entries)} records", overflow="fold")
    columns = {
        "min": f"{sum(entry.minutes for entry in entries):,.0f}",
        "beats": f"{sum(entry.beats for entry in entries):,}",
        "anomalies": f"{sum(entry.anomalies for entry in entries):,}",
        "Se %": "",
        "+P %": "",
        "alarms": f"{sum(entry.alarms for entry in entries):,}",
        "drifts": f"{sum(entry.drifts for entry in entries):,}",
        "× real": "",
    }
    for name, footer in columns.items():
        table.add_column(name, footer=footer, justify="right", no_wrap=True)
    for entry in entries:
        table.add_row(*_cells(entry))
    for record in summary.failed:
        table.add_row(Text(record), "failed", style="red")
    return table


def _cells(entry: RecordSummary) -> list[Text | str]:
    return [
        Text(entry.record),
        f"{entry.minutes:,.1f}",
        f"{entry.beats:,}",
        f"{entry.anomalies:,}" if entry.scored else "–",
        _percent(entry.sensitivity, entry.reference_anomalies, entry),
        _percent(entry.precision, entry.flagged, entry),
        f"{entry.alarms:,}",
        f"{entry.drifts:,}",
        "" if entry.times_real_time is None else f"{entry.times_real_time:,.0f}",
    ]


def _percent(share: float | None, n: int | None, entry: RecordSummary) -> str:
    """Return a percentage with what it is of; a share of two beats is not one of thousands."""
    if entry.reference_anomalies is None:
        return ""
    if share is None:
        return "–"
    of = "" if n is None else f" ({n})" if n < 10_000 else f" ({n / 1000:.0f}k)"
    return f"{100 * share:.1f}{of}"
