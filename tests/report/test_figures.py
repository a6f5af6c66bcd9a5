from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import KINDS
from pipeline.report import beat_svg, ecg_strip_svg, heart_rate_svg, overview_svg, score_svg
from pipeline.report.figures.svg import clock, path, text, time_ticks
from pipeline.report.marks import COLOURS, LETTERS, MARKS, RANK_OF_KIND

Make = Callable[..., Any]
NS = "{http://www.w3.org/2000/svg}"


def parse(figure: str) -> ET.Element:
    return ET.fromstring(figure)  # noqa: S314  # our own text


def points(d: str) -> list[tuple[int, int]]:
    """Walk a path of M and l steps."""
    at, out = (0, 0), []
    for command, numbers in re.findall(r"([Ml])([^Ml]*)", d):
        values = [int(v) for v in re.findall(r"-?\d+", numbers)]
        for x, y in zip(values[::2], values[1::2], strict=True):
            at = (x, y) if command == "M" else (at[0] + x, at[1] + y)
            out.append(at)
    return out


@given(st.lists(st.integers(-2000, 2000), min_size=2, max_size=40))
def test_a_path_runs_through_its_points(values: list[int]) -> None:
    assert points(path(np.arange(len(values)), values)) == list(enumerate(values))


def test_a_path_is_broken_where_a_sample_is_missing() -> None:
    assert path([0, 1, 2, 3, 4], [5, 6, np.nan, 8, 9]) == "M0 5l1 1M3 8l1 1"
    assert path([0, 1], [np.nan, np.nan]) == ""


@pytest.mark.parametrize("annotated", [True, False])
def test_every_figure_of_a_report_is_well_formed(recording: Make, annotated: bool) -> None:
    report = recording(message='<script> & "quotes"').report(annotated=annotated)
    for figure in (score_svg, heart_rate_svg, overview_svg):
        root = parse(figure(report))
        assert root.tag == f"{NS}svg"
        assert "NaN" not in figure(report)
        assert "nan" not in re.sub(r"<title>.*?</title>", "", figure(report))


def test_figures_of_an_empty_record_are_well_formed() -> None:
    from pipeline.report import ReportCollector

    report = ReportCollector("mitdb/208", 250.0, ("MLII",)).finish()
    for figure in (score_svg, heart_rate_svg, overview_svg):
        assert parse(figure(report)).tag == f"{NS}svg"


def test_each_anomaly_of_the_score_chart_tells_its_p_value(recording: Make) -> None:
    report = recording().report()
    titles = [title.text or "" for title in parse(score_svg(report)).iter(f"{NS}title")]
    assert sum("p 0.0004" in title for title in titles) == len(report.points) == 18
    assert any(title.startswith("0:43 high alarm: no beat for 3.2 s") for title in titles)
    assert any(title.startswith("drift at 1:30") for title in titles)
    assert any(title.startswith("gap from 1:40 to 1:44: flat") for title in titles)


def test_a_strip_is_true_to_scale() -> None:
    signal = np.zeros((1500, 1))
    signal[750] = 1.0  # 1 mV at 3 s
    root = parse(ecg_strip_svg(signal, 250.0, ("II",)))
    assert root.get("width") == "150mm"  # 6 s at 25 mm/s
    assert root.get("viewBox", "").split()[2] == "1500"  # tenths of a millimetre
    trace = next(p for p in root.iter(f"{NS}path") if p.get("stroke-width") == "3.2")
    steps = points(trace.get("d", ""))
    assert max(y for _, y in steps) - min(y for _, y in steps) == 100  # 10 mm/mV
    assert min(steps, key=lambda step: step[1])[0] == 750  # 75 mm


def test_a_strip_names_its_leads_beats_and_symbols() -> None:
    beats = [(1.0, "normal", False), (2.0, "ventricular", True), (99.0, "ventricular", True)]
    figure = ecg_strip_svg(np.zeros((1500, 2)), 250.0, ("II", "<V1>"), beats=beats, reference=[(2.0, "V"), (3.0, "+")])
    words = [t.text for t in parse(figure).iter(f"{NS}text")]
    assert words.count("V") == 2  # found and annotated
    assert {"·", "+", "II", "<V1>"} <= set(words)


def test_a_lead_without_signal_is_said_to_have_none() -> None:
    signal = np.column_stack([np.zeros(500), np.full(500, np.nan)])
    assert "no signal" in ecg_strip_svg(signal, 250.0, ("II", "V1"))
    window = np.column_stack([np.zeros(110), np.full(110, np.nan)])
    assert "lead absent" in beat_svg(window, window, ("II", "V1"))


def test_a_beat_shows_both_curves_in_every_lead() -> None:
    rng = np.random.default_rng(0)
    root = parse(beat_svg(rng.normal(size=(110, 3)), rng.normal(size=(110, 3)), ("I", "II", "III")))
    strokes = [p.get("stroke-width") for p in root.iter(f"{NS}path")]
    assert (strokes.count("16"), strokes.count("18")) == (3, 3)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="one column per lead"):
        ecg_strip_svg(np.zeros((10, 2)), 250.0, ("II",))
    with pytest.raises(ValueError, match="one column per lead"):
        beat_svg(np.zeros((110, 2)), np.zeros((110, 1)), ("II", "V1"))


def test_text_is_escaped() -> None:
    assert parse(text(0, 0, "<b>&\"'", fill='"x"')).text == "<b>&\"'"


def test_times_read_as_a_clock() -> None:
    assert [clock(0), clock(61.9), clock(3_600), clock(59.96, fraction=True)] == ["0:00", "1:01", "1:00:00", "1:00.0"]
    assert time_ticks(1805.0, 13).tolist() == [0.0, 300.0, 600.0, 900.0, 1200.0, 1500.0, 1800.0]
    assert all(len(time_ticks(s, 13)) <= 14 for s in np.geomspace(1, 30 * 86400, 200))


def test_every_kind_has_a_colour_a_letter_and_a_rank() -> None:
    assert set(KINDS) == set(MARKS) == set(LETTERS)
    assert set(KINDS) <= set(COLOURS)
    assert [MARKS[rank] for rank in RANK_OF_KIND] == list(KINDS)
