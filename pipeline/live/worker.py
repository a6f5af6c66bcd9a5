"""A worker: frames from the stream, through the engine, into the database; at least once in, exactly once out."""

from __future__ import annotations

import logging
import secrets
import socket
import threading
from collections.abc import Callable, Collection, Mapping, Sequence

from pipeline.clock import Steady
from pipeline.errors import FrameError, LeaseLost, OutputError, RowsRefused, SourceUnavailable
from pipeline.live.aside import Aside
from pipeline.live.backlog import BacklogWatch
from pipeline.live.broker import Broker, patient_of
from pipeline.live.engine import Engine
from pipeline.live.frames import Frame, decode, is_patient
from pipeline.live.lease_watch import LeaseWatch
from pipeline.live.ledger import Ledger
from pipeline.live.listener import Intake
from pipeline.live.log_limit import LogLimit
from pipeline.live.partitions import Partitions
from pipeline.live.reader import Message, Reader
from pipeline.live.room import Room
from pipeline.records import Alarm
from pipeline.settings import LiveSettings
from pipeline.storage.database import Database, PatientState, partition_of

__all__ = ["Worker"]

BATCH = 512  # frames taken at a time
PAUSE_S = 0.1  # s between two transactions
RETRY_S = 1.0  # s between two tries while the database is away
ROOM = 20_000  # frames that are taken in ahead of a database that is away
SILENT_S = 60.0  # s of silence after which a patient rests at once where there is no room for another
TOLD_S = 600.0  # s between two alarms that there is no room

logger = logging.getLogger(__name__)


