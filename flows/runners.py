"""Where tasks run: in threads of the flow's process, or on a Dask cluster that stands."""

from __future__ import annotations

from typing import Any

from prefect.settings import PREFECT_API_URL
from prefect.task_runners import ThreadPoolTaskRunner

from pipeline.errors import PipelineError

__all__ = ["reason_of_failure", "runner_for"]


def runner_for(workers: int, dask: str | None) -> Any:
    """Return a task runner, to be entered.

    Parameters
    ----------
    workers : int
        Threads of this process.
    dask : str or None
        Address of a Dask scheduler, such as ``tcp://127.0.0.1:8786``; then its workers run the tasks.

    Raises
    ------
    PipelineError
        If the extra is not installed, or there is no Prefect server that the workers could reach.
    """
    if dask is None:
        return ThreadPoolTaskRunner(max_workers=workers)
    if PREFECT_API_URL.value() is None:
        # Without one, each worker would start a server of its own.
        raise PipelineError("a Dask cluster needs a Prefect server, for its workers and here: set PREFECT_API_URL")
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise PipelineError("Dask is not installed: pip install 'ecg-anomaly[dask]'") from error
    return DaskTaskRunner(address=dask)


def reason_of_failure(future: Any) -> str:
    """Wait for a task; return why it failed, in one line, or an empty text if it did not."""
    future.wait()
    if future.state.is_completed():
        return ""
    error = future.state.result(raise_on_failure=False) if future.state.is_final() else None
    reason = str(error) if isinstance(error, PipelineError) else future.state.message
    return " ".join((reason or "no result").split())
