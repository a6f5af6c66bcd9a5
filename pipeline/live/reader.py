"""Frames out of the stream, each once and in the order in which the stream holds them."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from pipeline.live.broker import RETRY_S, STREAM, SUBJECTS, Broker

__all__ = ["Message", "Reader"]

BATCH = 512  # messages asked for at a time
ROOM = 4 * BATCH  # messages that may wait here; the rest waits in the stream
EXPIRES_S = 5.0  # how long the server holds a request
LOOK_S = 0.5  # between two looks whether the connection still stands
ACK_WAIT_S = 60.0
FORGOTTEN_S = 300.0  # after which the server drops a consumer that nobody asks

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """A frame in the stream.

    Attributes
    ----------
    position : int
        Its number in the stream, from 1.
    subject : str
        Such as ``ecg.ward.bed-1``.
    data : bytes
        The frame.
    time_us : int
        When the stream took it in, in microseconds since 1970 UTC.
    log : str
        When the stream was made: a position means nothing in another one.
    """

    position: int
    subject: str
    data: bytes
    time_us: int
    log: str


class _Broken(Exception):
    """The order of deliveries is broken: the consumer is made anew."""


class Reader:
    """A durable pull consumer that reads the stream in order, through every kind of outage.

    Deliveries are numbered by the server. Where one is missing, or the server, the connection or the consumer is gone,
    the consumer is made anew behind the last message that arrived. So messages are neither skipped nor doubled, and
    the caller keeps a single number, its position.

    Parameters
    ----------
    broker : Broker
        The connection.
    name : str
        Name of its consumers; no other reader may have it.
    after : int
        Read what follows this position.
    log : str
        The stream that it is a position in, as :meth:`~pipeline.live.broker.Broker.log` tells it. If there is another
        one, because the broker lost its disk, that is read from its beginning.
    """

    def __init__(self, broker: Broker, name: str, after: int, log: str) -> None:
        self.skipped = 0  # messages that the stream's limits had dropped before they were read
        self._broker = broker
        self._name = name
        self._log = log
        self._made = 0  # consumers
        self._last = after  # position of the last message that arrived
        self._delivered = 0  # number of the last delivery
        self._behind = self._newest_us = 0  # of the last message that arrived: how many follow it, and its time
        self._messages: deque[Message] = deque()
        self._changed = threading.Condition()
        self._acks: deque[tuple[int, str]] = deque()
        self._future = broker.start(self._pump())

    @property
    def backlog(self) -> tuple[int, int]:
        """How many messages wait, here and in the stream, and when the stream took in the oldest of them (0: none)."""
        with self._changed:
            oldest = self._messages[0].time_us if self._messages else self._newest_us if self._behind else 0
            return len(self._messages) + self._behind, oldest

    def take(self, most: int, timeout_s: float) -> list[Message]:
        """Return the next messages, at least one unless none comes in time."""
        if self._future.done() and not self._future.cancelled():
            self._future.result()  # a defect, which must not pass for silence
        with self._changed:
            if not self._messages:
                self._changed.wait(timeout_s)
            return [self._messages.popleft() for _ in range(min(most, len(self._messages)))]

    def acknowledge(self, position: int) -> None:
        """Tell the server that all messages up to a position are done with."""
        reply = None
        with self._changed:
            while self._acks and self._acks[0][0] <= position:
                reply = self._acks.popleft()[1]
        if reply is not None:
            self._broker.start(self._acknowledge(reply))

    def close(self, *, forget: bool = False) -> None:
        """Stop reading; with ``forget``, the server drops the consumer."""
        self._future.cancel()
        if forget:
            self._broker.start(self._delete())

    async def _acknowledge(self, reply: str) -> None:
        try:
            await self._broker.client.publish(reply, b"+ACK")
        except (NatsError, OSError) as error:
            logger.debug("an acknowledgement is lost, the next one serves for it: %s", error)

    @property
    def _durable(self) -> str:
        return f"{self._name}-{self._made}"

    async def _delete(self) -> None:
        if self._made:
            subject = f"$JS.API.CONSUMER.DELETE.{STREAM}.{self._durable}"
            with suppress(NatsError, OSError):  # nobody waits for the answer
                await self._broker.client.publish(subject)

    async def _pump(self) -> None:
        client = self._broker.client
        while True:
            try:
                await self._make_consumer()
                inbox = client.new_inbox()
                subscription = await client.subscribe(inbox)
                try:
                    while True:
                        await self._request(inbox, subscription)
                finally:
                    if not client.is_closed:
                        await subscription.unsubscribe()
            except (TimeoutError, NatsError, OSError, _Broken) as error:
                logger.info("reading anew behind %d: %s", self._last, str(error) or type(error).__name__)
            await asyncio.sleep(RETRY_S)

    async def _make_consumer(self) -> None:
        jetstream = self._broker.jetstream
        log, end = await self._broker.look()
        if log != self._log or end < self._last:
            logger.warning("the stream of %s was made anew: it is read from its beginning", log)
            self._log, self._last = log, 0
        # A new name each time: the old one may be stuck on a server that is gone, and the server drops it in the end.
        await self._delete()
        self._made += 1
        config = ConsumerConfig(
            durable_name=self._durable,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._last + 1,
            ack_policy=AckPolicy.ALL,
            ack_wait=ACK_WAIT_S,
            max_ack_pending=-1,  # what is not yet stored is bounded by the caller, who takes no more
            filter_subject=SUBJECTS,
            inactive_threshold=FORGOTTEN_S,
            num_replicas=1,  # it can be made anew at any time
            mem_storage=True,
        )
        await jetstream.add_consumer(STREAM, config)
        self._delivered = 0
        with self._changed:
            self._acks.clear()

    async def _request(self, inbox: str, subscription: Subscription) -> None:
        """Ask for a batch and take in what comes until it is complete or the server stops holding it."""
        while len(self._messages) >= ROOM:
            await asyncio.sleep(0.01)
        breaks = self._broker.breaks
        wanted = {"batch": BATCH, "expires": int(EXPIRES_S * 1e9)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{self._durable}"
        await self._broker.client.publish(subject, json.dumps(wanted).encode(), reply=inbox)
        for _ in range(BATCH):
            message = await self._receive(subscription, breaks)
            status = (message.headers or {}).get("Status")
            if status in ("404", "408"):
                return
            if status is not None:
                raise _Broken(f"the server answers {status} {(message.headers or {}).get('Description', '')}")
            self._arrived(message)

    async def _receive(self, subscription: Subscription, breaks: int) -> Msg:
        for _ in range(round((EXPIRES_S + 2.0) / LOOK_S)):
            try:
                return await subscription.next_msg(timeout=LOOK_S)
            except NatsTimeout:
                self._behind = 0  # a request is open and nothing comes: nothing waits
                if self._broker.breaks != breaks:
                    raise _Broken("the connection was lost") from None
        raise _Broken("the server has forgotten a request")

    def _arrived(self, message: Msg) -> None:
        facts = message.metadata
        position, delivery = facts.sequence.stream, facts.sequence.consumer
        if delivery != self._delivered + 1:
            raise _Broken(f"delivery {delivery} after {self._delivered}")
        self._delivered = delivery
        if position <= self._last:  # delivered again because it was not acknowledged in time
            return
        if position != self._last + 1 and self._last:  # a new reader has missed nothing
            self.skipped += position - self._last - 1
            logger.warning("the stream no longer has messages %d to %d", self._last + 1, position - 1)
        self._last = position
        time_us = round(facts.timestamp.timestamp() * 1e6)
        with self._changed:
            self._messages.append(Message(position, message.subject, message.data, time_us, self._log))
            self._acks.append((position, message.reply))
            self._behind, self._newest_us = facts.num_pending, time_us
            self._changed.notify()
