"""``ecg-anomaly import``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import OUT, fs_option, json_option, split_leads, units_option

if TYPE_CHECKING:
    from pipeline.records import Record
    from pipeline.sources.foreign.export import Mark

EPILOG = """
Examples:
  ecg-anomaly import night.edf --out my-records
  ecg-anomaly import export.csv --units uV --leads II,V1
  ecg-anomaly import without-times.csv --fs 250
  ecg-anomaly import *.dcm --anonymise --out my-records
  ecg-anomaly import night.edf --to csv --results results

Each file (`ecg-anomaly formats` tells which are read) becomes a WFDB record of
the file's name; its ECG leads are taken, or those that --leads names. With --to
it becomes EDF+, CSV or Parquet instead, with its annotations, and with
--results with the beats that were found in it. What `score` reads needs no
import.
Exit codes: 0 all files imported, 1 some or all failed, 2 bad argument.
"""


@click.command("import", cls=PipelineCommand, epilog=EPILOG)
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--out", type=OUT, default="records", show_default=True, help="Folder of the records.")
@fs_option
@units_option
@click.option(
    "--leads", callback=split_leads, help="Leads to take, such as II,V1, those that a file has.  [default: all]"
)
@click.option("--name", help="Name of the record, where there is one file.")
@click.option(
    "--to",
    type=click.Choice(["wfdb", "edf", "csv", "parquet"]),
    default="wfdb",
    show_default=True,
    help="What they become.",
)
@click.option(
    "--results",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of results of `score`, whose beats are written as well (not with --to wfdb).",
)
@click.option("--anonymise", is_flag=True, help="Leave out dates, times of day, device and free text; intervals stay.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    files: tuple[Path, ...],
    out: Path,
    fs: float | None,
    units: str | None,
    leads: tuple[str, ...] | None,
    name: str | None,
    to: str,
    results: Path | None,
    anonymise: bool,
    as_json: bool,
) -> None:
    """Bring recordings of any format into a folder of WFDB records, or into files that other programs open."""
    if name is not None and len(files) > 1:
        raise click.UsageError("--name names one record: give one file, or leave it out")
    if results is not None and to == "wfdb":
        raise click.UsageError("--results goes with --to edf, csv or parquet: results of WFDB records lie beside them")
    from pipeline.cli.display import show_json
    from pipeline.errors import PipelineError
    from pipeline.sources.foreign import open_recording, write_recording
    from pipeline.sources.foreign.export import export_record

    names = [name or _name_of(file) for file in files]
    if len(set(names)) < len(names):
        raise click.UsageError("two files would make the same record: import them one by one with --name")
    done: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for file, record_name in zip(files, names, strict=True):
        try:
            record = open_recording(file, fs=fs, units=units, leads=leads)
            if to == "wfdb":
                path = write_recording(record, out, record_name, anonymise=anonymise)
            else:
                marks = _marks(record, file, results, anonymise=anonymise)
                path = export_record(record, out, record_name, to, marks=marks, anonymise=anonymise)[0]
        except PipelineError as error:
            line = " ".join(str(error).split())
            failed.append({"file": str(file), "error": line, "kind": type(error).__name__})
            click.echo(f"Error: {line}", err=True)
            continue
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        seconds = record.n_samples / record.fs
        done.append(
            {"file": str(file), "record": record_name, "path": str(path), "fs": record.fs, "leads": record.leads,
             "seconds": round(seconds, 3), "notes": record.notes}
        )  # fmt: skip
        if not as_json:
            what = f"{', '.join(record.leads)} at {record.fs:g} Hz, {seconds / 60:.1f} min"
            click.echo(f"{record_name}: {what}, from {file.name}")
            for note in record.notes:
                click.echo(f"  {note}")
    if as_json:
        show_json({"records": done, "failed": failed})
    elif done and to == "wfdb":
        click.echo(f"Score them: ecg-anomaly score --data-dir {out}")
    ctx.exit(int(bool(failed)))


def _name_of(file: Path) -> str:
    stem = file.name.removesuffix(".gz").removesuffix(".GZ")
    return re.sub(r"[^A-Za-z0-9_-]+", "-", Path(stem).stem).strip("-") or "record"


def _marks(record: Record, file: Path, results: Path | None, *, anonymise: bool) -> list[Mark]:
    """Return what is marked in a record: its annotations, and beats that were found in it."""
    from pipeline.record_name import RecordName
    from pipeline.sources.foreign.export import Mark, marks_of
    from pipeline.storage import read_beats

    marks = marks_of(record)
    if anonymise:
        notes = record.annotations()
        free = [] if notes is None else [str(symbol) == '"' for symbol in notes.symbol]
        marks = [mark for mark, is_free in zip(marks, free, strict=True) if not is_free]
    if results is None:
        return marks
    beats = read_beats(results, str(RecordName.in_folder(file.parent, file.name)))
    kinds = beats["kind"].where(beats["is_anomaly"], "normal")
    return marks + [Mark(float(t), f"beat {kind}") for t, kind in zip(beats["time_s"], kinds, strict=True)]
