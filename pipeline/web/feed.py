"""What a monitor without a broker shows: synthetic patients, or records, played as devices would send them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

from pipeline.clock import now_us
from pipeline.live.engine import Engine
from pipeline.live.frames import Frame
from pipeline.live.replay import play, synthetic_ward
from pipeline.records import Chunk, Record
from pipeline.sources.synthetic import demo_ward

__all__ = ["demo_patients", "play_records", "play_ward"]

WARM_S = 300.0  # s of signal taken in before the page shows anything: the patients are known, and there is a past
WARM_FRAME_S = 10.0  # s in a frame of it
FRAME_S = 0.2  # s in a frame then: what is drawn is no older than that and the page's own buffer
TICK_S = 1.0
LEFT_OUT = {"synth/drift", "synth/ischaemia"}  # of the ten kinds: in these nothing stands out for minutes


def demo_patients(seed: int = 0) -> list[Record]:
    """Return eight synthetic patients, one of each kind that a page should show."""
    kinds = demo_ward()
    ward = synthetic_ward(len(kinds), seed=seed)
    return [record for record, kind in zip(ward, kinds, strict=True) if kind not in LEFT_OUT]


def play_ward(engine: Engine, records: Sequence[Record], stop: threading.Event, *, warm_s: float = WARM_S) -> None:
    """Play records of one rate in real time until told to stop, the first ``warm_s`` as fast as can be."""
    began = time.monotonic() - warm_s
    began_us = now_us() - round(warm_s * 1e6)
    streams = [_frames(record, began_us, warm_s) for record in records]
    for batch in zip(*streams, strict=False):
        until_s = (batch[0].time_us - began_us) / 1e6 + len(batch[0].samples) / batch[0].fs
        if stop.wait(max(0.0, began + until_s - time.monotonic())):
            return
        engine.take(batch)


def play_records(engine: Engine, records: Sequence[Record], stop: threading.Event, *, speed: float) -> None:
    """Play records until they are over or told to stop; then keep telling how the patients do."""
    began_us = now_us()
    playing = play(
        records,
        session=f"replay-{began_us}",
        began_us=began_us,
        speed=speed,
        clock=time.monotonic,
        wait=stop.wait,
        frame_s=FRAME_S * max(1.0, min(speed, 5.0)),
    )
    for batch in playing:
        if stop.is_set():
            return
        engine.take(batch)
    while not stop.wait(TICK_S):
        engine.tick()


def _frames(record: Record, began_us: int, warm_s: float) -> Iterator[Frame]:
    session = f"demo-{began_us}"
    for number, chunk in enumerate(_pieces(record, warm_s)):
        time_us = began_us + round(chunk.start / record.fs * 1e6)
        yield Frame.of(record.name, session, number, time_us, record.fs, record.leads, chunk.signal)


def _pieces(record: Record, warm_s: float) -> Iterator[Chunk]:
    """Yield long pieces of what is past, short ones from then on."""
    for chunk in record.chunks(WARM_FRAME_S):
        size = len(chunk.signal) if chunk.stop <= warm_s * chunk.fs else round(FRAME_S * chunk.fs)
        for first in range(0, len(chunk.signal), size):
            yield Chunk(chunk.record, chunk.start + first, chunk.fs, chunk.leads, chunk.signal[first : first + size])
