"""Running the service: a socket of its own, opened before anything else so that a taken port is a clear error."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import ssl
import threading
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette

from pipeline.errors import OutputError
from pipeline.web.access import is_loopback
from pipeline.web.limits import MOST_WAITING, REQUEST_S, limited_protocol

__all__ = ["Server"]

CLOSE_S = 2  # how long pages are given to go
GOODBYE_S = 0.5  # of these, how long a client's end of TLS is waited for
LONGEST_MESSAGE = 65_536  # bytes of what a page says


class Server:
    """The service on its address.

    Parameters
    ----------
    host : str
        Address or name to listen at.
    port : int
        Port; 0 takes any that is free.
    option : str
        What says which port on the command line, for messages.
    request_s, most_requests : float, int
        How long a request may take to arrive, in s, and how many may be on their way.
    tls : ssl.SSLContext, optional
        Certificate and key, where it is reached by https.

    Raises
    ------
    OutputError
        If the address cannot be listened at.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        option: str = "--port",
        request_s: float = REQUEST_S,
        most_requests: int = MOST_WAITING,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls, self._request_s = tls, request_s
        self._protocol = limited_protocol(request_s, most_requests)
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            self._socket = socket.create_server((host, port), family=family)
        except OSError as error:
            # What a socket says repeats the address; what a name lacks has numbers of its own.
            reason = error.strerror
            if error.errno and not isinstance(error, socket.gaierror):
                reason = os.strerror(error.errno)
            raise OutputError(
                f"nothing can listen at {host} port {port} ({reason}): name another with {option}"
            ) from error
        self.host, self.port = host, int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self._tls is None else 'https'}://{host}:{self.port}/"

    def close(self) -> None:
        """Let go of the address, where nothing was served after all."""
        self._socket.close()

    def run(self, app: Starlette) -> None:
        """Serve until a signal comes."""
        self._server(app).run(sockets=[self._socket])

    @contextlib.contextmanager
    def running(self, app: Starlette) -> Iterator[None]:
        """Serve from a thread while the block runs."""
        server = self._server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [self._socket]}, name="web", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()

    def _server(self, app: Starlette) -> uvicorn.Server:
        config = uvicorn.Config(
            app,
            http=self._protocol,
            loop="auto" if self._tls is None else "asyncio",
            log_config=None,
            access_log=False,  # a token may stand in an address
            server_header=False,
            lifespan="off",
            ws_max_size=LONGEST_MESSAGE,
            ws_per_message_deflate=False,  # signal does not shrink
            timeout_graceful_shutdown=CLOSE_S,
            forwarded_allow_ips="127.0.0.1,::1" if is_loopback(self.host) else "",
        )
        config.load()
        config.ssl = self._tls
        return _TlsServer(config, self._request_s) if self._tls is not None else uvicorn.Server(config)


class _TlsServer(uvicorn.Server):
    """Gives a handshake as long as a request, and a goodbye less than the service's end.

    uvicorn leaves both at asyncio's own, a minute and half of one: half a handshake holds a socket for so long, and
    a browser that keeps its connection holds up the end.
    """

    def __init__(self, config: uvicorn.Config, handshake_s: float) -> None:
        super().__init__(config)
        self._handshake_s = handshake_s

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        bounded = functools.partial(
            loop.create_server, ssl_handshake_timeout=self._handshake_s, ssl_shutdown_timeout=GOODBYE_S
        )
        loop.create_server = bounded  # type: ignore[method-assign]  # of this server's own loop
        await super().startup(sockets)
