"""``ecg-anomaly fetch``."""

from __future__ import annotations

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import json_option, progress_option, read_settings

EPILOG = """
Examples:
  ecg-anomaly fetch mitdb/208
  ecg-anomaly fetch 'mitdb/1*' svdb
  ecg-anomaly fetch mitdb --list

Records come from PhysioNet, or from where ECG_PHYSIONET_URL says (a mirror or a
folder), and lie in ECG_CACHE_DIR. Files are checked against the publisher's
SHA256SUMS.txt; what is here is not fetched again.
Exit codes: 0 all records are here, 1 some or all failed, 2 bad argument.
"""


@click.command("fetch", cls=PipelineCommand, epilog=EPILOG)
@click.argument("records", nargs=-1, required=True)
@click.option("--list", "only_list", is_flag=True, help="Tell which records match, and fetch none.")
@json_option
@progress_option
@click.pass_context
def command(
    ctx: click.Context, records: tuple[str, ...], only_list: bool, as_json: bool, progress: bool | None
) -> None:
    """Bring records, globs or databases to this machine."""
    settings = read_settings()
    from pipeline.cli.display import progress_bar, show_json
    from pipeline.errors import PipelineError
    from pipeline.sources import FetchedRecord, fetch, find_records

    failed: list[dict[str, str]] = []

    def fail(name: str, error: PipelineError) -> None:
        failed.append({"record": name, "error": " ".join(str(error).split()), "kind": type(error).__name__})

    names, missing = find_records(*records, settings=settings)
    for pattern, error in missing.items():
        fail(pattern, error)
    if only_list:
        show_json(names) if as_json else click.echo("\n".join(names))
        _tell(failed)
        ctx.exit(int(bool(failed)))
    fetched: list[FetchedRecord] = []
    with progress_bar("fetching", progress) as show:
        for i, name in enumerate(names):

            def follow(file: str, done: int, total: int, *, before: int = i) -> None:
                show(file, (before + (done / total if total else 0.0)) / len(names))

            try:
                fetched.append(fetch(name, settings, progress=follow))
            except PipelineError as error:
                fail(name, error)
    if as_json:
        arrived = [
            {
                "record": one.name,
                "version": one.version,
                "path": str(one.path),
                "fetched_bytes": one.fetched_bytes,
                "cached_bytes": one.cached_bytes,
            }
            for one in fetched
        ]
        show_json({"records": arrived, "failed": failed})
    _tell(failed)
    if not as_json:
        size = sum(one.fetched_bytes for one in fetched)
        here = sum(not one.fetched_bytes for one in fetched)
        click.echo(f"{len(fetched)} of {len(names)} records are here; {here} were before. Fetched {size / 1e6:.1f} MB.")
        for folder in dict.fromkeys(one.database for one in fetched):
            click.echo(f"Folder: {folder}")
    ctx.exit(int(bool(failed)))


def _tell(failed: list[dict[str, str]]) -> None:
    for failure in failed:
        click.echo(f"Error: {failure['error']}", err=True)
