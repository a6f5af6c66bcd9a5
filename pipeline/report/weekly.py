"""What happened in a stretch of time: runs, alarms and models, on one self-contained page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.clock import moment
from pipeline.report.page import environment
from pipeline.storage.database import AlarmCount, Database, ModelStore, ModelVersion, StoredRun
from pipeline.storage.files import replace_file, translated

__all__ = ["Week", "read_week", "write_week"]

DAY_US = 86_400_000_000
FIGURES = ("macro.auroc", "macro.auprc", "pooled.auroc", "pooled.auprc", "se_v", "se_s", "fpr")


@dataclass(frozen=True, slots=True)
class Week:
    """What the database knows of a stretch of time.

    Attributes
    ----------
    since_us, until_us : int
        Its ends, in microseconds since 1970 UTC.
    runs : list of StoredRun
        Those started in it, the last one first.
    alarms : list of AlarmCount
        Those first written down in it, by kind.
    models : list of ModelVersion
        Those published in it, the last one first.
    model : ModelVersion or None
        The current one.
    """

    since_us: int
    until_us: int
    runs: list[StoredRun]
    alarms: list[AlarmCount]
    models: list[ModelVersion]
    model: ModelVersion | None

    @property
    def kinds(self) -> list[tuple[str, Counter[str], float]]:
        """Kinds of runs, with how many ended in which state, and the median of their duration in s."""
        out = []
        for kind in sorted({run.kind for run in self.runs}):
            of_kind = [run for run in self.runs if run.kind == kind]
            ended = [run.finished_at_us - run.started_at_us for run in of_kind if run.finished_at_us is not None]
            median_s = sorted(ended)[len(ended) // 2] / 1e6 if ended else float("nan")
            out.append((kind, Counter(run.state for run in of_kind), median_s))
        return out

    @property
    def troubled(self) -> list[StoredRun]:
        """Runs that did not end well, or named records that failed."""
        return [run for run in self.runs if run.state in ("failed", "crashed") or run.figures.get("failed")]

    @property
    def evaluations(self) -> list[StoredRun]:
        """Runs that measured the detection."""
        return [run for run in self.runs if run.kind == "evaluate" and run.state == "completed"]


def read_week(database: Database, models: ModelStore, *, until_us: int, days: int = 7) -> Week:
    """Read what happened in the days before a point in time.

    Parameters
    ----------
    database : Database
        Where runs and alarms are written down.
    models : ModelStore
        The published models.
    until_us : int
        The end, in microseconds since 1970 UTC.
    days : int
        How long before.

    Raises
    ------
    ValueError
        If ``days`` is not positive.
    OutputError
        If the database cannot be used.
    """
    if days < 1:
        raise ValueError(f"days must be at least 1, not {days}")
    since_us = until_us - days * DAY_US
    return Week(
        since_us=since_us,
        until_us=until_us,
        runs=database.runs.between(since_us, until_us),
        alarms=database.alarms.counts(since_us, until_us),
        models=[version for version in models.versions() if since_us <= version.published_at_us < until_us],
        model=models.current(),
    )


def write_week(week: Week, folder: Path, *, title: str = "ECG anomaly pipeline", zone: str = "UTC") -> Path:
    """Write the page of a stretch of time, named by its last day.

    Parameters
    ----------
    week : Week
        What happened.
    folder : Path
        Where the pages lie; it is made if it does not exist.
    title : str
        Title of the page.
    zone : str
        Time zone that its days and times are of.

    Returns
    -------
    Path
        The page, such as ``DIR/2026-11-25.html``.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    day = partial(moment, zone=zone, form="%Y-%m-%d")
    last_day = day(week.until_us - 1)
    text = (
        environment()
        .get_template("weekly.html.j2")
        .render(
            title=title,
            week=week,
            first_day=day(week.since_us),
            last_day=last_day,
            figures=_columns(week.evaluations),
            moment=partial(moment, zone=zone),
        )
    )
    page = folder / f"{last_day}.html"
    with translated(folder, "weekly report"):
        replace_file(page, lambda part: part.write_text(text, encoding="utf-8"))
    return page


def _columns(evaluations: Sequence[StoredRun]) -> list[str]:
    return [name for name in FIGURES if any(name in run.figures for run in evaluations)]