class Worker:
    """Monitor the patients of some partitions.

    The stream is read in order. What a frame brought about is stored in one transaction with the patient's state and
    the position of the frame, and acknowledged after that; so a worker that dies anywhere is replaced by one that
    reads again from there, and what comes out is the same. Patients with an alarm are stored at once, the others a few
    seconds later. A lease in the database gives each partition one owner, and no transaction passes without it.

    Parameters
    ----------
    broker : Broker
        Where frames come from.
    database : Database
        Where leases, states and results are.
    engine : Engine
        What scores; new, and for this worker alone.
    partitions : Partitions
        Which patients.
    clock : callable
        Returns the time now, in microseconds since 1970 UTC.
    settings : LiveSettings, optional
        How soon results are stored, and how long a lease is.
    sinks : sequence of str
        Names of those that alarms are delivered to.
    aside : Aside, optional
        Where states are kept that cannot be used.

    Attributes
    ----------
    owner : str
        This worker's name in leases; no other process ever has it.
    owned : set of int
        The partitions that it holds.
    troubles : int
        Times that the database could not be used.
    """

    def __init__(
        self,
        broker: Broker,
        database: Database,
        engine: Engine,
        partitions: Partitions,
        *,
        clock: Callable[[], int],
        settings: LiveSettings | None = None,
        sinks: Sequence[str] = (),
        aside: Aside | None = None,
    ) -> None:
        self.owner = f"{socket.gethostname()[:60]}-{secrets.token_hex(8)}"
        self.owned: set[int] = set()
        self._backlog = BacklogWatch(lambda message: self._tell("backlog", message))
        self.troubles = 0
        self._broker, self._database, self._engine = broker, database, engine
        self._partitions = partitions
        self._clock, self._steady = clock, Steady(clock)  # the second for waits: the first may be set
        settings = settings or LiveSettings()
        self._commit_us, self._lease_us = round(settings.commit_s * 1e6), round(settings.lease_s * 1e6)
        self._renew_us = self._lease_us // 3
        self._watch = LeaseWatch(self._lease_us)
        self._gather_s = settings.gather_s
        self._sinks = tuple(sinks)
        self._ledger = Ledger()
        self._reader: Reader | None = None
        self._log = ""
        self._taken: dict[int, int] = {}  # partition -> position up to which its frames are taken in
        self._reached: dict[str, int] = {}  # patient -> position of the last frame in the state that was restored
        self._position = 0  # of the message that was last taken in
        self._asked_us = self._stored_us = self._rested_us = 0
        self._quiet_until_us = 0
        self._started_us, self._began_us = clock(), self._steady()
        self._refused = self._dropped = 0
        self._rest_us = round(settings.rest_s * 1e6)
        self._resting: set[str] = set()  # patients who have left memory, and are where they were in the database
        self._held: list[Message] = []  # messages of such patients, while the database is away
        self._most, self._most_a_site = settings.most_patients, settings.most_patients_a_site
        self._full_us = 0  # when a person was last told that there is no room
        self._notices: dict[str, str] = {}  # kind -> message, until a person is told
        self._aside = aside
        self._lines = LogLimit()
        engine.on_failure = self._keep_aside
        self._stopping = threading.Event()

    @property
    def intake(self) -> Intake:
        """How frames come in."""
        return self._backlog.intake

    @property
    def trouble(self) -> str | None:
        """What keeps it from working now, or None."""
        if not self.owned:
            return "it holds no partition"
        return "the database is away" if self._steady() < self._quiet_until_us else None

    def run(self) -> None:
        """Work until told to stop; then store everything and let go of the partitions."""
        try:
            while not self._stopping.is_set():
                self.step()
            try:
                self._store(everything=True)
                self._database.live.release(self.owner)
            except OutputError as error:
                logger.warning("%s; what is not stored will be read again", error)
        finally:
            if self._reader is not None:
                self._reader.close(forget=True)

    def stop(self) -> None:
        """Tell it to stop; from any thread, or from a signal's handler."""
        self._stopping.set()

    def step(self) -> None:
        """Take in what is there, and store what is due; waits a moment where nothing is."""
        try:
            self._keep_leases()
        except LeaseLost as error:
            self._lose(error)
        except OutputError as error:
            self._database_is_away(error)
        messages = self._held or self._read()
        try:
            self._wake(messages)
            self._held = []
        except OutputError as error:
            self._held, messages = messages, []
            self._database_is_away(error)
            self._stopping.wait(PAUSE_S)
        if messages:
            self._take(messages)
        else:
            self._ledger.found(self._engine.tick(), self._position, self._steady())
        try:
            self._measure()
            self._store()
            self._rest()
        except LeaseLost as error:
            self._lose(error)
        except OutputError as error:
            self._database_is_away(error)

    def _keep_leases(self) -> None:
        """Ask for partitions that it does not hold, now and then, and take over what is free."""
        now, wall = self._steady(), self._clock()
        missing = set(self._partitions.numbers) - self.owned
        if not missing or now < max(self._asked_us + self._renew_us, self._quiet_until_us):
            return
        self._asked_us = now
        if not self.owned:
            try:
                self._log = self._broker.log()
            except SourceUnavailable as error:
                logger.warning("%s", error)
                return
        stale = self._watch.stale(self._database.live.leases(missing), now, wall)
        got = self._database.live.acquire(
            self.owner, missing, self._partitions.of, now_us=wall, until_us=wall + self._lease_us, stale=stale
        )
        if got:
            self._restore(got)

    def _restore(self, got: dict[int, tuple[int, str]]) -> None:
        for state in self._database.live.states(got):
            self._revive(state)
            self._reached[state.patient] = state.position if state.log == self._log else 0
        for partition, (position, log) in got.items():
            self._taken[partition] = position if log == self._log else 0
        self.owned |= set(got)
        logger.info("%s holds %d partitions of %s", self.owner, len(self.owned), self._partitions)
        self._close_reader()
        self._position = min(self._taken.values())
        self._reader = Reader(self._broker, self.owner, self._position, self._log)

    def _read(self) -> list[Message]:
        if self._reader is None or self._ledger.frames > ROOM:
            self._stopping.wait(PAUSE_S)
            return []
        messages = self._reader.take(BATCH, PAUSE_S)
        if messages and len(messages) < BATCH and self._gather_s:
            self._stopping.wait(self._gather_s)  # the beats of many patients cost the network little more than one's
            messages += self._reader.take(BATCH - len(messages), 0.0)
        return messages

    def _take(self, messages: Sequence[Message]) -> None:
        now = self._steady()
        frames: list[Frame] = []
        room = self._make_room(messages, now)
        for message in messages:
            if message.log != self._log:
                self._begin_log(message.log)
            partition = partition_of(patient_of(message.subject), self._partitions.of)
            if partition not in self.owned or message.position <= self._taken[partition]:
                continue
            name = patient_of(message.subject)
            if message.position <= self._reached.get(name, 0):
                continue
            is_named = is_patient(name)
            if is_named and not self._admits(name, room, now):
                continue
            frame = self._frame(message)
            if is_named:
                self._ledger.took(name, message.position, now)
            if frame is not None:
                frames.append(frame)
        found = self._engine.take(frames)
        self._position = messages[-1].position
        self._ledger.found(found, self._position, now)
        for partition in self.owned:
            self._taken[partition] = max(self._taken[partition], self._position)

    def _frame(self, message: Message) -> Frame | None:
        patient = patient_of(message.subject)
        try:
            if not is_patient(patient):
                raise FrameError(f"subject {message.subject!r} names no patient")
            frame = decode(message.data)
            if frame.patient != patient:
                raise FrameError(f"a frame of {frame.patient} was published as {patient}'s")
        except Exception as error:  # whatever a message brings about, the next one is read
            self._refused += 1
            if self._lines.admits(patient, self._clock()):
                logger.warning(
                    "message %d refused: %s%s", message.position, error, self._lines.left_out(),
                    exc_info=None if isinstance(error, FrameError) else error,
                )  # fmt: skip
            if is_patient(patient):
                self._engine.refuse(patient, message.time_us, str(error))
            return None
        return frame

    def _admits(self, name: str, room: Room, now: int) -> bool:
        """Tell whether a patient may be monitored; whether there is no room, a person is told."""
        if room.admits(name):
            return True
        self._refused += 1
        if now - self._full_us > TOLD_S * 1e6:
            self._full_us = now
            there = f"{len(self._engine):,} patients are monitored"
            self._notices["too many patients"] = f"there is no room for {name:.60}: {there}"
        return False

    def _make_room(self, messages: Sequence[Message], now: int) -> Room:
        """Return the room for patients; where somebody new finds none, those rest who have been silent for a while."""
        room = Room(self._engine.patients, self._most, self._most_a_site)
        if room.is_full and any(patient_of(message.subject) not in self._engine for message in messages):
            self._rest_now(round(SILENT_S * 1e6))
            room = Room(self._engine.patients, self._most, self._most_a_site)
        return room

    def _begin_log(self, log: str) -> None:
        """Follow a stream that was made anew; the frames themselves tell what was taken in before."""
        self._log = log
        self._taken = dict.fromkeys(self._taken, 0)
        self._reached = {}
        self._position = 0
        self._ledger.rebase()

    def _measure(self) -> None:
        while self._notices and self.owned:
            kind = next(iter(self._notices))
            self._tell(kind, self._notices[kind])
            del self._notices[kind]
        if self._reader is None:
            return
        waiting, oldest_us = self._reader.backlog
        dropped = self._dropped + self._reader.skipped
        intake = self._backlog.look(self._clock(), oldest_us, waiting, refused=self._refused, dropped=dropped)
        if self._engine.on_intake is not None:
            self._engine.on_intake(intake)

    def _tell(self, kind: str, message: str) -> None:
        """Raise an alarm about this worker itself."""
        logger.warning("%s: %s", self.owner, message)
        now, at = self._clock(), (self._steady() - self._began_us) / 1e6
        self._database.live.tell(
            f"monitor/{self.owner}",
            Alarm("monitor", kind, "medium", False, at, at, -1, -1, message),
            now_us=now,
            started_at_us=self._started_us,
            partition=min(self.owned),
            sinks=self._sinks,
        )

    def _store(self, *, everything: bool = False) -> None:
        now = self._steady()
        if not self.owned or now < (0 if everything else max(self._stored_us + PAUSE_S * 1e6, self._quiet_until_us)):
            return
        if everything:
            self._ledger.found(self._engine.settle(), self._position, now)
            due = self._ledger.patients()
        else:
            late = self._ledger.due(now - self._commit_us)
            due = [name for name in late if not self._engine.is_filling(name)]
        if not due and now < self._stored_us + self._renew_us:
            return
        states = {name: self._engine.snapshot(name) for name in due}
        try:
            self._commit(due, states)
        except RowsRefused as error:
            logger.error("%s: each patient is stored alone", error)
            for name in due:
                self._commit_alone(name, states[name])
        self._stored_us = now

    def _commit_alone(self, name: str, state: bytes) -> None:
        """Store one patient; what the database does not take of it is left out, and the others go on."""
        try:
            self._commit([name], {name: state})
        except RowsRefused as error:
            self._engine.begin_anew(name, error, state)
            self._ledger.drop(name)
            self._commit([name], {name: self._engine.snapshot(name)})

    def _commit(self, due: Sequence[str], states: Mapping[str, bytes]) -> None:
        now = self._clock()
        positions = self._positions(set(due))
        self._database.live.commit(
            self.owner,
            self._partitions.of,
            now_us=now,
            until_us=now + self._lease_us,
            positions=positions,
            log=self._log,
            states=[PatientState(name, self._ledger.last(name), self._log, states[name]) for name in due],
            results=self._ledger.results(due),
            sinks=self._sinks,
        )
        self._ledger.close(due)
        if self._reader is not None:
            self._reader.acknowledge(min(positions.values()))

    def _rest(self) -> None:
        """Let patients who have been silent for long leave memory: their states are stored."""
        now = self._steady()
        if not self.owned or now < self._rested_us + min(self._renew_us, self._rest_us):
            return
        self._rested_us = now
        self._rest_now(self._rest_us)

    def _rest_now(self, silent_us: int) -> None:
        unstored = set(self._ledger.patients())
        for name in self._engine.silent(silent_us):
            if name not in unstored:
                self._engine.discharge(name)
                self._resting.add(name)

    def _wake(self, messages: Sequence[Message]) -> None:
        """Bring back the patients at rest who have something to say."""
        if not self._resting:
            return
        for name in self._resting.intersection(patient_of(message.subject) for message in messages):
            state = self._database.live.state(name)
            if state is not None:
                self._revive(state)
            self._resting.discard(name)

    def _revive(self, state: PatientState) -> None:
        try:
            self._engine.restore(state.patient, state.state)
        except Exception as error:  # a state that cannot be used is that patient's new start
            self._engine.begin_anew(state.patient, error, state.state)

    def _keep_aside(self, patient: str, error: Exception, state: bytes | None) -> None:
        if self._aside is not None:
            self._aside.keep(patient, error, state, at_us=self._clock())

    def _positions(self, stored: Collection[str]) -> dict[int, int]:
        """Return the position up to which each partition is stored, once some patients are."""
        positions = dict(self._taken)
        for name, first in self._ledger.floor(stored).items():
            partition = partition_of(name, self._partitions.of)
            positions[partition] = min(positions[partition], first - 1)
        return positions

    def _lose(self, error: LeaseLost) -> None:
        """Drop everything that another worker has taken over, or may have."""
        logger.warning("%s; it starts from what is stored", error)
        for patient in self._engine.patients:
            self._engine.discharge(patient)
        self._ledger.clear()
        self._resting, self._held = set(), []
        self._close_reader()
        self.owned, self._taken, self._reached = set(), {}, {}

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._dropped += self._reader.skipped
            self._reader.close()
        self._reader = None

    def _database_is_away(self, error: OutputError) -> None:
        logger.warning("%s", error)
        self.troubles += 1
        self._quiet_until_us = self._steady() + round(RETRY_S * 1e6)
