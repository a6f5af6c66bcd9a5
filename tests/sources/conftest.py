"""Small WFDB databases, and a server on a loopback port that fails on demand."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray

from pipeline.settings import FetchSettings, Settings

FS = 250


def ecg(samples: int, leads: int, seed: int = 0) -> NDArray[np.float64]:
    """Return a random signal in mV that every storage format holds: the reader does not care what it looks like."""
    rng = np.random.default_rng(seed)
    return rng.integers(-100, 100, size=(samples, leads)) / 200.0


def write_record(
    folder: Path,
    name: str,
    signal: NDArray[np.float64],
    *,
    fs: float = FS,
    leads: Sequence[str] = ("MLII", "V1"),
    units: Sequence[str] | None = None,
    fmt: str | Sequence[str] = "16",
    gain: float = 200.0,
    beats: Sequence[int] = (),
    **more: Any,
) -> Path:
    """Write one record with wfdb and return its path without extension."""
    folder.mkdir(parents=True, exist_ok=True)
    n = signal.shape[1]
    wfdb.wrsamp(
        name,
        fs=fs,
        units=list(units or ["mV"] * n),
        sig_name=list(leads[:n]),
        p_signal=signal,
        fmt=[fmt] * n if isinstance(fmt, str) else list(fmt),
        adc_gain=[gain] * n,
        baseline=[0] * n,
        write_dir=str(folder),
        **more,
    )
    if beats:
        wfdb.wrann(name, "atr", np.array(beats), ["N"] * len(beats), write_dir=str(folder))
    return folder / name


@pytest.fixture
def make_record() -> Callable[..., Path]:
    """Return :func:`write_record`."""
    return write_record


@pytest.fixture
def make_ecg() -> Callable[..., NDArray[np.float64]]:
    """Return :func:`ecg`."""
    return ecg


@pytest.fixture(scope="session")
def tinydb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write database ``tinydb`` once: records 100, 101 and, without annotations, 102."""
    database = tmp_path_factory.mktemp("tinydb")
    for i in (100, 101, 102):
        write_record(database, str(i), ecg(3000, 2, seed=i), beats=(100, 400, 700) if i < 102 else ())
    (database / "RECORDS").write_text("100\n101\n102\n")
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file.name}" for file in sorted(database.iterdir())]
    (database / "SHA256SUMS.txt").write_text("\n".join(sums) + "\n")
    return database


@pytest.fixture
def tree(tmp_path: Path, tinydb: Path) -> Path:
    """Return a folder with the layout of PhysioNet's and ``tinydb`` in version 1.0.0, to serve or to spoil."""
    files = tmp_path / "site" / "files"
    shutil.copytree(tinydb, files / "tinydb" / "1.0.0")
    return files


Answer = Callable[["_Handler", bytes], None]


@dataclass
class Site:
    """A running server that logs its requests, and answers the first ones for a file as a test plans."""

    url: str
    requests: list[str] = field(default_factory=list)
    planned: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    ended: threading.Event = field(default_factory=threading.Event)

    def count(self, path: str) -> int:
        """Return how often a file was asked for."""
        return self.requests.count(path)

    @staticmethod
    def status(code: int, **headers: str) -> Answer:
        """Plan an error."""

        def answer(handler: _Handler, body: bytes) -> None:
            handler.send_response(code)
            for key, value in headers.items():
                handler.send_header(key.replace("_", "-"), value)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        return answer

    @staticmethod
    def short(handler: _Handler, body: bytes) -> None:
        """Announce the whole file, send half of it and hang up."""
        handler.send_ok(len(body), body[: len(body) // 2])
        handler.close_connection = True

    @staticmethod
    def flipped(handler: _Handler, body: bytes) -> None:
        """Send the file with one bit changed."""
        handler.send_ok(len(body), bytes([body[0] ^ 1]) + body[1:])

    @staticmethod
    def stall(handler: _Handler, body: bytes) -> None:
        """Send half of the file and then nothing until the test ends."""
        handler.send_ok(len(body), body[: len(body) // 2])
        handler.wfile.flush()
        handler.site.ended.wait(10)
        handler.close_connection = True


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, site: Site, directory: str) -> None:
        self.site = site
        super().__init__(*args, directory=directory)

    def send_ok(self, length: int, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        path = self.path.lstrip("/")
        self.site.requests.append(path)
        if self.site.planned[path]:
            file = Path(self.translate_path(self.path))
            self.site.planned[path].pop(0)(self, file.read_bytes() if file.is_file() else b"")
        else:
            super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[Site]:
    running = Site("")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, site=running, directory=str(folder))) as server:
        running.url = f"http://127.0.0.1:{server.server_port}/"
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield running
        finally:
            running.ended.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def site(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Serve the tree."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve(tree) as running:
        yield running


@pytest.fixture
def settings(site: Site, tmp_path: Path) -> Settings:
    """Return settings that fetch from the server, impatiently."""
    fetch = FetchSettings(timeout_s=0.3, retries=2, backoff_s=0.01, requests_per_s=1000)
    return Settings(physionet_url=site.url, cache_dir=tmp_path / "cache", fetch=fetch)


@pytest.fixture
def mitdb(tmp_path: Path) -> Settings:
    """Return settings that read the real MIT-BIH Arrhythmia Database from a folder; skip where there is none."""
    root = Path(os.environ.get("ECG_PHYSIONET_URL", ""))
    if not os.environ.get("ECG_PHYSIONET_URL") or not any(root.glob("**/mitdb/1.0.0/RECORDS")):
        pytest.skip("ECG_PHYSIONET_URL names no folder with mitdb")
    return Settings(physionet_url=str(root), cache_dir=tmp_path / "cache")


@pytest.fixture
def mitdb_site(mitdb: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Return settings that fetch the real database over HTTP from a server on a loopback port."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve(Path(mitdb.physionet_url)) as running:
        inner = "files/" if (Path(mitdb.physionet_url) / "files").is_dir() else ""
        fetch = mitdb.fetch.model_copy(update={"requests_per_s": 1000.0})
        yield mitdb.model_copy(update={"physionet_url": running.url + inner, "fetch": fetch})
