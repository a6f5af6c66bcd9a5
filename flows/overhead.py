"""What scheduling costs: the ``score`` flow against the plain library, on the same records, one at a time.

::

    python -m flows.overhead mitdb

Without ``PREFECT_API_URL`` a server with a home of its own is started for the measurement; its start is not counted.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from flows.server import server


def measure(records: Sequence[str], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return wall-clock and CPU time of this process in s, for ``library`` and ``flow``, a pair for each round."""
    from flows.score import score
    from pipeline.report import write_report
    from pipeline.scoring import plan, run_jobs
    from pipeline.settings import Settings

    def library(out: Path) -> None:
        failed = [done.error for done in run_jobs(plan(records, out, Settings()).jobs) if done.error]
        if failed:
            raise SystemExit("\n".join(failed))
        write_report(out)

    def flow(out: Path) -> None:
        state: Any = score(list(records), out=str(out), workers=1, return_state=True)
        if not state.is_completed():
            raise SystemExit(state.message)

    ways: dict[str, Callable[[Path], None]] = {"library": library, "flow": flow}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory(prefix="ecg-overhead-") as folder:
        os.environ["ECG_STATE_DIR"] = f"{folder}/state"
        for i in range(rounds):
            for name, way in ways.items():
                wall, cpu = time.perf_counter(), time.process_time()
                way(Path(folder) / f"{name}-{i}")
                times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return times


def _warm_up(records: Sequence[str]) -> None:
    """Compile what is compiled at first use, and fetch what is not here."""
    from pipeline.scoring import plan, run_job
    from pipeline.settings import Settings
    from pipeline.sources import open_record

    with tempfile.TemporaryDirectory(prefix="ecg-overhead-") as folder:
        planned = plan(records, folder, Settings())
        if planned.missing:
            raise SystemExit("\n".join(planned.not_found.values()))
        for job in planned.jobs:
            open_record(job.name, settings=job.settings)
        run_job(planned.jobs[0])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; the best round of each counts, since others only ever slow a run down."""
    parser = argparse.ArgumentParser(prog="python -m flows.overhead", description="Measure what scheduling costs.")
    parser.add_argument("records", nargs="*", default=["mitdb"], help="names, globs or databases  [default: mitdb]")
    parser.add_argument("--rounds", type=int, default=2, help="times that each is run  [default: 2]")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: at least 1")
    os.environ["PREFECT_LOGGING_LEVEL"] = "WARNING"
    if os.environ.get("PREFECT_API_URL"):
        times = _measured(options)
    else:
        with tempfile.TemporaryDirectory(prefix="ecg-prefect-") as home, socket.socket() as probe:
            os.environ["PREFECT_HOME"] = home
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            probe.close()
            with server(port) as url:
                os.environ["PREFECT_API_URL"] = url
                times = _measured(options)
    best = {name: min(rounds) for name, rounds in times.items()}
    lines = [f"{'':10}{'wall s':>10}{'CPU s':>10}"]
    lines += [f"{name:10}{wall:10.1f}{cpu:10.1f}" for name, (wall, cpu) in best.items()]
    shares = [100 * (best["flow"][i] / best["library"][i] - 1) for i in (0, 1)]
    lines.append(f"{'overhead':10}{shares[0]:9.1f}%{shares[1]:9.1f}%")
    lines.append(f"{' '.join(options.records)}, one record at a time, best of {options.rounds}; CPU of this process.")
    sys.stdout.write("\n".join(lines) + "\n")


def _measured(options: argparse.Namespace) -> dict[str, list[tuple[float, float]]]:
    _warm_up(options.records)
    return measure(options.records, options.rounds)


if __name__ == "__main__":
    main()
