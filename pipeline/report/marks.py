"""How each kind of anomaly looks: one colour and one shape, in every figure."""

from __future__ import annotations

from pipeline.records import KINDS

__all__ = ["COLOURS", "LETTERS", "MARKS", "PRIORITIES", "RANK_OF_AAMI", "RANK_OF_KIND", "anomaly_kind", "colour"]

# From the least to the most alarming: where several share a place, the last one is drawn.
MARKS = ("normal", "other", "supraventricular", "ventricular")
RANK_OF_KIND = tuple(MARKS.index(kind) for kind in KINDS)
RANK_OF_AAMI = {"S": MARKS.index("supraventricular"), "V": MARKS.index("ventricular"), "F": MARKS.index("other")}

PRIORITIES = ("none", "low", "medium", "high")

LETTERS = {"normal": "N", "ventricular": "V", "supraventricular": "S", "other": "?"}

# Okabe and Ito's palette (https://jfly.uni-koeln.de/color/), told apart by every kind of colour vision. The page sets
# the variables for light and dark; a figure that stands alone falls back on the light ones.
COLOURS = {
    "ink": "currentColor",
    "muted": "#6b7280",
    "line": "#d1d5db",
    "fine": "#f3c9c4",
    "bold": "#e39a92",
    "paper": "#fffafa",
    "ventricular": "#d55e00",
    "supraventricular": "#0072b2",
    "other": "#b5539a",
    "normal": "#8a94a3",
    "threshold": "#009e73",
    "drift": "#c98500",
    "alarm": "#d55e00",
    "gap": "#9ca3af",
    "rate": "#56708f",
}


def colour(name: str) -> str:
    """Return a CSS colour that the page may set and that stands on its own elsewhere."""
    return f"var(--ecg-{name},{COLOURS[name]})"


def anomaly_kind(kind: str) -> str:
    """Return the kind that an anomaly is shown as: one that looks normal is still no normal beat."""
    return "other" if kind == "normal" else kind
