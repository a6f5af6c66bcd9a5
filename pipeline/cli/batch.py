"""Scoring a batch of records for a person or a machine: what ``score`` and ``demo`` share."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.compiling import ensure_compiled
from pipeline.cli.group import bad_arguments
from pipeline.errors import RecordNotFound

if TYPE_CHECKING:
    from pipeline.scoring import Outcome
    from pipeline.settings import Settings
    from pipeline.storage import Place

__all__ = ["score_batch"]


def score_batch(
    patterns: Sequence[str],
    out: Path,
    settings: Settings,
    *,
    data_dir: Path | None,
    leads: tuple[str, ...] | None,
    model: Path | None,
    force: bool,
    jobs: int,
    report: bool,
    as_json: bool,
    progress: bool | None,
    fs: float | None = None,
    units: str | None = None,
    annotator: str = "atr",
) -> int:
    """Score records, show what came out, and return the exit code."""
    from pipeline.cli.display import progress_bar
    from pipeline.report import write_report
    from pipeline.scoring import Outcome, model_at, plan, run_jobs
    from pipeline.storage import note_run, package_versions

    try:
        planned = plan(
            patterns,
            out,
            settings,
            data_dir=data_dir,
            leads=leads,
            model=model,
            force=force,
            report=report,
            fs=fs,
            units=units,
            annotator=annotator,
        )
    except RecordNotFound:  # of all that was named: nothing can be done
        with bad_arguments():
            raise
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    with bad_arguments():  # a damaged model is one line, not one a record
        loaded = model_at(model, settings.device)
    checksum = loaded.checksum
    facts = {"model": checksum, **settings.model_dump(mode="json", include={"threshold", "alarms"})}
    note_run(out, command=_command(), settings=facts, versions=package_versions(), not_found=planned.not_found)

    todo = planned.jobs
    if todo and settings.device == "cpu":
        ensure_compiled(loaded, progress=progress)  # no record is charged with it
    started = time.perf_counter()
    outcomes: list[Outcome] = []
    shares: dict[str, float] = {}
    with progress_bar("scoring", progress) as show:

        def follow(record: str, stage: str, share: float) -> None:
            shares[record] = share if stage == "scoring" else 0.0
            show(f"{stage} {record}", sum(shares.values()) / len(todo))

        with closing(run_jobs(todo, processes=jobs, progress=follow, clock=time.perf_counter)) as running:
            for outcome in running:
                outcomes.append(outcome)
                shares[outcome.record] = 1.0
                show(outcome.record, sum(shares.values()) / len(todo))
    asked = [job.record for job in todo]
    outcomes.sort(key=lambda outcome: asked.index(outcome.record))
    for name, cause in planned.missing.items():
        outcomes.append(Outcome(name, error=planned.not_found[name], kind=type(cause).__name__))
    page = write_report(out) if report else None

    seconds = time.perf_counter() - started
    (_show_json if as_json else _show_table)(outcomes, out, page, seconds, facts)
    return int(any(outcome.error for outcome in outcomes))


def _command() -> str:
    import shlex

    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def _tell_failures(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.error:
            click.echo(f"Error: {outcome.error}", err=True)
            if outcome.details:
                click.echo(outcome.details, err=True)


def _show_json(
    outcomes: Sequence[Outcome], out: Path, page: Place | None, seconds: float, facts: dict[str, Any]
) -> None:
    from pipeline.cli.display import show_json

    show_json(
        {
            "out": str(out),
            "report": None if page is None else str(page),
            "seconds": round(seconds, 3),
            "settings": facts,
            "records": [
                {**outcome.scored.summary.model_dump(mode="json"), "is_new": outcome.scored.is_new}
                for outcome in outcomes
                if outcome.scored is not None
            ],
            "failed": [
                {"record": outcome.record, "error": outcome.error, "kind": outcome.kind}
                for outcome in outcomes
                if outcome.error
            ],
        }
    )
    _tell_failures(outcomes)


def _show_table(
    outcomes: Sequence[Outcome], out: Path, page: Place | None, seconds: float, _facts: dict[str, Any]
) -> None:
    from textwrap import fill

    from pipeline.cli.display import show_table
    from pipeline.report import summary_table
    from pipeline.storage import Summary

    scored = [outcome.scored for outcome in outcomes if outcome.scored is not None]
    if outcomes:
        records = {done.summary.record: done.summary for done in sorted(scored, key=lambda done: done.summary.record)}
        failed = {outcome.record: outcome.error for outcome in outcomes if outcome.error}
        show_table(summary_table(Summary(records=records, failed=failed)))
        if any(entry.reference_anomalies is not None for entry in records.values()):
            click.echo(
                "Se: share of the annotated S, V and F beats that was flagged; +P: share of the\n"
                "flagged beats that are such; from 5:00 on, in brackets how many these are.\n"
            )
        bare = sum(not entry.scored for entry in records.values())
        if bare:
            click.echo(
                f"–: no beat could be scored in {bare} of {len(records)} records: those of the first half\n"
                "minute or so build the template that later ones are held against.\n"
            )
        for name, entry in records.items():
            for line in entry.remarks:
                click.echo(fill(f"{name}: {line}", 80, subsequent_indent="  "))
        if any(entry.remarks for entry in records.values()):
            click.echo()
    _tell_failures(outcomes)
    kept = sum(not done.is_new for done in scored)
    if kept:
        click.echo(f"{kept} of {len(outcomes)} had been scored before; --force scores again.")
    click.echo(f"{len(scored)} of {len(outcomes)} records in {seconds:.1f} s. Results: {out}")
    if page is not None:
        click.echo(f"Report:  {page}")
