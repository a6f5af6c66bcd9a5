"""``ecg-anomaly query``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.group import PipelineCommand

if TYPE_CHECKING:
    import pyarrow as pa

EPILOG = """
Examples:
  ecg-anomaly query 'select kind, count(*) from beats group by 1' --out results
  ecg-anomaly query 'from summary' --out results
  ecg-anomaly query 'describe beats' --out results
  ecg-anomaly query --out results --format csv \\
      "select record, time_s, score from beats where is_anomaly order by score"
  ecg-anomaly query 'from alarms' --format parquet > alarms-of-the-week.parquet

The views are beats (a row a beat), alarms, drifts, gaps and summary (a row a
record). SQL is DuckDB's; a query reads the results and nothing else. A
table shows the first 40 rows; the other formats have all of them.
"""

_ROWS = 40
_WIDTH = 80  # where standard output is no terminal


@click.command("query", cls=PipelineCommand, epilog=EPILOG)
@click.argument("sql")
@click.option("--out", default="out", show_default=True, help="Folder of the results, or its URL.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
    help="Form in which the answer is printed.",
)
def command(sql: str, out: str, form: str) -> None:
    """Ask the results in SQL."""
    from pipeline.storage.query import query_batches

    if form == "parquet" and sys.stdout.isatty():
        raise click.UsageError("Parquet is no text: send it to a file, such as > answer.parquet")
    if "://" not in out and not Path(out).is_dir():
        raise click.UsageError(f"--out: folder {out!r} does not exist")
    show = {"table": _table, "csv": _csv, "json": _json, "parquet": _parquet}[form]
    try:
        with query_batches(sql, out) as batches:
            show(batches)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _table(batches: pa.RecordBatchReader) -> None:
    from rich.table import Table

    from pipeline.cli.display import show_table

    rows: list[dict[str, Any]] = []
    for batch in batches:
        rows += batch.slice(0, _ROWS + 1 - len(rows)).to_pylist()
        if len(rows) > _ROWS:
            break
    shown = [{name: _text(value) for name, value in row.items()} for row in rows[:_ROWS]]
    kinds = {field.name: field.type for field in batches.schema}
    widths = {name: max([len(name), *(len(row[name]) for row in shown)]) + 1 for name in kinds}
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH
    fitting = _fitting(widths, room)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in fitting:
        table.add_column(name, justify="right" if _is_number(kinds[name]) else "left", overflow="fold")
    for row in shown:
        table.add_row(*(row[name] for name in fitting))
    show_table(table)
    left = [name for name in kinds if name not in fitting]
    if left:
        click.echo(f"No room for {', '.join(left)}: select fewer columns, or --format csv.", err=True)
    if len(rows) > _ROWS:
        click.echo(f"The first {_ROWS} rows; all of them: --format csv.", err=True)


def _fitting(widths: dict[str, int], room: int) -> list[str]:
    """Return the first columns that fit, one at the least."""
    fitting: list[str] = []
    for name, width in widths.items():
        room -= width
        if fitting and room < -1:  # the last one needs no gap after it
            break
        fitting.append(name)
    return fitting


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _csv(batches: pa.RecordBatchReader) -> None:
    from pyarrow.csv import CSVWriter

    with CSVWriter(sys.stdout.buffer, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _json(batches: pa.RecordBatchReader) -> None:
    """Print one array of rows; what JSON has no word for, such as a date, is its text."""
    from pipeline.cli.display import show_json

    rows = batches.read_all().to_pylist()
    show_json([{name: _plain(value) for name, value in row.items()} for row in rows])


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str | list | dict) else str(value)


def _parquet(batches: pa.RecordBatchReader) -> None:
    from pyarrow.parquet import ParquetWriter

    with ParquetWriter(sys.stdout.buffer, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
