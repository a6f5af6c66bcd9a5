"""Connections that give up an answer whose head does not end: a time-out alone counts anew with each byte."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

__all__ = ["HEAD_S", "BoundedHeads"]

HEAD_S = 60.0  # s in which status and headers must have come, however they come


class _Bounded(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's is
        """Return the answer, or raise TimeoutError where its head has not ended in time."""
        is_late = threading.Event()

        def give_up() -> None:
            is_late.set()
            if self.sock is not None:
                with suppress(OSError):
                    self.sock.shutdown(socket.SHUT_RDWR)  # which ends the read that waits in the other thread

        timer = threading.Timer(HEAD_S, give_up)
        timer.daemon = True
        timer.start()
        try:
            return super().getresponse()
        finally:
            timer.cancel()
            if is_late.is_set():  # half a head may have been taken for a whole one
                raise TimeoutError(f"no whole head in {HEAD_S:g} s")


class _BoundedTLS(_Bounded, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Bounded


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _BoundedTLS


POOLS = {"http": _Pool, "https": _PoolTLS}


class BoundedHeads(HTTPAdapter):
    """Let requests' session use such connections."""

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        """Make the pools."""
        super().init_poolmanager(*arguments, **more)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *arguments: Any, **more: Any) -> Any:
        """Make the pools behind a proxy."""
        manager = super().proxy_manager_for(*arguments, **more)
        manager.pool_classes_by_scheme = POOLS
        return manager
