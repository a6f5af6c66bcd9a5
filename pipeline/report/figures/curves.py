"""How well scores tell anomalies from normal beats: precision against recall, a line a method."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.report.figures.svg import group, path, svg, text

__all__ = ["precision_recall", "precision_recall_svg"]

SIDE, LEFT, TOP, WIDTH = 320, 46, 14, 560
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # told apart by the colour-blind
POINTS = 400

Floats = NDArray[np.float64]


def precision_recall(scores: ArrayLike, is_anomaly: ArrayLike) -> tuple[Floats, Floats]:
    """Return precision and recall at each distinct score, the highest first.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Higher is stranger; -inf is a score like others.
    is_anomaly : array_like of bool, shape (n,)
        What each is.

    Raises
    ------
    ValueError
        If there is no anomaly.
    """
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(is_anomaly, dtype=np.bool_)
    if not truth.any():
        raise ValueError("precision and recall need an anomaly")
    order = np.argsort(-values, kind="stable")
    found = np.cumsum(truth[order])
    last_of_equals = np.append(values[order][1:] != values[order][:-1], True)
    at = np.flatnonzero(last_of_equals)
    return found[at] / (at + 1.0), found[at] / float(found[-1])


def precision_recall_svg(methods: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> str:
    """Return a figure with a line for each method, the first one on top.

    Parameters
    ----------
    methods : mapping of str to (scores, is_anomaly)
        What each method gave the beats, and what they are.
    """
    lines, names = [], []
    for i, (name, (scores, is_anomaly)) in reversed(list(enumerate(methods.items()))):
        precision, recall = precision_recall(scores, is_anomaly)
        chosen = np.unique(np.linspace(0, len(recall) - 1, POINTS).astype(int))
        colour = COLOURS[i % len(COLOURS)]
        d = path(LEFT + SIDE * recall[chosen], TOP + SIDE * (1 - precision[chosen]))
        lines.append(f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{1.2 if i else 2.4:g}"/>')
        names.append(text(LEFT + SIDE + 16, TOP + 14 + 18 * i, name, fill=colour))
    ticks = [
        text(LEFT + SIDE * share, TOP + SIDE + 16, f"{share:g}", text_anchor="middle")
        + text(LEFT - 6, TOP + SIDE * (1 - share) + 4, f"{share:g}", text_anchor="end")
        for share in (0, 0.5, 1)
    ]
    frame = f'<rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#8a8a8a"/>'
    axes = text(LEFT + SIDE / 2, TOP + SIDE + 32, "recall of anomalous beats", text_anchor="middle")
    axes += text(12, TOP + SIDE / 2, "precision", transform=f"rotate(-90 12 {TOP + SIDE / 2:g})", text_anchor="middle")
    body = frame + group("".join(ticks) + axes, fill="#667085") + "".join(lines) + "".join(names)
    return svg(WIDTH, TOP + SIDE + 40, body, label="precision against recall", size=f"{WIDTH}px")
