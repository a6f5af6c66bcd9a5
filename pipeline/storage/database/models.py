"""Which models were published, where their files lie, and which one is current."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from safetensors import SafetensorError
from safetensors.numpy import load
from sqlalchemy import Connection, Row, select, update
from sqlalchemy import text as sql

from pipeline.errors import ModelError, OutputError
from pipeline.storage.database.connection import Database
from pipeline.storage.database.tables import model_versions as table
from pipeline.storage.database.upsert import upsert
from pipeline.storage.files import replace_file
from pipeline.whole_file import private_folder

__all__ = ["ModelStore", "ModelVersion", "current_model"]

_POINTER = "current"
_SHORTEST = 4  # hexadecimal digits that may stand for a checksum


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A model that was published.

    Attributes
    ----------
    checksum : str
        SHA-256 of its file, in hexadecimal; the file's name as well.
    key : str
        Where its file lies in the folder of models.
    figures : dict
        What was measured when it was published.
    state : str
        ``published`` (it is the current one) or ``archived``.
    published_at_us : int
        When it last became the current one, in microseconds since 1970 UTC.
    """

    checksum: str
    key: str
    figures: dict[str, Any]
    state: str
    published_at_us: int


def current_model(folder: Path | str) -> Path | None:
    """Return the file of the current model in a folder of models, or None if none was published.

    It asks no database: a process that only scores needs the folder alone.

    Raises
    ------
    ModelError
        If the file is gone.
    """
    checksum = _pointer(Path(folder))
    if checksum is None:
        return None
    path = Path(folder) / _file_name(checksum)
    if not path.is_file():
        raise ModelError(f"{path} is gone, and it is the current model; see `ecg-anomaly models list`")
    return path


class ModelStore:
    """Models in a folder, each named by its checksum, and their versions in the database.

    ::

        DIR/<checksum>.safetensors     the weights; never changed
        DIR/<checksum>.md              the card, where there was one
        DIR/current                    the checksum of the current model

    Exactly one is current once any was published. The pointer is replaced in one step inside the transaction that
    changes the table, so publishers wait for each other and readers see the old model or the new one, each whole. A
    process that is killed between the two leaves a pointer to a whole model that the table does not call current yet:
    publishing or restoring again puts that right, and :attr:`pointer` shows it.

    Parameters
    ----------
    database : Database
        Where the versions are written down.
    folder : path
        Where the files lie; it is made if it does not exist.
    """

    def __init__(self, database: Database, folder: Path | str) -> None:
        self._database = database
        self.folder = Path(folder)

    @property
    def pointer(self) -> str | None:
        """Checksum that the pointer names, or None if there is no pointer."""
        return _pointer(self.folder)

    def publish(self, file: Path | str, *, at_us: int, figures: Mapping[str, JsonValue] | None = None) -> ModelVersion:
        """Take a copy of a model and its card, and make it the current one.

        Parameters
        ----------
        file : path
            The model; its card, if it has one, lies beside it with the ending ``.md``.
        at_us : int
            The time now, in microseconds since 1970 UTC.
        figures : mapping, optional
            What was measured, such as the figures on the validation records.

        Raises
        ------
        ModelError
            If the file is missing or not whole.
        OutputError
            If the folder or the database cannot be written to; the model that was current still is.
        """
        file = Path(file)
        weights = _weights(file)
        checksum = _checksum(weights)
        version = ModelVersion(checksum, _file_name(checksum), dict(figures or {}), "published", at_us)
        try:
            private_folder(self.folder)
            replace_file(self.folder / version.key, lambda part: part.write_bytes(weights))
            card = file.with_suffix(".md")
            if card.is_file():
                text = card.read_bytes()
                replace_file(self.folder / f"{checksum}.md", lambda part: part.write_bytes(text))
            with self._database.writing() as connection:
                self._make_current(connection, version)
        except OSError as error:
            raise OutputError(
                f"model {file.name} cannot be published to {self.folder} ({error.strerror or error}); "
                "see that the folder may be written to and has room, or name another with ECG_STATE_DIR"
            ) from error
        return version

    def restore(self, checksum: str, *, at_us: int) -> ModelVersion:
        """Make a model that was published before the current one again.

        Parameters
        ----------
        checksum : str
            Its checksum, or the first digits of it.
        at_us : int
            The time now, in microseconds since 1970 UTC.

        Raises
        ------
        ModelError
            If there is no such model, more than one, or its file is gone or damaged.
        OutputError
            If the folder or the database cannot be written to; the model that was current still is.
        """
        found = self._find(checksum)
        if _checksum(_weights(self.folder / found.key)) != found.checksum:
            raise ModelError(f"{self.folder / found.key} is damaged: its contents are not those that were published")
        version = ModelVersion(found.checksum, found.key, found.figures, "published", at_us)
        try:
            with self._database.writing() as connection:
                self._make_current(connection, version)
        except OSError as error:
            raise OutputError(
                f"model {found.checksum[:12]} cannot be restored in {self.folder} ({error.strerror or error}); "
                "see that the folder may be written to"
            ) from error
        return version

    def versions(self) -> list[ModelVersion]:
        """Return all models that were published, the last one first."""
        wanted = select(table).order_by(table.c.published_at_us.desc(), table.c.checksum)
        with self._database.reading() as connection:
            return [_version(row) for row in connection.execute(wanted)]

    def current(self) -> ModelVersion | None:
        """Return the model that the database calls current, or None if none was published."""
        with self._database.reading() as connection:
            row = connection.execute(select(table).where(table.c.state == "published")).one_or_none()
        return None if row is None else _version(row)

    def _find(self, checksum: str) -> ModelVersion:
        start = checksum.lower()
        found = [version for version in self.versions() if version.checksum.startswith(start)]
        if len(start) < _SHORTEST or not found:
            raise ModelError(f"no model {checksum!r} was published; `ecg-anomaly models list` shows those that were")
        if len(found) > 1:
            raise ModelError(f"{len(found)} models begin with {checksum!r}: give more digits of the checksum")
        return found[0]

    def _make_current(self, connection: Connection, version: ModelVersion) -> None:
        if connection.dialect.name == "postgresql":  # SQLite's writers are alone from the start
            connection.execute(sql(f"LOCK TABLE {table.name} IN EXCLUSIVE MODE"))
        others = update(table).where(table.c.state == "published", table.c.checksum != version.checksum)
        connection.execute(others.values(state="archived"))
        upsert(connection, table, [_row(version)], key=("checksum",))
        line = f"{version.checksum}\n"
        replace_file(self.folder / _POINTER, lambda part: part.write_text(line, encoding="ascii"))


def _pointer(folder: Path) -> str | None:
    path = folder / _POINTER
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} cannot be read; `ecg-anomaly models restore` writes it anew") from error


def _weights(file: Path) -> bytes:
    """Return the contents of a model's file, which must be whole."""
    try:
        contents = file.read_bytes()
        if not load(contents):
            raise ModelError(f"{file} holds no weights")
    except FileNotFoundError as error:
        raise ModelError(f"{file} does not exist") from error
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{file} is damaged or no safetensors file: {error}") from error
    return contents


def _checksum(weights: bytes) -> str:
    return hashlib.sha256(weights).hexdigest()


def _file_name(checksum: str) -> str:
    return f"{checksum}.safetensors"


def _row(version: ModelVersion) -> dict[str, Any]:
    return {name: getattr(version, name) for name in ModelVersion.__slots__}


def _version(row: Row[Any]) -> ModelVersion:
    return ModelVersion(**row._mapping)
