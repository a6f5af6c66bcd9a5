"""Damaged files of every format, by the thousand: each is read or refused in one line, soon and in little memory."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from pipeline.errors import PipelineError
from pipeline.processes import without_ctrl_c

__all__ = ["Fault", "FuzzReport", "fuzz_readers", "mutate"]

LONGEST_S = 20.0
LARGEST_MB = 1024.0
_FS = 250.0
_NUMBERS = (b"0", b"-1", b"1e308", b"nan", b"inf", b"99999999999", b"65535", b"-32768", b"2147483648", b"1e-300", b"")


@dataclass(frozen=True, slots=True)
class Fault:
    """An input that ended otherwise than it should: ``what`` is a traceback, ``hang``, ``death`` or ``memory``."""

    number: int
    file: str
    what: str
    details: str


@dataclass(slots=True)
class FuzzReport:
    """What became of the inputs.

    Attributes
    ----------
    read, refused : int
        Inputs that were read, and that were refused in one line.
    by_format : dict of str to int
        Inputs by the file that they were made of.
    faults : list of Fault
        All others.
    largest_mb : float
        Most memory that a process took, libraries and all.
    """

    read: int = 0
    refused: int = 0
    by_format: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    largest_mb: float = 0.0


def mutate(raw: bytes, rng: np.random.Generator) -> bytes:
    """Return a file with one to four kinds of damage: bits, bytes, numbers in text, cuts, holes, doubled pieces."""
    data = bytearray(raw)
    for _ in range(int(rng.integers(1, 5))):
        if not data:
            break
        kind = int(rng.integers(0, 8))
        head = min(len(data), 600 if rng.random() < 0.7 else len(data))  # headers are where it hurts
        at = int(rng.integers(0, head))
        size = int(rng.integers(1, 1 + min(64, len(data) - at)))
        if kind == 0:
            data[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            data[at : at + size] = rng.bytes(size)
        elif kind == 2:
            del data[at : at + size]
        elif kind == 3:
            data[at:at] = rng.bytes(size)
        elif kind == 4:
            data = data[: int(rng.integers(0, len(data)))]
        elif kind == 5:
            data[at : at + size] = bytes([int(rng.choice([0, 255, 128, 127]))]) * size
        elif kind == 6:
            data[at:at] = data[at : at + size] * int(rng.integers(1, 20))
        else:
            begin = next((i for i in range(at, len(data)) if 48 <= data[i] <= 57), None)
            if begin is not None:
                end = begin
                while end < len(data) and 48 <= data[end] <= 57:
                    end += 1
                data[begin:end] = _NUMBERS[int(rng.integers(0, len(_NUMBERS)))]
    return bytes(data)


def fuzz_readers(
    inputs: int = 10_000,
    seed: int = 0,
    *,
    only: Sequence[str] = (),
    keep: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> FuzzReport:
    """Read damaged files in a process of their own, and report which did not end as they should.

    Parameters
    ----------
    inputs : int
        How many.
    seed : int
        Makes them; the same number has the same inputs.
    only : sequence of str
        Endings of files, such as ``.edf``; by default all formats.
    keep : Path, optional
        Folder for the files at fault.
    progress : callable, optional
        Called with the number of inputs that are done.

    Raises
    ------
    ValueError
        If no sample has one of the endings.
    """
    from pipeline.sources.foreign.samples import write_samples

    report = FuzzReport()
    with tempfile.TemporaryDirectory(prefix="ecg-anomaly-fuzz-") as name:
        folder = Path(name)
        (folder / "samples").mkdir()
        samples = [file for file in write_samples(folder / "samples") if not only or file.suffix in only]
        if not samples:
            raise ValueError(f"no format has the ending {' or '.join(only)}")
        worker = _Worker()
        try:
            for number in range(inputs):
                sample = samples[number % len(samples)]
                file = _damaged(sample, folder / f"input-{number}", np.random.default_rng([seed, number]))
                outcome, details, megabytes = worker.read(file)
                report.by_format[sample.name] = report.by_format.get(sample.name, 0) + 1
                report.largest_mb = max(report.largest_mb, megabytes)
                if outcome == "read":
                    report.read += 1
                elif outcome == "refused":
                    report.refused += 1
                else:
                    report.faults.append(Fault(number, sample.name, outcome, details))
                    _keep(file.parent, keep)
                if megabytes > LARGEST_MB:
                    report.faults.append(Fault(number, sample.name, "memory", f"{megabytes:.0f} MB"))
                    _keep(file.parent, keep)
                    worker.close()
                _remove(file.parent)
                if progress is not None:
                    progress(number + 1)
        finally:
            worker.close()
    return report


def _damaged(sample: Path, folder: Path, rng: np.random.Generator) -> Path:
    """Write a damaged copy of a sample; of a WFDB record header, signal or annotations are damaged."""
    folder.mkdir()
    parts = [sample]
    if sample.suffix == ".hea":
        parts += [sample.with_suffix(ending) for ending in (".dat", ".atr")]
    victim = int(rng.integers(0, len(parts)))
    for i, part in enumerate(parts):
        raw = part.read_bytes()
        (folder / part.name).write_bytes(mutate(raw, rng) if i == victim else raw)
    return folder / sample.name


def _keep(folder: Path, keep: Path | None) -> None:
    if keep is not None:
        target = keep / folder.name
        target.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            (target / file.name).write_bytes(file.read_bytes())


def _remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


class _Worker:
    """A process that reads files, one after the other; one that hangs or dies is replaced."""

    def __init__(self) -> None:
        self._connection: Connection | None = None

    def read(self, file: Path) -> tuple[str, str, float]:
        """Return what became of a file, with details, and the most memory that the process has taken, in MB."""
        if self._connection is None:
            self._start()
        connection = self._connection
        assert connection is not None  # noqa: S101 - _start has set it
        connection.send(str(file))
        try:
            if connection.poll(LONGEST_S):
                answer: tuple[str, str, float] = connection.recv()
                return answer
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode
            self.close()
            return "death", f"exit code {code}", 0.0
        self.close()
        return "hang", f"more than {LONGEST_S:g} s", 0.0

    def _start(self) -> None:
        context = get_context("spawn")
        self._connection, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there,), daemon=True)
        with without_ctrl_c():
            self._process.start()
        there.close()
        if self._connection.poll(300):
            self._connection.recv()  # its libraries are there

    def close(self) -> None:
        """End the process."""
        if self._connection is not None:
            self._connection.close()
            self._process.terminate()
            self._process.join(10)
            self._process.kill()
            self._connection = None


def _serve(connection: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - libraries may talk
    _warm_up()
    connection.send("ready")
    with suppress(EOFError, ConnectionError):
        while True:
            file = Path(connection.recv())
            outcome, details = _attempt(file)
            connection.send((outcome, details, _largest_mb()))


def _largest_mb() -> float:
    """Return the most memory that this process has taken; ``getrusage`` would count that of the parent before it."""
    status = Path("/proc/self/status")
    if status.is_file():
        return float(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _warm_up() -> None:
    from importlib import import_module
    from importlib.util import find_spec

    from pipeline.sources.foreign import formats

    for known in formats():
        if known.library and find_spec(known.library.partition(".")[0]):
            import_module(known.library)


def _attempt(file: Path) -> tuple[str, str]:
    from pipeline.sources.foreign import open_recording

    fs = _FS if file.suffix in (".npy", ".mat") else None
    try:
        record = open_recording(file, fs=fs)
        for chunk in record.chunks():
            del chunk
        record.annotations()
        notes = record.notes
    except PipelineError as error:
        line = str(error)
        return ("refused", line) if line and "\n" not in line.strip() else ("many lines", line)
    except BaseException:
        return "traceback", traceback.format_exc()
    return ("read", "") if all("\n" not in note for note in notes) else ("many lines", "\n".join(notes))
