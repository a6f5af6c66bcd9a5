"""Where alarms go beside the database: a file of JSON lines, a webhook, a NATS subject."""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

import requests

from pipeline.errors import OutputError
from pipeline.live.broker import Broker, without_password
from pipeline.sources.answer_head import BoundedHeads
from pipeline.storage.database import StoredAlarm

__all__ = ["JsonLines", "NatsSubject", "Sink", "Webhook", "alarm_document", "open_sink"]

SUBJECT = "ecg-alarms"
TIMEOUT_S = 10.0
TAIL_BYTES = 1_000_000  # of a file that is there already, to see what it holds


def alarm_document(stored: StoredAlarm) -> dict[str, Any]:
    """Return an alarm as JSON has it.

    ``key`` is the same in all states of an episode; ``revision`` tells its states apart, the highest is the newest.
    """
    alarm = stored.alarm
    began_us = stored.started_at_us or 0
    return {
        "key": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{stored.origin}\n{alarm.record}\n{alarm.key}")),
        "revision": alarm.revision,
        "patient": alarm.record,
        "kind": alarm.kind,
        "priority": alarm.priority,
        "physiological": alarm.physiological,
        "message": alarm.message,
        "onset": _moment(began_us, alarm.onset_s),
        "raised": _moment(began_us, alarm.raised_s),
        "ended": None if alarm.ended_s is None else _moment(began_us, alarm.ended_s),
        "longest": alarm.longest,
        "rate_bpm": alarm.rate_bpm,
        "first_beat": alarm.first_beat,
        "last_beat": alarm.last_beat,
        "origin": stored.origin,
    }  # fmt: skip


def _moment(began_us: int, seconds: float) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=began_us + round(seconds * 1e6))
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _state(document: dict[str, Any]) -> str:
    """Return what tells a state of an alarm from all others; a file may hold lines from before there were states."""
    return f"{document['key']}/{document.get('revision', 0)}"


class Sink(Protocol):
    """Takes alarms, state by state. One that is delivered twice has the same ``key`` and ``revision``."""

    @property
    def name(self) -> str:
        """What tells it from other sinks, without passwords."""

    def deliver(self, document: dict[str, Any]) -> None:
        """Take an alarm as :func:`alarm_document` has it.

        Raises
        ------
        PipelineError
            If it cannot be taken now; it is delivered again.
        """

    def close(self) -> None:
        """Let go of what it holds."""


class JsonLines:
    """A file that gets a line for each state of an alarm; several workers may write into one.

    Parameters
    ----------
    path : Path
        The file; what it holds stays.

    Raises
    ------
    OutputError
        If it cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: set[str] = set()
        self._read = -1  # bytes of the file that are known; -1 before the first look
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked() as file:
                self._catch_up(file)
        except OSError as error:
            raise OutputError(f"alarms cannot be written to {self._path} ({error.strerror})") from error

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._path.absolute())

    def deliver(self, document: dict[str, Any]) -> None:
        """Append a line, unless the file has it.

        Raises
        ------
        OutputError
            If it cannot be written to.
        """
        state = _state(document)
        if state in self._keys:
            return
        line = json.dumps(document, allow_nan=False).encode() + b"\n"
        try:
            with self._locked() as file:
                end = self._catch_up(file)  # whoever had the patient before may have told it
                if state in self._keys:
                    return
                try:
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    os.truncate(self._path, end)  # a whole line or none
                    raise
                self._read = end + len(line)
        except OSError as error:
            raise OutputError(f"alarms cannot be written to {self._path} ({error.strerror})") from error
        self._keys.add(state)

    def close(self) -> None:
        """Do nothing: the file is open only while a line is written."""

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # dropped with the file
            yield file

    def _catch_up(self, file: IO[bytes]) -> int:
        """Take in the states that the file has got; return its end. A line that was cut by a crash is taken off."""
        end = file.seek(0, os.SEEK_END)
        start = self._read if 0 <= self._read <= end else max(0, end - TAIL_BYTES)  # at first, or of a new file
        file.seek(start)
        tail = file.read()
        whole = tail[: tail.rfind(b"\n") + 1]
        if len(whole) < len(tail):
            end = file.truncate(start + len(whole))
        for line in whole.splitlines():
            try:
                self._keys.add(_state(json.loads(line)))
            except (ValueError, KeyError, TypeError):  # the first may be cut, others are not ours
                continue
        self._read = end
        return end


class Webhook:
    """An HTTP address that gets a POST for each state of an alarm; key and revision are its ``Idempotency-Key``.

    Parameters
    ----------
    url : str
        ``http://`` or ``https://``.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, BoundedHeads())

    @property
    def name(self) -> str:
        """The address, without what may be secret."""
        return urlsplit(without_password(self._url))._replace(query="", fragment="").geturl()

    def deliver(self, document: dict[str, Any]) -> None:
        """Send an alarm; any answer below 300 takes it.

        Raises
        ------
        OutputError
            If there is no such answer.
        """
        headers = {"Idempotency-Key": _state(document)}
        try:
            answer = self._session.post(
                self._url, json=document, headers=headers, timeout=TIMEOUT_S, allow_redirects=False, stream=True
            )
            answer.close()  # whatever its body is, nobody waits for it
        except requests.RequestException as error:
            raise OutputError(f"webhook {self.name} does not answer ({type(error).__name__})") from error
        if answer.status_code >= 300:
            raise OutputError(f"webhook {self.name} answers {answer.status_code}")

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


class NatsSubject:
    """A NATS subject; key and revision are its ``Nats-Msg-Id``, by which a stream drops what comes twice.

    Parameters
    ----------
    url : str
        ``nats://host:port/subject``; ``ecg-alarms`` if no subject is named. The patient's name is appended to it.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._subject = parts.path.strip("/").replace("/", ".") or SUBJECT
        self._url = parts._replace(path="").geturl()
        self._broker: Broker | None = None

    @property
    def name(self) -> str:
        """The address, without a password."""
        return f"{without_password(self._url)}/{self._subject}"

    def deliver(self, document: dict[str, Any]) -> None:
        """Publish an alarm.

        Raises
        ------
        SourceUnavailable
            If no server answers.
        """
        if self._broker is None:
            self._broker = Broker([self._url])
        self._broker.run(self._publish(self._broker, document))

    def close(self) -> None:
        """Close the connection."""
        if self._broker is not None:
            self._broker.close()
            self._broker = None

    async def _publish(self, broker: Broker, document: dict[str, Any]) -> None:
        subject = f"{self._subject}.{document['patient'].replace('/', '.')}"
        data = json.dumps(document, allow_nan=False).encode()
        await broker.client.publish(subject, data, headers={"Nats-Msg-Id": _state(document)})
        await broker.client.flush(timeout=round(TIMEOUT_S))


def open_sink(target: str) -> Sink:
    """Return the sink that an address stands for: ``http(s)://``, ``nats://``, or else a file.

    Raises
    ------
    ValueError
        If it is another kind of address.
    OutputError
        If the file cannot be written to.
    """
    scheme = urlsplit(target).scheme
    if scheme in ("http", "https"):
        return Webhook(target)
    if scheme in ("nats", "tls"):
        return NatsSubject(target)
    if "://" in target:
        raise ValueError(f"alarms to {without_password(target)!r}: write a file, http(s):// or nats://")
    return JsonLines(Path(target))
