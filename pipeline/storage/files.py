"""Files that appear whole or not at all, and one writer at a time.

In an object store a file is written on this machine and put there in one step, which is all or nothing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import pyarrow as pa
from upath import UPath

from pipeline.errors import OutputError, PipelineError
from pipeline.storage.place import Place

__all__ = ["locked", "publish", "readable", "replace_file", "staging_folder", "translated"]

_STAGING = ".partial"
_LOCK = ".lock"
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC  # a link in its place leads elsewhere


@contextmanager
def translated(out: Place, what: str) -> Iterator[None]:
    """Turn the errors of a file system into one :class:`OutputError` that names the folder and what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{what}: results cannot be written to {out} ({reason}); "
            "choose a folder that you may write to and that has room, with --out"
        ) from error
    except Exception as error:
        if not _is_of_object_store(error, out):
            raise
        raise OutputError(f"{what}: results cannot be written to {out} ({error}); see its address and keys") from error


@contextmanager
def readable(path: Place, what: str) -> Iterator[None]:
    """Turn what a damaged file raises into one :class:`OutputError` that names it and what to do."""
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        raise OutputError(f"{what}: {path} is damaged or cannot be read; remove it and score again") from error
    except Exception as error:
        if not _is_of_object_store(error, path):
            raise
        raise OutputError(f"{what}: {path} cannot be read ({error}); see its address and keys") from error


def _is_of_object_store(error: Exception, path: Place) -> bool:
    """Return True for what the client of an object store raises: no key, no route to the server, a refusal."""
    return isinstance(path, UPath) and not isinstance(error, PipelineError) and type(error).__module__ != "builtins"


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the output folder's lock: the files that all records share are changed by one process at a time.

    The kernel drops the lock with the process that holds it, however that ends.
    """
    with open(os.open(out / _LOCK, _APPEND, 0o666), "ab") as lock:  # noqa: PTH123 - of a descriptor
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def staging_folder(out: Place) -> Iterator[Path]:
    """Yield an empty folder on the same file system as ``out`` that is gone afterwards, whatever happens.

    What a killed process left behind is swept away by the next one: a folder whose lock nobody holds is a dead
    writer's. For an object store it is a temporary folder of this machine.
    """
    if isinstance(out, UPath):
        with tempfile.TemporaryDirectory(prefix="ecg-anomaly-") as name:
            yield Path(name)
        return
    root = out / _STAGING
    folder = root / secrets.token_hex(8)  # named before it is there: whoever stops us at any point leaves nothing
    out.mkdir(parents=True, exist_ok=True)
    lock = None
    try:
        with locked(out):
            _check_no_link(root)  # what lies behind it would be swept away
            root.mkdir(exist_ok=True)
            for other in root.iterdir():
                if not _is_held(other):
                    shutil.rmtree(other, ignore_errors=True)
            folder.mkdir(0o700)
            lock = (folder / _LOCK).open("ab")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        try:
            _clear(folder, lock)
        except BaseException:  # a stop that comes while it is cleared away
            _clear(folder, lock)
            raise


def _clear(folder: Path, lock: IO[bytes] | None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if lock is not None:
        lock.close()
    with suppress(OSError), locked(folder.parent.parent):
        folder.parent.rmdir()  # unless another record is being written


def _is_held(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def publish(staged: Path, path: Place, within: Place | None = None) -> None:
    """Move a finished file to where readers look for it, in one step; its bytes are on the disk before its name is.

    Parameters
    ----------
    staged : Path
        The finished file.
    path : path
        Its name for readers.
    within : path, optional
        The output folder. A link in it that leads out of it is not followed; the folder itself may be one.

    Raises
    ------
    OSError
        If it cannot be moved there, or a link leads out.
    """
    if isinstance(path, UPath):
        path.fs.put_file(str(staged), path.path)
        staged.unlink()
        return
    with staged.open("rb") as file:
        os.fsync(file.fileno())
    _check_inside(path, within)
    path.parent.mkdir(parents=True, exist_ok=True)
    staged.replace(path)


def _check_inside(path: Path, within: Place | None) -> None:
    if isinstance(within, Path) and not path.parent.resolve().is_relative_to(within.resolve()):
        raise OSError(errno.ELOOP, f"{path.parent} leads out of it by a link")


def _check_no_link(folder: Path) -> None:
    if folder.is_symlink():
        raise OSError(errno.ELOOP, f"{folder} is a link")


def replace_file(path: Place, write: Callable[[Path], object], within: Place | None = None) -> None:
    """Write a file through a temporary one beside it; on an error the old one stays.

    Parameters
    ----------
    path : path
        Its name for readers.
    write : callable
        Writes it at the path that it is given.
    within : path, optional
        The output folder, see :func:`publish`.
    """
    if isinstance(path, UPath):
        with staging_folder(path) as folder:
            part = folder / "part"
            write(part)
            publish(part, path)
        return
    _check_inside(path, within)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        part.chmod(0o666 & ~_umask())  # mkstemp makes it private, results are not
        write(part)
        publish(part, path)
    finally:
        part.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
