"""Weeks of a ward through the programs that monitor it, at full speed: whether anything grows."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import Table, func, select

from pipeline.bench.flat import Sample, growing
from pipeline.bench.programs import Programs
from pipeline.bench.repeated import GAIN, RepeatedRecord
from pipeline.clock import now_us
from pipeline.errors import OutputError, SourceUnavailable
from pipeline.live.broker import Broker
from pipeline.live.device import NatsDevice
from pipeline.live.faults import Faults
from pipeline.live.frames import Frame
from pipeline.live.pruner import Pruner
from pipeline.live.replay import play, synthetic_ward
from pipeline.records import Record
from pipeline.storage.database import Database
from pipeline.storage.database.tables import (
    alarms,
    live_beats,
    live_deliveries,
    live_drifts,
    live_gaps,
    live_partitions,
    live_patients,
    live_stays,
)

__all__ = ["Endurance", "endurance"]

PARTITIONS = 64
STREAM_BYTES = 2**28  # that the broker keeps: more than is ever on its way
AHEAD = 6000  # frames that the worker may be behind
LOOK_FRAMES = 500  # frames between two looks at how far it is
LOOK_S = 0.05
PATIENCE_S = 600.0  # how long the worker may stand still
KEPT = 25.0  # results are kept for a share of the time, one of so many, and for a day at the most
BLOCK_H = 1.0  # h of signal that are made, and repeated
# Not in another order: a frame of 10 s cannot be waited for.
FAULTS = Faults(late=0.01, doubled=0.01, dropped=0.002, drift=0.005, lead_off=0.5, reconnects=0.5)
TABLES = {
    "beats": live_beats, "stays": live_stays, "gaps": live_gaps, "drifts": live_drifts, "states": live_patients,
    "undelivered": live_deliveries,
}  # fmt: skip
SETTINGS = {"ECG_LIVE__COMMIT_S": "1"}


@dataclass(frozen=True, slots=True)
class Endurance:
    """What was seen.

    Attributes
    ----------
    patients : int
        How many there were.
    hours : float
        Signal of each that was taken, in h.
    kept_hours : float
        For how long results were kept, in h of signal.
    minutes : float
        How long it took.
    frames, beats, alarms : int
        What was sent, found and told.
    samples : tuple of Sample
        What the programs held, from hour to hour.
    """

    patients: int
    hours: float
    kept_hours: float
    minutes: float
    frames: int
    beats: int
    alarms: int
    samples: tuple[Sample, ...]

    @property
    def growing(self) -> list[str]:
        """What has grown between the first half and the end."""
        return growing(self.samples)


def endurance(
    folder: Path,
    *,
    patients: int,
    hours: float,
    fs: float,
    frame_s: float,
    samples: int,
    seed: int,
    minutes: float = math.inf,
    progress: Callable[[str, float], object],
) -> Endurance:
    """Play synthetic patients to a broker and a worker as fast as they are taken, and look at what both hold.

    The programs are those of a ward: a nats-server and ``ecg-anomaly monitor`` with a SQLite database. Devices lose
    leads, frames and their connection. Results are kept for a part of the time, at most for a day, and dropped by the
    pruner of the monitor, which works here without a pause: its hours pass too fast for the one in the worker. Alarms
    are kept for ever, as they should be.

    Parameters
    ----------
    folder : Path
        Of the programs' files; it should be empty.
    patients : int
        How many, of two leads each.
    hours : float
        Signal of each, in h.
    fs : float
        Its rate in Hz.
    frame_s : float
        Length of a frame in s.
    samples : int
        How often to look.
    seed : int
        Makes the patients and what goes wrong.
    minutes : float
        End after so long, in real time, wherever the signal is.
    progress : callable
        Told what is under way and the share that is done.

    Raises
    ------
    SourceUnavailable
        If nats-server is missing, or the worker stands still or ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept_hours = min(24.0, hours / KEPT)
    progress("patients", 0.0)
    records = _patients(patients, hours, fs, seed)
    began_us, started = now_us() - round(hours * 3.6e9), time.monotonic()
    file = folder / "ecg.db"
    seen: list[Sample] = []
    sent = 0
    with (
        Database.open(f"sqlite:///{file.absolute()}") as database,
        closing(Programs(folder, f"sqlite:///{file.absolute()}", environment=SETTINGS)) as programs,
    ):
        programs.start("broker")
        with _connected(programs.url) as broker:
            broker.make_stream(max_bytes=STREAM_BYTES)
            programs.start("worker 1")
            device = NatsDevice([programs.url])
            with closing(device), _Pruning(database, kept_hours) as pruning:
                behind = _Behind(database, broker, programs)

                def look(at_hours: float, behind_by: int = AHEAD) -> None:
                    behind.wait(behind_by)
                    rows = {name: _count(database, table) for name, table in TABLES.items()}
                    told = _count(database, alarms)
                    seen.append(
                        Sample.of(at_hours, time.monotonic() - started, programs, rows, told, _state(database), file)
                    )

                for batch, at_hours in _played(records, began_us, frame_s):
                    device.send(batch)
                    sent += len(batch)
                    behind.sent(len(batch))
                    if at_hours >= hours * (len(seen) + 1) / samples and len(seen) < samples - 1:
                        look(at_hours)
                    progress(f"{at_hours:,.1f} of {hours:,.0f} h", at_hours / hours)
                    if time.monotonic() - started > 60.0 * minutes:
                        break
                look(at_hours, 0)
            told, left = _count(database, alarms), _count(database, live_beats)
    return Endurance(
        patients=patients,
        hours=seen[-1].hours,
        kept_hours=kept_hours,
        minutes=(time.monotonic() - started) / 60,
        frames=sent,
        beats=left + pruning.dropped,
        alarms=told,
        samples=tuple(seen),
    )


