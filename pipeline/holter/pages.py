"""A summary as a page to look at (HTML), to print (PDF, strips true to scale) and as a table of hours (Parquet)."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.holter.paper import draw
from pipeline.holter.record import Holter
from pipeline.holter.st_figure import st_svg
from pipeline.holter.summary import DEFINITIONS
from pipeline.holter.table import rows
from pipeline.report.figures import heart_rate_svg, overview_svg
from pipeline.report.figures.strip import strip_svg
from pipeline.report.page import environment
from pipeline.storage.files import replace_file

__all__ = ["write_html", "write_parquet", "write_pdf"]

STRIPS = 12


def write_html(path: Path, holter: Holter) -> None:
    """Write one self-contained page: figures beside the reference, hours, and the worst strips, open.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    events = holter.events[:STRIPS]
    text = (
        environment()
        .get_template("holter.html.j2")
        .render(
            holter=holter,
            rows=rows(holter.found, holter.reference, holter.st),
            st=st_svg(holter.st, 3600.0 * holter.found.hours),
            hours=holter.found.by_hour,
            strips=[(event, strip_svg(event.strip, holter.report.leads)) for event in events],
            heart_rate=heart_rate_svg(holter.report),
            overview=overview_svg(holter.report),
            definitions=DEFINITIONS,
        )
    )
    replace_file(path, lambda part: part.write_text(text, encoding="utf-8"))


def write_pdf(path: Path, holter: Holter) -> None:
    """Write the same for paper, A4: strips at 25 mm/s and 10 mm/mV.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    replace_file(path, lambda part: draw(part, holter, holter.events[:STRIPS]))


def write_parquet(path: Path, holter: Holter) -> None:
    """Write a row an hour; unknown rates are null.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    names = type(holter.found.by_hour[0]).__slots__
    hours = holter.found.by_hour
    columns = {name: pa.array([getattr(hour, name) for hour in hours], from_pandas=True) for name in names}
    table = pa.table({"record": pa.array([holter.record] * len(hours)), **columns})
    replace_file(path, lambda part: pq.write_table(table, part))
