"""``ecg-anomaly import``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import OUT, json_option, split_leads

EPILOG = """
Examples:
  ecg-anomaly import night.edf --out my-records
  ecg-anomaly import export.csv --units uV --leads II,V1
  ecg-anomaly import without-times.csv --fs 250
  ecg-anomaly import *.edf --out my-records

A CSV file has a head of names and a row a sample; a column such as `time` or
`time_ms` tells the rate; where there is none, --fs does. Of an EDF, BDF or WFDB
file (.hea) the ECG leads are taken, or those that --leads names. Each becomes a
WFDB record of the file's name. Score them with:
ecg-anomaly score --data-dir my-records
Exit codes: 0 all files imported, 1 some or all failed, 2 bad argument.
"""


@click.command("import", cls=PipelineCommand, epilog=EPILOG)
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--out", type=OUT, default="records", show_default=True, help="Folder of the records.")
@click.option("--fs", type=click.FloatRange(100, 1000), help="Rate in Hz of a CSV file without a column of times.")
@click.option(
    "--units",
    type=click.Choice(["mV", "uV", "V"]),
    help="Unit of the signal, where the file does not say.  [default: mV]",
)
@click.option(
    "--leads", callback=split_leads, help="Leads to take, such as II,V1, those that a file has.  [default: all]"
)
@click.option("--name", help="Name of the record, where there is one file.")
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
    as_json: bool,
) -> None:
    """Bring recordings in CSV, EDF, BDF or WFDB files into a folder of WFDB records."""
    if name is not None and len(files) > 1:
        raise click.UsageError("--name names one record: give one file, or leave it out")
    from pipeline.cli.display import show_json
    from pipeline.errors import PipelineError
    from pipeline.sources.foreign import read_recording, write_recording

    names = [name or re.sub(r"[^A-Za-z0-9_-]+", "-", file.stem).strip("-") or "record" for file in files]
    if len(set(names)) < len(names):
        raise click.UsageError("two files would make the same record: import them one by one with --name")
    done: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for file, record in zip(files, names, strict=True):
        try:
            recording = read_recording(file, fs=fs, units=units, leads=leads)
            path = write_recording(recording, out, record)
        except PipelineError as error:
            line = " ".join(str(error).split())
            failed.append({"file": str(file), "error": line, "kind": type(error).__name__})
            click.echo(f"Error: {line}", err=True)
            continue
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        seconds = len(recording.signal) / recording.fs
        done.append(
            {"file": str(file), "record": record, "path": str(path), "fs": recording.fs, "leads": recording.leads,
             "seconds": round(seconds, 3)}
        )  # fmt: skip
        if not as_json:
            what = f"{', '.join(recording.leads)} at {recording.fs:g} Hz, {seconds / 60:.1f} min"
            click.echo(f"{record}: {what}, from {file.name}")
    if as_json:
        show_json({"records": done, "failed": failed})
    elif done:
        click.echo(f"Score them: ecg-anomaly score --data-dir {out}")
    ctx.exit(int(bool(failed)))
