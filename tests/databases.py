"""Synthetic databases with the layout of PhysioNet's."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb

__all__ = ["copies", "publish", "write_database"]


def publish(folder: Path, names: list[str]) -> None:
    """Make a folder of records a database: its list and its checksums."""
    (folder / "RECORDS").write_text("".join(f"{name}\n" for name in names))
    files = [file for file in sorted(folder.iterdir()) if file.name != "SHA256SUMS.txt"]
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file.name}" for file in files]
    (folder / "SHA256SUMS.txt").write_text("\n".join(sums) + "\n")


def write_database(folder: Path, seconds: float, records: dict[str, str]) -> None:
    """Write records of so many seconds, each the patient of the demonstration that it names."""
    for i, (name, kind) in enumerate(records.items()):
        write_wfdb(synthesise(demo_ward(seconds)[f"synth/{kind}"], name=name, seconds=seconds, seed=i), folder)
    publish(folder, list(records))


def copies(folder: Path, name: str, others: list[str]) -> None:
    """Publish a record of a database under other names as well."""
    for path in list(folder.glob(f"{name}.*")):
        content = path.read_bytes()
        for other in others:
            is_header = path.suffix == ".hea"
            path.with_stem(other).write_bytes(content.replace(name.encode(), other.encode()) if is_header else content)
    publish(folder, [name, *others])
