"""What is tried again, and how: only what may pass."""

from __future__ import annotations

from typing import Any, TypedDict

from pipeline.errors import SourceUnavailable

__all__ = ["PATIENTLY", "Retries", "may_pass"]


class Retries(TypedDict):
    """Options of a task that asks somebody over a network."""

    retries: int
    retry_delay_seconds: list[float]
    retry_jitter_factor: float
    retry_condition_fn: Any


def may_pass(_task: Any, _run: Any, state: Any) -> bool:
    """Try again what may pass: a server that does not answer. A record that is not there (404) will not come."""
    return isinstance(state.result(raise_on_failure=False), SourceUnavailable)


PATIENTLY: Retries = {
    "retries": 3,
    "retry_delay_seconds": [2, 10, 60],
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": may_pass,
}
