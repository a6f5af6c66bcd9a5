"""What nats-server makes of an MQTT topic, for devices that send over MQTT."""

from __future__ import annotations

from pipeline.errors import FrameError

__all__ = ["subject_of_topic"]

LONGEST = 65_535  # bytes, says MQTT


def subject_of_topic(topic: str) -> str:
    """Return the NATS subject under which a message to a topic arrives.

    nats-server 2.9 turns slashes into dots, and an empty level into a level of its own, ``/``. Where a topic has a dot
    or a blank it closes the connection, and what was sent on it is lost; wildcards are for subscribers.

    Raises
    ------
    FrameError
        If the broker would not take it.

    >>> subject_of_topic("ecg/ward/bed-1")
    'ecg.ward.bed-1'
    """
    if not topic or len(topic.encode("utf-8", "replace")) > LONGEST:
        raise FrameError(f"a topic of {len(topic)} characters is none")
    for letter, name in ((".", "a dot"), (" ", "a blank"), ("\0", "a NUL"), ("+", "a wildcard"), ("#", "a wildcard")):
        if letter in topic:
            raise FrameError(f"topic {topic!r:.100} has {name}: the broker closes the connection and the frame is lost")
    levels = topic.split("/")
    return ".".join(level or "/" for level in levels)
