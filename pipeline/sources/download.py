"""Files over HTTP: whole or not at all, politely, and again when it may help."""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import requests
import urllib3

from pipeline.errors import RecordCorrupt, RecordNotFound, SourceUnavailable
from pipeline.settings import FetchSettings
from pipeline.sources.answer_head import BoundedHeads

__all__ = ["Client", "Progress", "whole_file", "without_password"]

Progress = Callable[[str, int, int], None]
"""Called as ``progress(file, bytes_done, bytes_in_all)``; ``bytes_in_all`` is 0 while unknown."""

_PIECE = 2**16
_LIST_BYTES = 64 * 2**20  # of a header, a list or a page, which is held in memory
_HASTE_S = 30.0  # s after which a body must have come at the slowest rate that is allowed, on the average
_LONGEST_WAIT_S = 60.0  # a server that asks for more is told to the user instead
_RETRIED = {408, 425, 429, 500, 502, 503, 504}
_jitter = secrets.SystemRandom()


class _Passing(Exception):
    """Something that may be gone at the next try."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class _Damaged(_Passing):
    """A body whose SHA-256 is not the one that the publisher lists."""


class _Pace:
    """Spaces the requests of the whole process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self, per_s: float) -> None:
        with self._lock:
            slot = max(time.monotonic(), self._next)
            self._next = slot + 1.0 / per_s
        time.sleep(max(0.0, slot - time.monotonic()))


_pace = _Pace()


@contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """Write a file that appears under its name only when it is complete and on disk.

    Its temporary name is its own, so that two processes that write the same file do not meet; whichever ends last
    replaces the other's. If the body of the ``with`` is left by an exception, Ctrl-C included, nothing remains.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


class Client:
    """A polite HTTP client for a tree of files.

    Parameters
    ----------
    settings : FetchSettings
        Timeouts, retries and pace.
    progress : callable, optional
        Told about the bytes of every file, see :data:`Progress`.
    """

    def __init__(self, settings: FetchSettings, progress: Progress | None = None) -> None:
        self._settings = settings
        self._progress = progress
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"ecg-anomaly/{version('ecg-anomaly')}"
        self._session.headers["Accept-Encoding"] = "identity"  # the body's length must be the file's
        self._session.max_redirects = 5
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, BoundedHeads())

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(self, url: str, sink: BinaryIO, *, about: str, sha256: str | None = None) -> str:
        """Write the body of ``url`` to ``sink``, trying again while that may help.

        Tried again: a connection that fails, a stall, a short body, a wrong hash, and the answers 408, 425, 429 and
        5xx; after a growing, jittered wait, or the one that the server asks for.

        Parameters
        ----------
        url : str
            Where it is.
        sink : binary file
            Seekable; holds the whole body afterwards.
        about : str
            What the messages name, such as ``record 'mitdb/208'``.
        sha256 : str, optional
            Hash that the body must have.

        Returns
        -------
        str
            The address that answered, after redirections.

        Raises
        ------
        RecordNotFound
            If the server does not have it (404, 410) or does not give it to everyone (401, 403).
        RecordCorrupt
            If the body's hash is still wrong at the last try.
        SourceUnavailable
            If there is no whole answer at the last try.
        """
        tries, shown = 1 + self._settings.retries, without_password(url)
        for attempt in range(tries):
            sink.seek(0)
            sink.truncate()
            _pace.wait(self._settings.requests_per_s)
            try:
                return self._try(url, sink, about, sha256)
            except _Passing as error:
                if attempt + 1 < tries and error.wait_s <= _LONGEST_WAIT_S:
                    backoff = self._settings.backoff_s * 2**attempt * _jitter.uniform(0.5, 1.5)
                    time.sleep(max(error.wait_s, min(backoff, _LONGEST_WAIT_S)))
                    continue
                if isinstance(error, _Damaged):
                    raise RecordCorrupt(
                        f"{about}: {shown} does not have the SHA-256 that its publisher lists, in {attempt + 1} tries; "
                        "try later or use another mirror"
                    ) from error
                raise SourceUnavailable(
                    f"{about}: no whole answer from {shown} in {attempt + 1} tries ({error}); check the network, try "
                    "later, or set ECG_PHYSIONET_URL to a mirror or a folder"
                ) from error
        raise AssertionError("unreachable: the last try returns or raises")

    def _try(self, url: str, sink: BinaryIO, about: str, sha256: str | None) -> str:
        timeout, shown = self._settings.timeout_s, without_password(url)
        digest, done = hashlib.sha256(), 0
        try:
            with self._session.get(url, stream=True, timeout=(timeout, timeout)) as response:
                _check_status(response, about)
                encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
                if encoding not in ("", "identity"):  # it may hold a thousand times its length
                    raise SourceUnavailable(f"{about}: {shown} is sent as {encoding:.20}, which was not asked for")
                declared = response.headers.get("Content-Length", "")
                length = int(declared) if declared.isdecimal() and len(declared) < 20 else 0
                self._check_size(sink, max(length, done), shown, about)
                began = time.monotonic()
                while piece := response.raw.read1(_PIECE, decode_content=False):  # what has come, and no more
                    done += len(piece)
                    self._check_size(sink, done, shown, about)
                    sink.write(piece)
                    digest.update(piece)
                    if self._progress is not None:
                        self._progress(url.rsplit("/", 1)[-1], done, length)
                    elapsed = time.monotonic() - began
                    if elapsed > _HASTE_S and done < elapsed * self._settings.slowest_bytes_per_s:
                        raise _Passing(f"{done / elapsed:.0f} bytes a second")
                if length and done != length:
                    raise _Passing("the answer was cut short")
        except requests.exceptions.Timeout as error:
            raise _Passing(f"silent for {timeout:g} s") from error
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise SourceUnavailable(f"{about}: {shown} is not an address; check ECG_PHYSIONET_URL") from error
        except requests.exceptions.RequestException as error:
            raise _Passing(_reason(error)) from error
        except urllib3.exceptions.ReadTimeoutError as error:
            raise _Passing(f"silent for {timeout:g} s") from error
        except (urllib3.exceptions.HTTPError, OSError, http.client.HTTPException) as error:
            raise _Passing("the answer was cut short") from error
        if sha256 is not None and digest.hexdigest() != sha256:
            raise _Damaged("wrong SHA-256")
        return str(response.url)

    def _check_size(self, sink: BinaryIO, size: int, shown: str, about: str) -> None:
        most = _LIST_BYTES if isinstance(sink, io.BytesIO) else self._settings.most_bytes
        if size > most:
            raise SourceUnavailable(f"{about}: {shown} has more than {most:,} bytes; see `fetch.most_bytes`")


def without_password(url: str) -> str:
    """Return a URL for messages: what stands before the host may be secret, and what follows a question mark."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _check_status(response: requests.Response, about: str) -> None:
    status, shown = response.status_code, without_password(response.url)
    if status == 200:
        return
    if status in (404, 410):
        raise RecordNotFound(f"{about}: {shown} does not exist")
    if status in (401, 403):
        raise RecordNotFound(
            f"{about}: {shown} is not open to everyone ({status}); fetch it by hand and read it from its folder"
        )
    if status in _RETRIED:
        wait_s = _retry_after(response.headers.get("Retry-After"))
        raise _Passing(f"the server answers {status}" + (f" and asks to wait {wait_s:.0f} s" if wait_s else ""), wait_s)
    raise SourceUnavailable(f"{about}: {shown} answers {status}; check ECG_PHYSIONET_URL")


def _retry_after(value: str | None) -> float:
    """Return the wait in s that a server asks for, as a number of seconds or a date (RFC 9110, 10.2.3)."""
    if value is None:
        return 0.0
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _reason(error: requests.exceptions.RequestException) -> str:
    """Say in few words why a request failed: requests nests the cause three deep."""
    text = str(error)
    if "Read timed out" in text:
        return "the answer stalled"
    if isinstance(error, (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)):
        return "the answer was cut short"
    if "NameResolution" in text:
        return "the server's name is not known"
    return "no connection"
