"""Limits for the processes of all machines: how fast others' servers are asked, and one training at a time."""

from __future__ import annotations

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

__all__ = ["LIMITS", "PHYSIONET", "TRAINING", "ensure_limits"]

PHYSIONET = "ecg-physionet"
TRAINING = "ecg-training"

LIMITS = (
    # Requests: five a second, the pace of the library's own settings, and as many at once.
    GlobalConcurrencyLimitCreate(name=PHYSIONET, limit=5, slot_decay_per_second=5.0),
    GlobalConcurrencyLimitCreate(name=TRAINING, limit=1),
)


def ensure_limits(client: SyncPrefectClient | None = None) -> list[str]:
    """Make the limits that are not there; return their names. Those that are there stay as somebody has set them.

    Prefect skips a limit that it does not know, so each flow that relies on one makes sure of it first.
    """
    if client is None:
        with get_client(sync_client=True) as own:
            return ensure_limits(own)
    made = []
    for limit in LIMITS:
        try:
            client.read_global_concurrency_limit_by_name(limit.name)
        except ObjectNotFound:
            try:
                client.create_global_concurrency_limit(limit)
            except ObjectAlreadyExists:
                continue  # another flow was faster
            made.append(limit.name)
    return made
