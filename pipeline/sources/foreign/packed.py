"""Files that are compressed with gzip."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import RecordUnsupported

__all__ = ["beginning", "unpacked"]

_MAGIC = b"\x1f\x8b"
_MOST = 8 * 2**30  # bytes
_PIECE = 2**20


def beginning(path: Path, size: int) -> bytes:
    """Return the first bytes of a file, unpacked."""
    with path.open("rb") as file:
        head = file.read(size)
    if not head.startswith(_MAGIC) or not path.name.lower().endswith(".gz"):
        return head
    with gzip.open(path) as packed:
        return packed.read(size)


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield the file itself, or its unpacked copy, which stays as long as whoever has it open."""
    if not path.name.lower().endswith(".gz"):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="ecg-anomaly-") as folder:
        copy = Path(folder) / path.name[:-3]
        size = 0
        with gzip.open(path) as packed, copy.open("wb") as out:
            while piece := packed.read(_PIECE):
                size += len(piece)
                if size > _MOST:
                    raise RecordUnsupported(f"{path.name}: unpacked it is larger than {_MOST >> 30} GiB")
                out.write(piece)
        yield copy  # a mapped file outlives its name
