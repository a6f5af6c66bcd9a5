"""Draw how the packages stand on each other; as a program, write docs/explanation/architecture.svg anew.

A test compares ``ROWS`` with the imports: whatever stands in ``pipeline`` and ``flows`` is in one box, and a box
imports boxes of lower rows alone.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

FILE = Path(__file__).parent / "explanation" / "architecture.svg"

# From the top down: what the row is for, and its boxes, each with the modules and folders it holds.
ROWS: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    ("scheduling", (("flows",),)),
    ("commands", (("cli",),)),
    ("broken inputs", (("fuzzing",),)),
    ("pages", (("web",), ("holter",))),
    ("pictures", (("figures",),)),
    ("speed", (("bench",),)),
    ("many records, training, events", (("scoring",), ("learning",), ("announcing",))),
    ("frames, quality, report", (("live",), ("evaluation",), ("report",))),
    ("why; machine code", (("explain",), ("compiling",))),
    ("one patient, many patients", (("monitor", "timeline", "ward"),)),
    ("four that never import each other", (("sources",), ("signals",), ("detection",), ("storage",))),
    (
        "what all share",
        (
            ("records", "annotations", "record_name"),
            ("settings", "setting_names", "alarm_limits"),
            ("errors", "health"),
            ("snapshot", "jit", "sorting", "whole_file"),
            ("clock", "processes"),
        ),
    ),
)

WIDTH, LABEL, HEIGHT, GAP = 1000, 220, 34, 14


def draw() -> str:
    """Return the picture as SVG."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {len(ROWS) * (HEIGHT + GAP) + GAP}" '
        'font-family="sans-serif" font-size="13" role="img">',
        "<title>The packages in rows: each imports what stands below it</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for i, (label, boxes) in enumerate(ROWS):
        y = GAP + i * (HEIGHT + GAP)
        middle = y + HEIGHT / 2 + 4.5
        lines.append(f'<text x="{LABEL - 12}" y="{middle:g}" text-anchor="end" fill="#555555">{escape(label)}</text>')
        texts = [", ".join(names) for names in boxes]
        share = [1.0 if len(boxes) < 5 else len(text) + 4.0 for text in texts]  # a crowded row goes by its texts
        x = float(LABEL)
        for text, part in zip(texts, share, strict=True):
            room = (WIDTH - LABEL - GAP) * part / sum(share)
            lines += [
                f'<rect x="{x:g}" y="{y}" width="{room - GAP:g}" height="{HEIGHT}" rx="5" '
                'fill="#e0f2f1" stroke="#00796b"/>',
                f'<text x="{x + (room - GAP) / 2:g}" y="{middle:g}" text-anchor="middle" fill="#000000">'
                f"{escape(text)}</text>",
            ]
            x += room
    return "\n".join([*lines, "</svg>"]) + "\n"


if __name__ == "__main__":
    FILE.write_text(draw(), "utf-8")
