from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from pipeline.errors import OutputError, RecordNotFound
from pipeline.report import save_report, summary_table, write_report
from pipeline.storage import (
    RecordSummary,
    ResultWriter,
    Summary,
    note_failure,
    note_run,
    package_versions,
    read_summary,
)

Make = Callable[..., Any]
VOID = {"meta", "br", "hr", "img", "input", "link", "circle", "path", "rect"}


class Page(HTMLParser):
    """Checks that every element is closed by its own tag, and collects what the page says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.loads: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID or tag in ("path", "circle", "rect"):
            self.open.append(tag)
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.links += [values["href"] or ""] if tag == "a" else []
        self.loads += [f"{tag} {name}" for name in values if name in ("src", "srcset", "data", "xlink:href", "action")]
        self.loads += [tag] if tag in ("link", "img", "iframe", "object", "embed", "base", "form") else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def score(out: Path, made: Any) -> None:
    found = made.findings
    with ResultWriter(out, found.record, 250.0, made.annotations) as results:
        results.write(found)
        save_report(out, made.report())


def test_the_page_contains_each_record_and_each_failure(tmp_path: Path, recording: Make) -> None:
    for record in ("mitdb/208", "mitdb/100", "svdb/800"):
        score(tmp_path, recording(record, duration_s=60))
    note_failure(tmp_path, "mitdb/999", "mitdb/999: no such record; see RECORDS")
    note_run(tmp_path, command="ecg-anomaly score mitdb", settings={"alpha": 0.01}, versions=package_versions())
    page = Page(write_report(tmp_path).read_text())
    assert page.open == []
    assert len(page.links) == 3 + 2  # a row each, and the strips that the page opens on
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    words = " ".join(page.words)
    for expected in (
        "mitdb/208",
        "mitdb/100",
        "svdb/800",
        "mitdb/999: no such record",
        "Not a medical device",
        "score mitdb",
    ):
        assert expected in words


def test_the_page_loads_nothing(tmp_path: Path, recording: Make) -> None:
    score(tmp_path, recording())
    text = write_report(tmp_path).read_text()
    assert Page(text).loads == []
    elsewhere = re.sub(r'xmlns="http://www\.w3\.org/2000/svg"', "", text)
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\(", elsewhere)


def test_what_comes_from_outside_is_escaped(tmp_path: Path, recording: Make) -> None:
    evil = "<img src=x onerror=alert(1)>\"'</svg></script>"
    score(tmp_path, recording(message=evil))
    note_failure(tmp_path, evil, evil)
    note_run(tmp_path, command=evil, settings={evil: evil}, versions={evil: evil})
    text = write_report(tmp_path, title=evil).read_text()
    page = Page(text)
    assert page.open == []
    assert page.loads == []
    assert evil in " ".join(page.words)


def test_the_first_thing_on_the_page_is_an_ecg_that_nobody_has_to_unfold(tmp_path: Path, recording: Make) -> None:
    for record in ("mitdb/208", "mitdb/100"):
        score(tmp_path, recording(record, duration_s=60))
    text = write_report(tmp_path).read_text()
    before, _, after = text.partition('25 mm/s, 10 mm/mV"')
    assert after
    assert before.count("<details") == before.count("</details>")  # it stands inside none
    assert "<table" not in before


def test_the_figures_of_every_event_are_on_the_page(tmp_path: Path, recording: Make) -> None:
    made = recording()
    score(tmp_path, made)
    text = write_report(tmp_path).read_text()
    events = made.report().events
    assert text.count('25 mm/s, 10 mm/mV"') == len(events)
    assert text.count('class="beat"') == sum(event.beat is not None for event in events)


def test_a_second_report_replaces_the_first_and_a_failed_one_does_not(tmp_path: Path, recording: Make) -> None:
    score(tmp_path, recording(duration_s=30))
    first = write_report(tmp_path).read_text()
    assert write_report(tmp_path).read_text() == first
    (tmp_path / "report/mitdb/209.json.gz").write_bytes(b"not gzip")
    with pytest.raises(OutputError, match=r"209\.json\.gz is damaged"):
        write_report(tmp_path)
    assert (tmp_path / "report.html").read_text() == first
    assert [path.name for path in tmp_path.glob(".report*")] == []


def test_a_record_without_a_saved_report_still_stands_in_the_table(tmp_path: Path, recording: Make) -> None:
    with ResultWriter(tmp_path, "mitdb/208", 250.0) as results:
        results.write(recording().findings)
    page = Page(write_report(tmp_path).read_text())
    assert "mitdb/208" in page.words
    assert page.links == []


def test_a_record_too_short_to_be_scored_is_not_shown_as_free_of_anomalies(tmp_path: Path, recording: Make) -> None:
    score(tmp_path, recording("mitdb/100"))
    made = recording("short/1", duration_s=20)
    none = np.full(len(made.findings), np.nan)
    made = replace(made, findings=replace(made.findings, score=none, is_anomaly=none > 0))
    score(tmp_path, made)
    cells = {line.split()[0]: line.split()[3] for line in rendered(read_summary(tmp_path)) if "/" in line}
    assert cells["short/1"] == "–"
    assert int(cells["mitdb/100"]) > 0
    words = " ".join(Page(write_report(tmp_path).read_text()).words)
    assert "No beat could be scored in 1 of 2 records" in words
    assert words.count("no scores") == 1


def test_an_empty_folder_has_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(RecordNotFound, match="score a record first"):
        write_report(tmp_path)


def rendered(summary: Summary) -> list[str]:
    console = Console(width=80, record=True, force_terminal=False)
    with console.capture() as capture:
        console.print(summary_table(summary))
    return capture.get().splitlines()


def test_the_table_fits_80_columns_and_cuts_nothing() -> None:
    entry = RecordSummary(
        record="synth/atrial-fibrillation",
        minutes=1440.0,
        beats=123_456,
        scored=123_456,
        anomalies=12_345,
        reference_anomalies=4_567,
        flagged=12_345,
        sensitivity=0.987,
        precision=1.0,
        alarms=1_234,
        drifts=12,
        times_real_time=12_345.0,
    )
    lines = rendered(Summary(records={entry.record: entry}, failed={"mitdb/999": "no such record"}))
    assert max(map(len, lines)) <= 80
    row = next(line for line in lines if "123,456" in line)
    assert row.split()[1:] == [
        "1,440.0",
        "123,456",
        "12,345",
        "98.7",
        "(4567)",
        "100.0",
        "(12k)",
        "1,234",
        "12",
        "12,345",
    ]
    assert any("failed" in line for line in lines)
    width = next(line for line in lines if "min" in line).index("min") - len("1,440.0") + len("min")
    assert "synth/atrial-fibrillation" in "".join(line[:width].strip() for line in lines)  # folded, not cut


def test_a_share_stands_with_what_it_is_of_and_a_dash_where_there_is_none() -> None:
    entry = RecordSummary(
        record="r", minutes=30.0, beats=2000, scored=1990, anomalies=3, reference_anomalies=0, flagged=3
    )
    (row,) = (line for line in rendered(Summary(records={"r": entry})) if "2,000" in line)
    assert row.split()[4:6] == ["–", "–"]  # nothing is annotated so: no verdict could have been right
    two = entry.model_copy(update={"reference_anomalies": 2, "flagged": 4, "sensitivity": 1.0, "precision": 0.5})
    (row,) = (line for line in rendered(Summary(records={"r": two})) if "2,000" in line)
    assert row.split()[4:8] == ["100.0", "(2)", "50.0", "(4)"]


def test_the_table_leaves_out_what_nobody_annotated(tmp_path: Path, recording: Make) -> None:
    with ResultWriter(tmp_path, "mitdb/208", 250.0) as results:
        results.write(recording().findings)
    row = next(line for line in rendered(read_summary(tmp_path)) if "mitdb/208" in line)
    assert row.split() == ["mitdb/208", "3.0", "180", "18", "1", "1"]
