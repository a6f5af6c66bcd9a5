"""The ``check_monitor`` flow: ask the live monitor how it does, and say what is stale.

::

    python -m flows.check_monitor http://127.0.0.1:8600
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, cast

from prefect import State, flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.states import Cancelled, Completed, Failed
from prefect.variables import Variable
from pydantic import Field

from flows.arguments import check_arguments
from flows.artifacts import plain
from flows.ledger import noted_run
from pipeline.health import Health, read_health
from pipeline.settings import Settings

__all__ = ["URL_VARIABLE", "ask_monitor", "check_monitor"]

URL_VARIABLE = "ecg_monitor_url"
TOKEN = "ECG_MONITOR_TOKEN"  # noqa: S105 - the name of the environment's variable that holds it


@task(name="ask-monitor", retries=1, retry_delay_seconds=5, persist_result=False)
def ask_monitor(url: str, watch_s: float) -> Health:
    """Read ``/readyz`` and, twice, ``/metrics``."""
    return read_health(url, token=os.environ.get(TOKEN, ""), watch_s=watch_s)


@flow(
    name="check-monitor",
    description="Ask the live monitor how it does; the run fails, and says what is stale, where something is.",
    validate_parameters=True,
    persist_result=False,
)
def check_monitor(url: str | None = None, watch_s: Annotated[float, Field(gt=0, le=60)] = 5.0) -> Any:
    """Check the live monitor.

    Parameters
    ----------
    url : str, optional
        Its address; by default that of Prefect's variable ``ecg_monitor_url``. Where that is empty nothing is checked,
        and the run ends as cancelled. Its token, if it asks for one, stands in the environment as
        ``ECG_MONITOR_TOKEN``.
    watch_s : float
        Time between two readings, in s.
    """
    address = url or str(Variable.get(URL_VARIABLE, default="") or "")
    if not address:
        # Neither well nor unwell: nothing was looked at, and no green mark may say otherwise.
        return Cancelled(
            name="NothingToCheck",
            message=f"no monitor; `prefect variable set {URL_VARIABLE} http://HOST:PORT --overwrite` names one",
        )
    with noted_run("check", Settings(), facts={"url": address}) as run:
        health = ask_monitor(address, watch_s)
        facts = {
            "ready": health.ready,
            **{f"patients {state}": number for state, number in health.patients.items()},
            "samples a second": health.samples_per_s,
            "beats": health.beats,
            "alarms unstored": health.alarms_unstored,
        }
        rows = [{"what": name, "value": plain(value)} for name, value in facts.items()]
        rows += [{"what": "stale", "value": line} for line in health.stale]
        create_table_artifact(rows, key="monitor-health", description=f"The monitor at {address}")
        run.figures = {"stale": len(health.stale), "beats": health.beats, **health.patients}
        run.message = "; ".join(health.stale) or f"well: {health.samples_per_s:.0f} samples a second"
        run.failed = bool(health.stale)
        get_run_logger().log(30 if health.stale else 20, "%s", run.message)
    return (Failed if run.failed else Completed)(message=run.message)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the flow from the command line; exit code 0 if a monitor was found well, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m flows.check_monitor", description="Check the live monitor.")
    parser.add_argument("url", nargs="?", help="its address, such as http://127.0.0.1:8600")
    parser.add_argument("--watch-s", type=float, default=5.0, help="time between two readings, in s")
    options = vars(parser.parse_args(arguments))
    check_arguments(parser, check_monitor, options)
    state = cast(State[Any], check_monitor(**options, return_state=True))
    sys.exit(0 if state.is_completed() else 1)


if __name__ == "__main__":
    main()
