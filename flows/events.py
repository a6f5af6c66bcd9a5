"""Events of a flow's findings, to the server that the flow itself reports to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL

from pipeline.announcing import EventSender

__all__ = ["sending"]


@contextmanager
def sending() -> Iterator[EventSender | None]:
    """Hold a sender to Prefect's server, or None where the flow has no standing server."""
    url, auth = PREFECT_API_URL.value(), PREFECT_API_AUTH_STRING.value()
    if url is None:
        yield None
        return
    with EventSender(url, auth=auth.get_secret_value() if auth else "") as sender:
        yield sender
