"""NATS JetStream, the durable log of frames: the stream, its subjects, and a connection for code that waits."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import CancelledError as FutureCancelled
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StreamConfig
from nats.js.errors import NotFoundError

from pipeline.errors import SourceUnavailable

__all__ = [
    "STREAM",
    "SUBJECTS",
    "Broker",
    "patient_of",
    "server_config",
    "servers",
    "subject_of",
    "topic_of",
    "without_password",
]

STREAM = "ECG"
SUBJECTS = "ecg.>"
MAX_AGE_S = 24 * 3600.0
MAX_BYTES = 8 * 2**30
DUPLICATES_S = 0.1  # s in which a Nats-Msg-Id counts, for all subjects together: frames are told from doubles here
LARGEST = 1_000_000  # bytes of a frame
ANSWER_S = 10.0  # how long the server may take
CONNECT_S = 5.0
RETRY_S = 0.25
PING_S, PINGS = 3.0, 2  # s between two questions whether the server is there; so many without an answer, and it is not

T = TypeVar("T")
logger = logging.getLogger(__name__)


def subject_of(patient: str) -> str:
    """Return the NATS subject of a patient's frames.

    >>> subject_of("ward/bed-1")
    'ecg.ward.bed-1'
    """
    return "ecg." + patient.replace("/", ".")


def topic_of(patient: str) -> str:
    """Return the MQTT topic of a patient's frames, which nats-server turns into the subject.

    >>> topic_of("ward/bed-1")
    'ecg/ward/bed-1'
    """
    return f"ecg/{patient}"


def patient_of(subject: str) -> str:
    """Return the patient whose frames have a subject."""
    return subject.removeprefix("ecg.").replace(".", "/")


def without_password(url: str) -> str:
    """Return a URL for messages."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def servers(text: str) -> list[str]:
    """Return the addresses of NATS servers that are joined by commas.

    Raises
    ------
    ValueError
        If one of them is none.

    >>> servers("nats://one:4222,nats://two:4222")
    ['nats://one:4222', 'nats://two:4222']
    """
    urls = [url.strip() for url in text.split(",")]
    for url in urls:
        if urlsplit(url).scheme not in ("nats", "tls") or not urlsplit(url).hostname:
            raise ValueError(f"broker {without_password(url)!r}: write nats://HOST:PORT")
    return urls


def server_config(
    name: str,
    store: Path,
    *,
    host: str = "127.0.0.1",
    port: int,
    mqtt_port: int | None,
    token: str = "",
    more: str = "",
) -> str:
    """Return the configuration of a nats-server that serves as log of frames and MQTT gateway.

    Parameters
    ----------
    name : str
        Name of the server; MQTT asks for one.
    store : Path
        Folder of its files.
    host, port, mqtt_port
        Where it listens; without the last, not for MQTT.
    token : str
        What clients must know; none if empty.
    more : str
        Further lines, such as those of a cluster.
    """
    lines = [
        f"server_name: {json.dumps(name)}",
        f"host: {json.dumps(host)}",
        f"port: {port}",
        f"jetstream {{ store_dir: {json.dumps(str(store))} }}",
    ]
    if mqtt_port is not None:
        lines.append(f"mqtt {{ host: {json.dumps(host)}, port: {mqtt_port} }}")
    if token:
        lines.append(f"authorization {{ token: {json.dumps(token)} }}")
    return "\n".join([*lines, more, ""])