def _patients(patients: int, hours: float, fs: float, seed: int) -> list[RepeatedRecord]:
    """Return patients of whom an hour follows itself: to make all of it anew would take longer than to score it."""
    made = []
    for record in synthetic_ward(patients, seconds=3600.0 * min(hours, BLOCK_H), fs=fs, seed=seed):
        signal = np.concatenate([chunk.signal for chunk in record.chunks()])
        block = np.round(np.nan_to_num(signal) * GAIN).astype(np.int16)
        made.append(RepeatedRecord.of(block, name=record.name, fs=fs, hours=hours))
    return made


def _played(records: Sequence[Record], began_us: int, frame_s: float) -> Iterator[tuple[list[Frame], float]]:
    """Yield frames as they come, and how far in the signal the last one is, in h."""
    at_hours = 0.0
    for batch in play(
        records,
        session="s",
        began_us=began_us,
        speed=math.inf,
        clock=time.monotonic,
        wait=time.sleep,
        frame_s=frame_s,
        faults=FAULTS,
    ):
        at_hours = max([at_hours, *((frame.stop_us - began_us) / 3.6e9 for frame in batch)])
        yield batch, at_hours


def _connected(url: str) -> Broker:
    for _ in range(50):
        try:
            return Broker([url])
        except SourceUnavailable:
            time.sleep(0.1)  # it is being started
    return Broker([url])


def _count(database: Database, table: Table) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _state(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.max(func.length(live_patients.c.state)))).scalar_one() or 0)


class _Behind:
    """How far the worker is behind the device."""

    def __init__(self, database: Database, broker: Broker, programs: Programs) -> None:
        self._database, self._broker, self._programs = database, broker, programs
        self._sent = 0

    def sent(self, frames: int) -> None:
        """Take note of frames that were sent; wait where the worker is too far behind."""
        self._sent += frames
        if self._sent >= LOOK_FRAMES:
            self._sent = 0
            self.wait(AHEAD)

    def wait(self, most: int) -> None:
        """Wait until the worker is no more than so many frames behind."""
        end = self._broker.run(self._broker.look())[1]
        at, deadline = -1, time.monotonic() + PATIENCE_S
        while True:
            with self._database.reading() as connection:
                asked = select(func.min(live_partitions.c.position), func.count())
                position, partitions = connection.execute(asked).one()
            if partitions == PARTITIONS and end - position <= most:
                return
            if position != at:
                at, deadline = position, time.monotonic() + PATIENCE_S
            if self._programs.ended("worker 1") or time.monotonic() > deadline:
                raise SourceUnavailable(f"the worker stands still at message {at} of {end}: see worker.log")
            time.sleep(LOOK_S)  # another process works, and tells nobody


class _Pruning:
    """Drops old results again and again, in a thread of its own. A context manager.

    Attributes
    ----------
    dropped : int
        Beats that were dropped.
    """

    def __init__(self, database: Database, kept_hours: float) -> None:
        self.dropped = 0
        partitions = set(range(PARTITIONS))
        self._pruner = Pruner(database, lambda: partitions, PARTITIONS, keep_days=kept_hours / 24.0, clock=now_us)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pruning", daemon=True)

    def __enter__(self) -> _Pruning:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(0.2):
            try:
                self.dropped += self._pruner.prune()
            except OutputError:  # the database is busy; what is old is dropped later
                continue
