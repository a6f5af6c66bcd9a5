"""``ecg-anomaly synth``."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import OUT, json_option, minutes_option, progress_option, seed_option

EPILOG = """
Examples:
  ecg-anomaly synth --list
  ecg-anomaly synth bigeminy afib --out records/synth
  ecg-anomaly synth sinus --out long/synth --minutes 1440 --fs 250 --seed 3
"""


@click.command("synth", cls=PipelineCommand, epilog=EPILOG)
@click.argument("names", nargs=-1)
@click.option("--out", type=OUT, default="synth", show_default=True, help="Folder of the records.")
@minutes_option
@click.option("--fs", type=click.FloatRange(100, 1000), default=360.0, show_default=True, help="Sampling rate in Hz.")
@seed_option
@click.option("--list", "only_list", is_flag=True, help="Tell which patients there are, and write nothing.")
@json_option
@progress_option
def command(
    names: tuple[str, ...],
    out: Path,
    minutes: float,
    fs: float,
    seed: int,
    only_list: bool,
    as_json: bool,
    progress: bool | None,
) -> None:
    """Write synthetic patients as annotated WFDB records.

    All ten if no NAMES are given. The same seed writes the same files. A record has its patient's usual rhythm in the
    first half, and events in the second.
    """
    from pipeline.cli.display import show_json, show_lines
    from pipeline.cli.patients import patients, write_patients

    if only_list:
        titles = patients(names)
        if as_json:
            show_json([{"name": name, "title": title} for name, title in titles.items()])
        else:
            show_lines(titles)
        return
    written = write_patients(names, out, minutes=minutes, fs=fs, seed=seed, progress=progress)
    if as_json:
        facts = {"minutes": minutes, "fs": fs, "seed": seed}
        show_json({"out": str(out), **facts, "records": [{"name": name, **facts} for name in written]})
    else:
        click.echo(f"{len(written)} records of {minutes:g} min in {out}: {', '.join(written)}")
        click.echo(f"Score them with: ecg-anomaly score --data-dir {out} --out DIR")
