"""The monitor on a terminal: a line of strip, heart rate, quality and alarms for each patient."""

from __future__ import annotations

import math
import os
from threading import Event

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.web.hub import Hub
from pipeline.web.patient import Patient, RaisedAlarm
from pipeline.web.ring import MISSING

__all__ = ["render", "show_until"]

STRIP_S = 4.0  # s of strip
STRIP_COLUMNS = 44
NARROW, NARROW_STRIP = 100, 22  # columns of a terminal below which alarms need the room, and what is left
FRAME_ROWS = 3  # of a picture: the table's head, the line below it, and the note
PLAIN_COLUMNS = 120  # of a picture in a pipe, unless COLUMNS says otherwise
STRIP_ROWS = 2  # characters of four dots' height, so that a QRS complex stands out; the beats' marks are one more
SPAN_UV = 3000.0  # microvolts from the bottom to the top of a strip
STALE_S = 5.0  # s without a beat after which a heart rate is none
REFRESH_HZ = 8.0
PLAIN_S = 2.0  # s from picture to picture where nothing can be drawn over
KINDS = {1: ("V", "bold dark_orange"), 2: ("S", "bold dodger_blue1"), 3: ("?", "bold orchid")}
PRIORITY = {"high": ("!!!", "bold white on red"), "medium": ("!!", "black on yellow"), "low": ("!", "cyan")}
RANK = {"high": 0, "medium": 1, "low": 2}
STATE = {"live": ("●", "green"), "late": ("◐", "yellow"), "ended": ("○", "dim")}
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille character, from the top


