"""The pages that flows write, over HTTP on loopback: from Prefect's page no browser follows a link to a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote, unquote, urlsplit

from pipeline.settings import Settings

__all__ = ["PORT", "URL", "link_to", "pages"]

URL = "ECG_REPORTS_URL"
"""Variable of the environment: the address under which :func:`roots` are served, here or by a server of one's own."""

PORT = 4201
NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})  # a foreign name that was pointed here is refused


def roots() -> dict[str, Path]:
    """Return the folders below which pages lie, by the first part of their addresses."""
    return {"here": Path.cwd(), "reports": Settings().state_dir.resolve() / "reports"}


def link_to(page: Path) -> str | None:
    """Return the address of a page, or None where nothing serves it."""
    base = os.environ.get(URL, "").rstrip("/")
    for name, root in roots().items():
        if base and page.resolve().is_relative_to(root):
            return f"{base}/{name}/{quote(page.resolve().relative_to(root).as_posix())}"
    return None


@contextmanager
def pages(port: int = PORT) -> Iterator[str]:
    """Serve the pages below :func:`roots` on loopback while the block runs, and nothing else of these folders.

    Where the port is taken another one is: links of earlier runs are dead until it is free again.
    """
    folders = roots()
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Pages, folders))
    except OSError:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Pages, folders))
    with server:
        thread = Thread(target=server.serve_forever, name="pages", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Pages(BaseHTTPRequestHandler):
    def __init__(self, folders: Mapping[str, Path], *args: object) -> None:
        self._folders = folders
        super().__init__(*args)  # type: ignore[arg-type]  # as the server calls it

    def do_GET(self) -> None:
        page = self._page()
        if page is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        content = page.read_bytes()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        self.wfile.write(content)

    def _page(self) -> Path | None:
        if (self.headers.get("Host") or "").rpartition(":")[0] not in NAMES:
            return None
        name, _, inside = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        root = self._folders.get(name)
        if root is None or not inside.endswith(".html"):
            return None
        page = (root / inside).resolve()
        return page if page.is_relative_to(root) and page.is_file() else None

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what runs beside it has a log."""
