"""The database itself: how it is opened, and the two kinds of transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pipeline.errors import OutputError, RowsRefused
from pipeline.whole_file import private_folder

if TYPE_CHECKING:
    from pipeline.storage.database.alarms import AlarmStore
    from pipeline.storage.database.limits import LimitStore
    from pipeline.storage.database.live import LiveStore
    from pipeline.storage.database.runs import RunStore

__all__ = ["Database"]

BUSY_S = 30.0  # how long a writer waits for its turn; a transaction of SQLite takes about a millisecond
CONNECT_S = 10  # how long PostgreSQL may take to answer
# After how long a connection is given up on which nothing comes back, as where a network is cut: the system's own
# patience is a quarter of an hour.
LOST = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}

_READ_ONLY = "ecg_read_only"


class Database:
    """A database of alarms, runs and model versions.

    Every method of its stores is one short transaction, so many processes may work on one database. The object may be
    used from several threads; another process opens its own.

    Parameters
    ----------
    url : str
        ``sqlite:///file``, or ``postgresql://user:password@host/database``. SQLite takes a local disk: its write-ahead
        log does not work on a network's file system, where PostgreSQL serves instead.

    Attributes
    ----------
    url : str
        The same without its password, for messages.
    alarms : AlarmStore
        What persons were told.
    live : LiveStore
        States and results of live monitoring.
    runs : RunStore
        What was run.

    Raises
    ------
    ValueError
        If the URL is none, or of another kind of database.
    OutputError
        If the driver of PostgreSQL is not installed, or SQLite's folder cannot be made.
    """

    def __init__(self, url: str) -> None:
        parsed = _parse(url)
        self.url = parsed.render_as_string(hide_password=True)
        self._engine = _engine(parsed, self.url)

    @classmethod
    def open(cls, url: str) -> Self:
        """Open a database and bring its tables up to date; an empty one gets them.

        Raises
        ------
        ValueError
            If the URL is none, or of another kind of database.
        OutputError
            If it cannot be reached or written to, or a newer version of this project has written it.
        """
        database = cls(url)
        try:
            database.upgrade()
        except BaseException:
            database.close()
            raise
        return database

    def upgrade(self) -> None:
        """Bring the tables to this version of the code; does nothing where they are.

        Raises
        ------
        OutputError
            If the database cannot be reached or written to, or a newer version of this project has written it.
        """
        from pipeline.storage.database.schema import upgrade  # alembic takes a while to import

        upgrade(self)

    @cached_property
    def alarms(self) -> AlarmStore:
        """What persons were told."""
        from pipeline.storage.database.alarms import AlarmStore

        return AlarmStore(self)

    @cached_property
    def runs(self) -> RunStore:
        """What was run."""
        from pipeline.storage.database.runs import RunStore

        return RunStore(self)

    @cached_property
    def limits(self) -> LimitStore:
        """Limits of alarms that were set for single patients."""
        from pipeline.storage.database.limits import LimitStore

        return LimitStore(self)

    @cached_property
    def live(self) -> LiveStore:
        """States and results of live monitoring."""
        from pipeline.storage.database.live import LiveStore

        return LiveStore(self)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Hold a transaction that changes nothing and waits for no writer."""
        with self._translated(), self._engine.connect() as connection:
            connection = connection.execution_options(**{_READ_ONLY: True})
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Hold a transaction that is kept as a whole, or dropped as a whole after an error."""
        with self._translated(), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Drop all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (DataError, IntegrityError, UnicodeError, OverflowError) as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            raise RowsRefused(f"database {self.url} does not take a row ({reason:.300})") from error
        except (DBAPIError, PoolTimeout) as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            raise OutputError(
                f"database {self.url} cannot be used ({reason}); see that it is there and may be written to, "
                "or name another with ECG_DATABASE_URL"
            ) from error


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    kind = parsed.get_backend_name() if parsed is not None else ""
    if parsed is None or kind not in ("sqlite", "postgresql") or (kind == "sqlite" and not parsed.database):
        # The URL itself is left out: it may hold a password.
        raise ValueError(
            "this is no URL of a database that can be used; write sqlite:///FILE, with a fourth slash for an absolute "
            "path, or postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    return parsed if kind == "sqlite" else parsed.set(drivername="postgresql+psycopg")


def _engine(url: URL, shown: str) -> Engine:
    if url.get_backend_name() == "postgresql":
        try:
            waits = {"connect_timeout": CONNECT_S, "options": f"-c lock_timeout={BUSY_S * 1000:.0f}", **LOST}
            return create_engine(url, pool_pre_ping=True, connect_args=waits)
        except ModuleNotFoundError as error:
            raise OutputError(
                f"database {shown}: the driver of PostgreSQL is missing; pip install 'ecg-anomaly[postgres]'"
            ) from error
    assert url.database is not None  # noqa: S101 - _parse has seen to it
    try:
        private_folder(Path(url.database).parent)
    except OSError as error:
        raise OutputError(
            f"database {shown}: its folder cannot be made ({error.strerror}); name another with ECG_DATABASE_URL"
        ) from error
    engine = create_engine(url, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late, see below
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that first reads and then writes fails at once, without waiting, if another has written meanwhile.
    # One that asks for the write lock at its start waits for its turn.
    is_reader = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if is_reader else "BEGIN IMMEDIATE")
