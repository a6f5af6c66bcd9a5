"""Results asked in SQL, through DuckDB."""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from pipeline.errors import OutputError, RecordNotFound
from pipeline.storage.beats import BEAT_COLUMNS
from pipeline.storage.events import EVENT_SCHEMAS, event_tables
from pipeline.storage.place import Place, PlaceLike, place
from pipeline.storage.record_summary import RecordSummary
from pipeline.storage.summary import read_summary

__all__ = ["COLUMNS", "query", "query_batches"]

_BATCH = 10_000  # rows
_ARROW = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
_DAMAGE = (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException)
_UNKNOWN_NAME = (duckdb.CatalogException, duckdb.BinderException)
_WRONG_QUERY = (*_UNKNOWN_NAME, duckdb.ParserException, duckdb.PermissionException, duckdb.ConversionException)


def query(sql: str, folder: PlaceLike) -> pd.DataFrame:
    """Return what a SELECT finds in a folder of results.

    Parameters
    ----------
    sql : str
        One SELECT in DuckDB's SQL over the views ``beats`` (one row a beat, all records), ``alarms``, ``drifts``,
        ``gaps`` and ``summary`` (one row a record). ``DESCRIBE beats`` shows the columns of a view.
    folder : path
        The folder, or its URL.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    ValueError
        If the SQL is wrong, or anything but one SELECT.
    RecordNotFound
        If the folder holds no results.
    OutputError
        If a file is damaged.

    Examples
    --------
    >>> query("SELECT kind, count(*) AS n FROM beats WHERE is_anomaly GROUP BY kind", "results")  # doctest: +SKIP
    """
    with query_batches(sql, folder) as batches:
        frame: pd.DataFrame = batches.read_pandas()
    return frame


@contextmanager
def query_batches(sql: str, folder: PlaceLike) -> Iterator[pa.RecordBatchReader]:
    """Answer a SELECT piece by piece, for answers that do not fit into memory; otherwise as :func:`query`."""
    where = place(folder)
    # What does not fit into memory goes to a folder of its own, never to the one that the user is in, and has an end.
    with (
        _translated(where),
        tempfile.TemporaryDirectory(prefix="ecg-query-") as spill,
        duckdb.connect(config={**_CONFIG, "temp_directory": spill}) as connection,
    ):
        _check(connection, sql)
        _make_views(connection, where)
        with _aside(connection) as run:
            reader = run(lambda: connection.sql(sql).to_arrow_reader(_BATCH))
            yield pa.RecordBatchReader.from_batches(reader.schema, _batches(reader, run))


_Run = Callable[[Callable[[], Any]], Any]


@contextmanager
def _aside(connection: duckdb.DuckDBPyConnection) -> Iterator[_Run]:
    """Yield what runs work of DuckDB in a thread, so that this one hears Ctrl-C at once, and ends that work then."""
    with ThreadPoolExecutor(1, "duckdb") as thread:

        def run(work: Callable[[], Any]) -> Any:
            try:
                return thread.submit(work).result()
            except (KeyboardInterrupt, SystemExit):
                connection.interrupt()
                raise

        yield run


def _batches(reader: pa.RecordBatchReader, run: _Run) -> Iterator[pa.RecordBatch]:
    while (batch := run(lambda: next(reader, None))) is not None:
        yield batch


COLUMNS: dict[str, Sequence[str]] = {
    "beats": list(BEAT_COLUMNS),
    **{name: schema.names for name, schema in EVENT_SCHEMAS.items()},
    "summary": [name for name in RecordSummary.model_fields if name not in ("remarks", "metadata")],
}
_HINT = "".join(f"\n{view}: {', '.join(columns)}" for view, columns in COLUMNS.items())

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "max_temp_directory_size": "8GB",
}


def _check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse what is no SELECT: results are read, never written."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ValueError("a query is one SELECT, such as: SELECT record, count(*) FROM beats GROUP BY record")


def _make_views(connection: duckdb.DuckDBPyConnection, folder: Place) -> None:
    summary = read_summary(folder)
    if not summary.records:
        raise RecordNotFound(f"{folder}: no results; score a record into it first")
    for name, rows in event_tables(folder).items():
        connection.register(name, rows)
    schema = pa.schema([(name, _arrow_type(name)) for name in COLUMNS["summary"]])
    entries = [entry.model_dump(include=set(schema.names)) for entry in summary.records.values()]
    connection.register("summary", pa.Table.from_pylist(entries, schema=schema))

    if isinstance(folder, UPath):
        connection.register_filesystem(folder.fs)
        root = folder.fs.unstrip_protocol(folder.path).rstrip("/")
    else:
        root = str(folder.absolute())
    literal = glob.escape(root)  # a folder's name may hold a star
    connection.read_parquet(f"{literal}/beats/**/*.parquet", hive_partitioning=False).create_view("beats")
    # From here on the views are all that a query can reach: no other file, no network, no other setting.
    connection.execute("SET allowed_directories = $1", [[f"{root}/beats/", f"{literal}/beats/"]])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _arrow_type(column: str) -> pa.DataType:
    annotation = str(RecordSummary.model_fields[column].annotation)
    return next(kind for name, kind in _ARROW.items() if name in annotation)


@contextmanager
def _translated(folder: Place) -> Iterator[None]:
    """Turn DuckDB's errors into ours: a wrong query into a ValueError, a damaged file into an OutputError."""
    try:
        yield
    except duckdb.Error as error:
        reason = str(error).strip()
        named = isinstance(error, _DAMAGE) and ".parquet" in reason
        is_unknown = isinstance(error, _UNKNOWN_NAME) and any(f'"{name}"' in reason for name in BEAT_COLUMNS)
        is_unknown = is_unknown and _lacks_columns(folder)
        if named or is_unknown or (not isinstance(error, _WRONG_QUERY) and _has_damage(folder)):
            raise OutputError(
                f"{folder}: a table of beats is damaged or gone; remove it and score its record again ({reason})"
            ) from error
        raise ValueError(reason + _HINT if isinstance(error, _UNKNOWN_NAME) else reason) from error


def _lacks_columns(folder: Place) -> bool:
    """Tell whether a table of beats has not the columns that all have: the name that is unknown is right then."""
    for file in (folder / "beats").glob("**/*.parquet"):
        try:
            with file.open("rb") as opened:
                if not set(BEAT_COLUMNS) <= set(pq.read_schema(opened).names):
                    return True
        except (pa.ArrowException, OSError, ValueError):
            return True
    return False


def _has_damage(folder: Place) -> bool:
    """Tell whether a table of beats cannot be read: of some damage DuckDB does not say that it is in a file."""
    for file in (folder / "beats").glob("**/*.parquet"):
        try:
            with file.open("rb") as opened, pq.ParquetFile(opened) as table:
                for _ in table.iter_batches(_BATCH):
                    pass
        except (pa.ArrowException, OSError, ValueError):
            return True
    return False
