"""The report: one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.errors import RecordNotFound
from pipeline.report.figures import beat_svg, heart_rate_svg, overview_svg, score_svg
from pipeline.report.figures.strip import strip_svg
from pipeline.report.figures.svg import clock
from pipeline.report.marks import COLOURS, LETTERS, MARKS
from pipeline.report.record import Event, RecordReport, load_report
from pipeline.storage.files import readable, replace_file, translated
from pipeline.storage.place import Place, PlaceLike, place
from pipeline.storage.summary import Summary, read_summary

__all__ = ["environment", "write_report"]

_NAME = "report.html"
_FIRST = 2  # records of which the page shows a strip before anything else


@dataclass(frozen=True, slots=True)
class _Highlight:
    """What the page opens on: a strip of one of the most eventful records."""

    record: str
    anchor: str
    title: str
    time_s: float
    strip: str


@dataclass(frozen=True, slots=True)
class _Section:
    """A record's part of the page. The figures are SVG: they have escaped what they quote."""

    report: RecordReport
    anchor: str
    overview: str
    score: str
    heart_rate: str
    events: list[tuple[Event, str, str]]


def write_report(out: PlaceLike, *, title: str = "ECG anomaly report") -> Place:
    """Write ``DIR/report.html`` from the summary and the saved reports of an output folder.

    The page loads nothing: styles, figures and the little script that sorts the table are inside. Records are drawn
    one at a time, so memory does not grow with their number.

    Parameters
    ----------
    out : path
        The output folder, or its URL.
    title : str
        Title of the page.

    Returns
    -------
    path
        The page.

    Raises
    ------
    RecordNotFound
        If the folder holds neither results nor failures.
    OutputError
        If a saved report is damaged or the page cannot be written.
    """
    folder = place(out)
    summary = read_summary(folder)
    with readable(folder, _NAME):
        paths: list[Place] = sorted((folder / "report").rglob("*.json.gz"))
    if not paths and not summary.records and not summary.failed:
        raise RecordNotFound(f"{folder}: no results to report on; score a record first")
    template = environment().get_template("report.html.j2")
    names = {_name(path, folder) for path in paths}
    stream = template.generate(
        title=title,
        summary=summary,
        rows=list(summary.records.values()),
        bare={entry.record for entry in summary.records.values() if not entry.scored},
        totals=_totals(summary),
        highlights=[] if len(paths) == 1 else _highlights(paths),
        sections=_sections(paths),
        anchors={record: _anchor(record) for record in names},
        open_first=len(paths) == 1,
        colours=COLOURS,
        kinds=[kind for kind in reversed(MARKS) if kind != "normal"],
    )
    with translated(folder, _NAME):
        replace_file(folder / _NAME, lambda part: _write(part, stream))
    return folder / _NAME


def _write(path: Path, stream: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(stream)


def environment() -> Environment:
    """Return what the templates of pages are rendered with."""
    templates = Environment(
        loader=PackageLoader("pipeline.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["clock"] = clock
    templates.filters["letter"] = LETTERS.__getitem__
    return templates


def _highlights(paths: Sequence[Place]) -> list[_Highlight]:
    """Return a strip of each of the most eventful records; of the others, only their rank is held at any time."""
    ranked = sorted(paths, key=lambda path: (_rank(load_report(path)), str(path)))[:_FIRST]
    found = []
    for path in ranked:
        report = load_report(path)
        if report.events:
            # The strangest beat, or the most urgent alarm where one is high.
            alarms = [event for event in report.events if event.beat is None] if _rank(report)[0] else []
            event = (alarms or report.events)[0]
            strip = strip_svg(event.strip, report.leads)
            found.append(_Highlight(report.record, _anchor(report.record), event.title, event.time_s, strip))
    return found


def _rank(report: RecordReport) -> tuple[int, int, int]:
    """Return what eventful records sort by: high alarms about the heart, then ventricular beats, then anomalies."""
    high = sum(alarm.priority == "high" and alarm.physiological for alarm in report.alarms)
    return -high, -report.kinds.get("ventricular", 0), -report.anomalies


def _sections(paths: Sequence[Place]) -> Iterator[_Section]:
    for path in paths:
        report = load_report(path)
        yield _Section(
            report=report,
            anchor=_anchor(report.record),
            overview=overview_svg(report),
            score=score_svg(report),
            heart_rate=heart_rate_svg(report),
            events=[(event, strip_svg(event.strip, report.leads), _beat(event, report)) for event in report.events],
        )


def _beat(event: Event, report: RecordReport) -> str:
    if event.beat is None:
        return ""
    window, expected = (list(zip(*rows, strict=True)) for rows in (event.beat.window, event.beat.expected))
    why = event.beat.why
    nearest = list(zip(*why.nearest, strict=True)) if why is not None and why.nearest else None
    return beat_svg(window, expected, report.leads, nearest=nearest)


def _totals(summary: Summary) -> dict[str, float]:
    entries = summary.records.values()
    return {
        "records": len(entries),
        "hours": sum(entry.minutes for entry in entries) / 60.0,
        "beats": sum(entry.beats for entry in entries),
        "anomalies": sum(entry.anomalies for entry in entries),
        "alarms": sum(entry.alarms for entry in entries),
    }


def _name(path: Place, folder: Place) -> str:
    return str(path).removeprefix(f"{folder / 'report'}/").removesuffix(".json.gz")


def _anchor(record: str) -> str:
    return "record-" + "".join(c if c.isalnum() else f"-{ord(c):x}-" for c in record)
