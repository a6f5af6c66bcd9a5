"""Records played as a device sends them."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from pipeline.live.faults import Delivery, Faults, with_faults
from pipeline.live.frames import Frame
from pipeline.record_name import patient_name
from pipeline.records import Record
from pipeline.sources.synthetic import SyntheticRecord, demo_ward, synthesise

__all__ = ["FRAME_S", "frames", "play", "synthetic_ward"]

FRAME_S = 1.0
LONGEST_WAIT_S = 0.1  # so that who watches stays in the know


def synthetic_ward(
    patients: int = 8, *, seconds: float = 86400.0, fs: float = 360.0, seed: int = 0
) -> list[SyntheticRecord]:
    """Return synthetic patients whose ten minutes repeat, by name ``ward/bed-1`` and so on.

    Parameters
    ----------
    patients : int
        How many; after ten, their kinds repeat with another heart.
    seconds : float
        Length of a record; it is computed as it is read.
    fs : float
        Rate in Hz.
    seed : int
        Makes the patients.
    """
    scenarios = list(demo_ward().values())
    return [
        synthesise(scenarios[i % len(scenarios)], name=f"ward/bed-{i + 1}", fs=fs, seconds=seconds, seed=seed)
        for i in range(patients)
    ]


def frames(
    record: Record, *, session: str, began_us: int, frame_s: float = FRAME_S, seconds: float = math.inf
) -> Iterator[Frame]:
    """Yield a record as one session of a device, and at last an empty frame that discharges the patient.

    Parameters
    ----------
    record : Record
        What is played; its name is the patient's, as far as a frame's may be it.
    session : str
        Name of the session.
    began_us : int
        When its first sample was taken, in microseconds since 1970 UTC.
    frame_s : float
        Length of a frame in s.
    seconds : float
        How much of it is played.
    """
    number = 0
    until = min(record.n_samples, seconds * record.fs)
    for chunk in record.chunks(frame_s):
        if chunk.start >= until:
            break
        time_us = began_us + round(chunk.start / record.fs * 1e6)
        leads, signal = record.leads, chunk.signal
        if chunk.wave is not None:  # in their own units, which their names tell from voltages
            leads, signal = (*leads, *chunk.waves), np.concatenate([signal, chunk.wave], axis=1)
        yield Frame.of(patient_name(record.name), session, number, time_us, record.fs, leads, signal)
        number += 1
    time_us = began_us + round(until / record.fs * 1e6)
    nothing = np.empty((0, len(record.leads)), np.float32)
    yield Frame.of(patient_name(record.name), session, number, time_us, record.fs, record.leads, nothing, last=True)


def play(
    records: Sequence[Record],
    *,
    session: str,
    began_us: int,
    speed: float,
    clock: Callable[[], float],
    wait: Callable[[float], object],
    frame_s: float = FRAME_S,
    seconds: float = math.inf,
    faults: Faults | None = None,
) -> Iterator[list[Frame]]:
    """Play records together, each frame when it is due; yield those that are due now, or none about ten times a second.

    Whoever takes them too slowly gets more of them at a time.

    Parameters
    ----------
    records : sequence of Record
        What is played, from now on.
    session : str
        Name of the session of each.
    began_us : int
        When the first samples were taken, in microseconds since 1970 UTC.
    speed : float
        Times real time; infinity plays as fast as the frames are taken.
    clock, wait : callable
        Such as :func:`time.monotonic` and :func:`time.sleep`.
    frame_s : float
        Length of a frame in s.
    seconds : float
        How much of each is played.
    faults : Faults, optional
        What goes wrong.

    Raises
    ------
    ValueError
        If the speed is not above 0.
    """
    if not speed > 0:
        raise ValueError(f"a speed of {speed} is not above 0")
    streams = []
    for i, record in enumerate(records):
        sent = frames(record, session=session, began_us=began_us, frame_s=frame_s, seconds=seconds)
        streams.append(_numbered(with_faults(sent, faults or Faults()), i))
    started = clock()
    batch: list[Frame] = []
    for delivery in heapq.merge(*streams):
        due_s = (delivery.due_us - began_us) / 1e6 / speed
        while math.isfinite(speed) and due_s > clock() - started:
            yield batch
            batch = []
            wait(min(max(due_s - (clock() - started), 0.0), LONGEST_WAIT_S))
        batch.append(delivery.frame)
        if len(batch) >= 8 * len(records):
            yield batch
            batch = []
    if batch:
        yield batch


def _numbered(deliveries: Iterator[Delivery], stream: int) -> Iterator[Delivery]:
    """Yield deliveries in an order between streams that never looks at a frame."""
    for delivery in deliveries:
        yield Delivery(delivery.due_us, stream, delivery.frame)
