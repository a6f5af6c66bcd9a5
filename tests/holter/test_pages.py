"""The summary of a record as a page, on paper, as a table and on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.detection.model import BeatModel
from pipeline.holter import paper
from pipeline.holter.record import Holter, holter
from pipeline.holter.st_figure import st_svg
from pipeline.settings import Settings
from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb


@pytest.fixture(scope="module")
def summary(model: BeatModel) -> Holter:
    record = synthesise(demo_ward(400.0)["synth/ventricular"], name="synth/ventricular", seconds=400.0, seed=2)
    return holter(record, model, Settings())


def test_what_is_found_is_near_what_was_made(summary: Holter) -> None:
    assert summary.reference is not None
    assert summary.found.beats == pytest.approx(summary.reference.beats, rel=0.01)
    assert summary.found.rate_mean == pytest.approx(summary.reference.rate_mean, rel=0.01)
    made = summary.reference.ventricular.beats
    assert made > 0
    assert summary.found.ventricular.beats == pytest.approx(made, rel=0.25)
    assert summary.events


def test_strips_on_paper_are_true_to_scale(summary: Holter) -> None:
    pages = paper._strips(summary, summary.events)
    assert pages
    n = 0
    for page in pages:
        width_mm, height_mm = 25.4 * page.get_size_inches()
        for axes in page.axes:
            n += 1
            box = axes.get_position()
            left, right = axes.get_xlim()
            bottom, top = axes.get_ylim()
            # The axes count in mm.
            assert box.width * width_mm == pytest.approx(right - left)
            assert box.height * height_mm == pytest.approx(top - bottom)
            assert 0 <= box.x0 <= box.x1 <= 1
            assert 0 <= box.y0 <= box.y1 <= 1
    assert n == len(summary.events)
    strip = summary.events[0].strip
    (line, *_) = pages[0].axes[0].lines
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    lead = np.array(strip.signal[0], dtype=np.float64)[: len(x)]
    assert np.diff(x) == pytest.approx(25.0 / strip.fs)
    assert np.ptp(y) == pytest.approx(10.0 * np.ptp(lead))


def test_nothing_is_written_past_the_end_of_a_page(summary: Holter) -> None:
    for page in (paper._figures(summary), paper._definitions()):
        page.draw_without_rendering()
        boxes = [one.get_window_extent() for one in page.texts]
        *_, note = sorted(boxes, key=lambda box: -box.y0)
        assert all(box.x1 <= page.bbox.x1 and box.y1 <= page.bbox.y1 for box in boxes)
        assert min(box.y0 for box in boxes if box is not note) > note.y1  # what stands at the foot stays readable


def test_st_levels_are_drawn(summary: Holter) -> None:
    figure = st_svg(summary.st, 400.0)
    root = ElementTree.fromstring(figure)  # noqa: S314 - our own
    assert root.tag.endswith("svg")
    assert all(trend.lead in figure for trend in summary.st)
    assert "nan" not in figure
    assert st_svg([], 400.0) == ""


def test_the_command_writes_page_paper_table_and_figures(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    write_wfdb(synthesise(demo_ward(60.0)["synth/bigeminy"], name="night", seconds=60.0, seed=1), folder)
    words = ["holter", "night", "--data-dir", str(folder), "--out", str(tmp_path / "out"), "--no-progress"]
    ran = CliRunner().invoke(main, words, catch_exceptions=False)
    assert ran.exit_code == 0
    assert "Not a medical device" in ran.stdout
    assert max(map(len, ran.stdout.splitlines()[:30])) <= 80
    page = (tmp_path / "out" / "records-night.html").read_text()
    assert "Definitions" in page
    assert not re.search(r"https?://(?!www\.w3\.org)|@import|url\(", page)
    assert (tmp_path / "out" / "records-night.pdf").read_bytes().startswith(b"%PDF")
    table = pq.read_table(tmp_path / "out" / "records-night.parquet")
    assert table.num_rows == 1
    written = json.loads((tmp_path / "out" / "records-night.json").read_text())
    printed = json.loads(CliRunner().invoke(main, [*words, "--json"], catch_exceptions=False).stdout)
    assert printed == written
    assert written["found"]["by_hour"][0]["beats"] == table["beats"][0].as_py()
    assert set(written["definitions"]) >= {"SDNN", "pause", "run", "VLF, LF, HF", "ST level"}
    assert [lead["lead"] for lead in written["st"]] == ["MLII", "V1"]
