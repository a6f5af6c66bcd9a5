"""Files of recordings of which one is spoilt, and read to the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.fuzzing.door import Enter
from pipeline.records import Record
from pipeline.sources import open_record
from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb

__all__ = ["read", "read_all", "seed_of", "spoilt", "written"]

SECONDS = 20.0
ENOUGH = 2_000_000  # samples of a record that are read


def written(folder: Path) -> Path:
    """Write a whole record into a folder, unless it is there; return the folder."""
    if not (folder / "sinus.hea").exists():
        scenario = demo_ward(60.0)["synth/sinus"]
        write_wfdb(synthesise(scenario, name="sinus", fs=250.0, seconds=SECONDS, seed=0), folder)
    return folder


def read(name: str, folder: Path) -> None:
    """Read a record and its annotations to their end."""
    read_all(open_record(name, data_dir=folder))


def read_all(record: Record) -> None:
    """Read an open record to its end, or for long enough, and its annotations.

    A time that jumps may make a long hole of a few bytes, as it should; but no more comes than the record says it has.
    """
    samples, declared = 0, record.n_samples
    for chunk in record.chunks():
        samples += len(chunk.signal)
        if samples > declared:
            raise AssertionError(f"{samples:,} samples of {declared:,}, and no end")
        if samples > ENOUGH:
            break
    record.annotations()


def spoilt(ending: str) -> Callable[[Path], Enter]:
    """Return how a record is opened of which one file is mutated."""

    def opened(folder: Path) -> Enter:
        file = written(folder) / f"sinus.{ending}"

        def enter(data: bytes) -> None:
            file.write_bytes(data)
            read("sinus", folder)

        return enter

    return opened


def seed_of(ending: str) -> Callable[[Path], Sequence[bytes]]:
    """Return what returns a file of a record as it should be."""

    def seeds(folder: Path) -> Sequence[bytes]:
        whole = [(written(folder) / f"sinus.{ending}").read_bytes()]
        if ending == "hea":
            whole.append(b"sinus/3 2 250 5000\nsinus 2500\n~ 100\nother 2400\n")
        return whole

    return seeds
