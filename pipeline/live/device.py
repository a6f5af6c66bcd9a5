"""The device's side: frames into the log, by way of NATS or MQTT, until the broker has them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from nats.errors import Error as NatsError

from pipeline.errors import SourceUnavailable
from pipeline.live.broker import Broker, subject_of, topic_of, without_password
from pipeline.live.frames import Frame, encode

__all__ = ["Device", "MqttDevice", "NatsDevice", "open_device"]

ANSWER_S = 2.0  # how long the broker may take to confirm a frame before it is sent again
RETRY_S = 0.2
MQTT_PORT = 1883
PATIENCE_S = 60.0

logger = logging.getLogger(__name__)


class Device(Protocol):
    """Sends frames."""

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames and wait until the broker has confirmed them.

        Raises
        ------
        SourceUnavailable
            If it does not for a minute.
        """

    def close(self) -> None:
        """Close the connection."""


class NatsDevice:
    """Publishes to JetStream. A frame that is sent again is dropped by the stream.

    Parameters
    ----------
    urls : sequence of str
        As :class:`~pipeline.live.broker.Broker` takes them. The stream is made if it is not there.
    patience_s : float
        How long frames are sent again before they are given up, in s.

    Raises
    ------
    SourceUnavailable
        If no server answers.
    """

    def __init__(self, urls: Sequence[str], *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._broker = Broker(urls)
        try:
            self._broker.make_stream()
        except SourceUnavailable:
            self._broker.close()
            raise

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames and wait until the broker has confirmed them.

        Raises
        ------
        SourceUnavailable
            If it does not within ``patience_s``.
        """
        self._broker.run(self._send(frames))

    @property
    def is_connected(self) -> bool:
        """Whether the broker is there now."""
        return bool(self._broker.client.is_connected)

    def close(self) -> None:
        """Close the connection."""
        self._broker.close()

    async def _send(self, frames: Sequence[Frame]) -> None:
        async with asyncio.timeout(self._patience_s):
            await asyncio.gather(*map(self._publish, frames))

    async def _publish(self, frame: Frame) -> None:
        headers = {"Nats-Msg-Id": f"{frame.patient}/{frame.session}/{frame.sequence}"}
        data, subject = encode(frame), subject_of(frame.patient)
        while True:
            try:
                await self._broker.jetstream.publish(subject, data, timeout=ANSWER_S, headers=headers)
                return
            except (TimeoutError, NatsError, OSError) as error:
                logger.debug("frame %d of %s is sent again: %r", frame.sequence, frame.patient, error)
                await asyncio.sleep(RETRY_S)


class MqttDevice:
    """Publishes over MQTT 3.1.1 with QoS 1, in a session that outlives the connection.

    Parameters
    ----------
    url : str
        ``mqtt://[user:password@]host[:port]``.

    Raises
    ------
    SourceUnavailable
        If no broker answers.
    """

    def __init__(self, url: str) -> None:
        from secrets import token_hex

        import paho.mqtt.client as mqtt
        from paho.mqtt.enums import CallbackAPIVersion

        parts = urlsplit(url)
        self._url = without_password(url)
        self._changed = threading.Condition()
        self._confirmed: set[int] = set()  # numbers of messages
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"ecg-{token_hex(8)}",
            clean_session=False,
            protocol=mqtt.MQTTv311,
        )
        if parts.username:
            self._client.username_pw_set(parts.username, parts.password)
        self._client.on_publish = self._confirm
        self._client.max_inflight_messages_set(1000)
        self._client.reconnect_delay_set(1, 5)
        try:
            self._client.connect(parts.hostname or "127.0.0.1", parts.port or MQTT_PORT)
        except OSError as error:
            raise SourceUnavailable(f"MQTT broker at {self._url} does not answer ({error}); start it first") from error
        self._client.loop_start()

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames and wait until the broker has confirmed them.

        Raises
        ------
        SourceUnavailable
            If it does not for a minute.
        """
        # Without a connection they are queued, and sent when there is one again.
        numbers = {self._client.publish(topic_of(frame.patient), encode(frame), qos=1).mid for frame in frames}
        with self._changed:
            if not self._changed.wait_for(lambda: numbers <= self._confirmed, PATIENCE_S):
                raise SourceUnavailable(f"MQTT broker at {self._url} has not confirmed a frame for {PATIENCE_S:g} s")
            self._confirmed -= numbers

    def _confirm(self, _client: Any, _data: Any, number: int, _reason: Any, _properties: Any) -> None:
        with self._changed:
            self._confirmed.add(number)
            self._changed.notify()

    def close(self) -> None:
        """Close the connection."""
        self._client.disconnect()
        self._client.loop_stop()


def open_device(target: str) -> Device:
    """Return a device that sends to an address: ``nats://`` (servers of a cluster joined by commas) or ``mqtt://``.

    Raises
    ------
    ValueError
        If it is another kind of address.
    SourceUnavailable
        If no server answers.
    """
    scheme = urlsplit(target).scheme
    if scheme == "mqtt":
        return MqttDevice(target)
    if scheme in ("nats", "tls"):
        return NatsDevice(target.split(","))
    raise ValueError(f"address {without_password(target)!r}: write nats://HOST:PORT or mqtt://HOST:PORT")
