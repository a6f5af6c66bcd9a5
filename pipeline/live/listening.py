"""Listen to what devices publish, beside the monitor: nothing is taken away from it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from urllib.parse import urlsplit

from pipeline.clock import now_us
from pipeline.errors import SourceUnavailable
from pipeline.live.broker import SUBJECTS, Broker, servers, subject_of, topic_of, without_password
from pipeline.live.device import MQTT_PORT
from pipeline.live.device_check import DeviceCheck

__all__ = ["listen_mqtt", "listen_nats"]


def listen_nats(check: DeviceCheck, url: str, patient: str | None, seconds: float) -> None:
    """Give a check what is published over NATS, and over MQTT where nats-server is the gateway, for so many seconds.

    Raises
    ------
    ValueError
        If the address is none.
    SourceUnavailable
        If no server answers.
    """

    async def take(message: Any) -> None:
        check.take(message.data, subject=message.subject, arrived_us=now_us())

    async def listen() -> None:
        subscription = await broker.client.subscribe(subject_of(patient) if patient else SUBJECTS, cb=take)
        await asyncio.sleep(seconds)
        await subscription.unsubscribe()

    with Broker(servers(url)) as broker:
        broker.run(listen())


def listen_mqtt(check: DeviceCheck, url: str, patient: str | None, seconds: float) -> None:
    """Give a check what is published over MQTT for so many seconds.

    Raises
    ------
    SourceUnavailable
        If no broker answers, or it refuses the connection.
    """
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    def take(_client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        check.take(bytes(message.payload), topic=message.topic, arrived_us=now_us())

    refused: list[str] = []

    def connected(client: mqtt.Client, _data: Any, _flags: Any, reason: Any, *_: Any) -> None:
        if reason.is_failure:
            refused.append(str(reason))
            return
        client.subscribe(topic_of(patient) if patient else "ecg/#", qos=1)

    parts = urlsplit(url)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    if parts.username:
        client.username_pw_set(parts.username, parts.password)
    client.on_connect, client.on_message = connected, take
    try:
        client.connect(parts.hostname or "127.0.0.1", parts.port or MQTT_PORT)
    except OSError as error:
        raise SourceUnavailable(f"MQTT broker at {without_password(url)} does not answer ({error})") from error
    client.loop_start()
    threading.Event().wait(seconds)
    client.disconnect()
    client.loop_stop()
    if refused:
        raise SourceUnavailable(f"MQTT broker at {without_password(url)} refuses the connection ({refused[0]})")