class Broker:
    """A connection to NATS that lives in a thread of its own and mends itself.

    Parameters
    ----------
    urls : sequence of str
        ``nats://[user:password@]host:port`` of one server, or of each of a cluster.

    Attributes
    ----------
    url : str
        The same without passwords, for messages.
    breaks : int
        How often the connection broke.

    Raises
    ------
    SourceUnavailable
        If no server answers.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self.url = ", ".join(map(without_password, urls))
        self.breaks = 0
        self._last_error = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats", daemon=True)
        self._thread.start()
        self.client = Client()
        try:
            # The client itself would try for ever, as it should once it has been connected.
            self.run(asyncio.wait_for(self._connect(list(urls)), CONNECT_S))
            self._last_error = ""
        except BaseException:  # Ctrl-C as well: its thread would go on
            self._stop()
            raise

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end in the connection's thread.

        Raises
        ------
        SourceUnavailable
            If the server does not answer, or refuses.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except (TimeoutError, NatsError, OSError, FutureCancelled) as error:
            reason = str(error) or self._last_error or type(error).__name__
            raise SourceUnavailable(
                f"NATS at {self.url} cannot be used ({reason}); start it, such as with "
                "`ecg-anomaly broker`, or see that JetStream is on"
            ) from error

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Future[None]:
        """Start a coroutine in the connection's thread, which ends with it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)  # type: ignore[return-value]  # only cancelled

    @property
    def jetstream(self) -> JetStreamContext:
        """The durable side of the connection."""
        return self.client.jetstream(timeout=ANSWER_S)

    def make_stream(self, *, max_age_s: float = MAX_AGE_S, max_bytes: int = MAX_BYTES, replicas: int = 1) -> None:
        """Make the stream of all frames, unless it is there; then its limits stay as they are.

        Parameters
        ----------
        max_age_s : float
            How long frames are kept.
        max_bytes : int
            How many bytes of frames are kept; the oldest go first.
        replicas : int
            How many servers of a cluster keep each frame.

        Raises
        ------
        SourceUnavailable
            If the server does not answer, or refuses.
        """
        self.run(self._make_stream(max_age_s, max_bytes, replicas))

    def check_stream(self) -> None:
        """Refuse a stream that does not keep what the server confirms to devices.

        Raises
        ------
        SourceUnavailable
            If it refuses new frames while it is full, is not open to all of them, or the server does not answer.
        """
        if wrong := self.run(self._what_is_wrong()):
            raise SourceUnavailable(
                f"stream {STREAM} at {self.url} {wrong}, and over MQTT such a frame is confirmed all the same: "
                "change it, or remove it, and it is made anew"
            )

    def log(self) -> str:
        """Return what tells the stream from one that was made anew.

        Raises
        ------
        SourceUnavailable
            If the server does not answer, or there is no stream.
        """
        return self.run(self.look())[0]

    async def look(self) -> tuple[str, int]:
        """Return what tells the stream from one that was made anew, and the position of its last message."""
        answer = await self.client.request(f"$JS.API.STREAM.INFO.{STREAM}", timeout=ANSWER_S)
        document = json.loads(answer.data)
        if "error" in document:
            raise NotFoundError(code=404, description=str(document["error"].get("description", "")))
        return str(document["created"]), int(document["state"]["last_seq"])

    def close(self) -> None:
        """Close the connection."""
        try:
            asyncio.run_coroutine_threadsafe(self.client.close(), self._loop).result(ANSWER_S)
        except (NatsError, OSError, TimeoutError) as error:
            logger.warning("closing the connection to NATS at %s: %s", self.url, error)
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _connect(self, urls: list[str]) -> None:
        await self.client.connect(
            urls,
            name="ecg-anomaly",
            connect_timeout=5,
            max_reconnect_attempts=-1,
            ping_interval=PING_S,  # type: ignore[arg-type]  # as below
            max_outstanding_pings=PINGS,
            reconnect_time_wait=RETRY_S,  # type: ignore[arg-type]  # asyncio sleeps so long, whole seconds or not
            allow_reconnect=True,
            error_cb=self._on_error,
            disconnected_cb=self._on_break,
            reconnected_cb=self._on_return,
        )

    async def _on_break(self) -> None:
        self.breaks += 1

    async def _on_error(self, error: Exception) -> None:
        reason = str(error) or type(error).__name__
        if reason != self._last_error:  # each of many tries to connect again has the same
            logger.info("NATS at %s: %s", self.url, reason)
        self._last_error = reason

    async def _on_return(self) -> None:
        logger.info("NATS at %s: connected again", self.url)
        self._last_error = ""

    async def _make_stream(self, max_age_s: float, max_bytes: int, replicas: int) -> None:
        try:
            await self.jetstream.stream_info(STREAM)
        except NotFoundError:
            config = StreamConfig(
                STREAM,
                subjects=[SUBJECTS],
                max_age=max_age_s,
                max_bytes=max_bytes,
                discard=DiscardPolicy.OLD,
                num_replicas=replicas,
                duplicate_window=DUPLICATES_S,
            )
            await self.jetstream.add_stream(config)

    async def _what_is_wrong(self) -> str:
        config = (await self.jetstream.stream_info(STREAM)).config
        if config.discard == DiscardPolicy.NEW:
            return "refuses new frames while it is full (discard new)"
        if SUBJECTS not in (config.subjects or []):
            return f"does not keep all of {SUBJECTS}"
        if config.max_msg_size is not None and 0 < config.max_msg_size < LARGEST:
            return f"refuses frames of more than {config.max_msg_size:,} bytes"
        return "takes nothing any more (sealed)" if config.sealed else ""

    def _stop(self) -> None:
        async def cancel() -> None:
            rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(cancel(), self._loop).result(ANSWER_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_S)
        self._loop.close()