def render(hub: Hub, width: int = PLAIN_COLUMNS, height: int | None = None) -> RenderableType:
    """Return what a terminal of so many columns and lines shows now.

    Where all patients do not fit, strips get lower; where that is not enough, the least urgent are left out and named.
    """
    columns = STRIP_COLUMNS if width >= NARROW else NARROW_STRIP
    patients, rows = hub.patients(), STRIP_ROWS + 1
    hidden: list[Patient] = []
    if height is not None and patients:
        rows = max(1, min(rows, (height - FRAME_ROWS) // len(patients)))
        hidden = sorted(patients, key=_urgency)[max(1, height - FRAME_ROWS - 1) :] if rows == 1 else []
        hidden = hidden if len(patients) > height - FRAME_ROWS else []
    table = Table(expand=True, pad_edge=False, show_edge=False, row_styles=("", "on grey7"))
    table.add_column("patient", no_wrap=True)
    table.add_column(f"last {STRIP_S:g} s", no_wrap=True, width=columns)
    table.add_column("bpm", justify="right", no_wrap=True)
    table.add_column("quality", justify="right", no_wrap=True)
    table.add_column("alarms that last", ratio=1, no_wrap=True, overflow="ellipsis")
    for patient in patients:
        if patient in hidden:
            continue
        sign, style = STATE.get(patient.status.state, ("?", ""))
        name = Text.assemble((sign, style), f" {patient.name}")
        vitals = patient.vitals()
        rate = _rate(patient, vitals["hr"])
        quality = "" if vitals["quality"] is None else f"{100 * vitals['quality']:.0f} %"
        table.add_row(name, _strip(patient, columns, rows), rate, quality, _alarms(patient, rows))
    note = Text("Not a medical device. Ctrl-C ends.", style="dim", no_wrap=True)
    if not hidden:
        return Group(table, note)
    names = ", ".join(patient.name for patient in hidden)
    more = Text(f"{len(hidden)} more, nothing urgent above theirs: {names}", style="yellow", no_wrap=True)
    return Group(table, more, note)


def show_until(ended: Event, hub: Hub, console: Console | None = None) -> None:
    """Show a hub until the event is set: on a terminal in place, else, as in a pipe, one picture after the other."""
    console = console or Console()
    if console.is_terminal and not console.is_dumb_terminal:
        with Live(
            console=console,
            screen=True,
            refresh_per_second=REFRESH_HZ,
            get_renderable=lambda: render(hub, console.width, console.height),
            transient=True,
        ):
            ended.wait()
        return
    if "COLUMNS" not in os.environ:
        console.width = PLAIN_COLUMNS
    while not ended.wait(PLAIN_S):
        if hub.patients():
            console.print(render(hub, console.width))


def _rate(patient: Patient, rate: float | None) -> Text:
    last = patient.last_beats(1)
    is_stale = not len(last) or patient.kept[1] - last["r_peak"][0] > STALE_S * patient.fs
    return Text("–" if rate is None or is_stale else f"{rate:.0f}", style="bold green")


def _strip(patient: Patient, columns: int, rows: int) -> Text:
    """Return the newest signal of the first lead in braille; above it, where there is room, flagged beats' letters."""
    stop = patient.kept[1]
    start = stop - round(STRIP_S * patient.fs)
    position, steps = patient.signal(start, stop)
    lead = np.full(stop - start, np.nan)
    lead[position - start :] = np.where(steps[:, 0] == MISSING, np.nan, steps[:, 0])
    marks = [(" ", "")] * columns
    for row in patient.beats(max(start, 0), stop):
        if row["is_anomaly"]:
            at = int((row["r_peak"] - start) / (stop - start) * columns)
            marks[min(at, columns - 1)] = KINDS.get(int(row["kind"]), KINDS[3])
    text = Text()
    if rows > 1:
        for mark, style in marks:
            text.append(mark, style)
        text.append("\n")
    text.append("\n".join(_braille(lead, columns, max(1, rows - 1))))
    return text


def _braille(lead: NDArray[np.float64], across: int, down: int) -> list[str]:
    columns, levels = 2 * across, 4 * down
    cells = np.zeros((down, across), dtype=np.int64)
    there = lead[np.isfinite(lead)]
    zero = float(np.median(there)) if len(there) else 0.0
    for column, part in enumerate(np.array_split(lead, columns)):
        part = part[np.isfinite(part)]
        if not len(part):
            continue  # a gap is left blank
        low, high = ((float(edge) - zero) / SPAN_UV + 1 / 3 for edge in (part.min(), part.max()))
        first, last = (min(levels - 1, max(0, math.floor(share * levels))) for share in (low, high))
        for level in range(first, last + 1):
            row = levels - 1 - level
            cells[row // 4, column // 2] |= _DOTS[row % 4][column % 2]
    return ["".join(chr(0x2800 + int(cell)) for cell in row) for row in cells]


def _urgency(patient: Patient) -> int:
    return min((RANK[raised.alarm.priority] for raised in _lasting(patient)), default=len(RANK))


def _lasting(patient: Patient) -> list[RaisedAlarm]:
    """Return the alarms whose cause lasts, the most urgent first."""
    lasting = [raised for raised in patient.alarms() if raised.alarm.ended_s is None]
    return sorted(lasting, key=lambda raised: RANK[raised.alarm.priority])


def _alarms(patient: Patient, rows: int) -> Text:
    now_s = patient.kept[1] / patient.fs
    words = []
    for raised in _lasting(patient):
        alarm = raised.alarm
        mark, style = PRIORITY[alarm.priority]
        if raised.acknowledged_by is not None:
            mark, style = "✓", "dim"
        about = "" if alarm.physiological else " (signal)"
        words.append((f" {mark} {alarm.kind}{about} {_clock(now_s - alarm.onset_s)} ", style))
    past = [
        raised for raised in patient.alarms() if raised.alarm.ended_s is not None and raised.acknowledged_by is None
    ]
    if past:
        gravest = min(past, key=lambda raised: RANK[raised.alarm.priority]).alarm
        words.append((f"{len(past)} past: {gravest.kind}", "dim"))
    text = Text()
    together = -(-len(words) // rows)  # on a line
    for i, (word, style) in enumerate(words):
        if i:
            text.append("\n" if i % together == 0 else " ")
        text.append(word, style)
    return text


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02d}"
