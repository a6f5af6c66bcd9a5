from __future__ import annotations

import numpy as np

from pipeline.bench.growth import AXES, Point, Series
from pipeline.figures import draw_growth

UNITS = ("patient", "hour", "lead", "Hz")


def test_growth_is_drawn_with_units_exponents_and_a_straight_line_beside_it() -> None:
    points = tuple(Point(n, 0.002 * n**0.9, 40.0 + n) for n in (1, 10, 100, 1000))
    figure = draw_growth([Series(axis, unit, "work", "memory", points) for axis, unit in zip(AXES, UNITS, strict=True)])
    assert 9.0 <= figure.get_figwidth() <= 11.0  # the width of a page
    assert len(figure.axes) == 8
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "measured",
        "linear, through the largest size",
    ]
    upper, lower = figure.axes[:4], figure.axes[4:]
    assert upper[0].get_ylabel() == "processor time (s)"
    assert lower[0].get_ylabel() == "memory (MB)"
    assert all(axes.get_xlabel() for axes in lower)
    assert "(Hz)" in lower[3].get_xlabel()
    for axes in figure.axes:
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        measured, straight = (np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.lines)
        assert measured[-1] == straight[-1]
        low, high = axes.get_ylim()
        assert low < measured.min() < measured.max() < high
    assert "0.90" in upper[0].texts[0].get_text()
    figure.canvas.draw()
