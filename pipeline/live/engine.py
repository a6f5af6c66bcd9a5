"""The engine: frames of many patients in, scored beats, alarms and gaps out."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import msgpack

from pipeline.clock import Steady
from pipeline.detection.model import BeatModel
from pipeline.errors import FrameError, SnapshotError
from pipeline.explain.explanation import Explanation
from pipeline.explain.witness import Witness
from pipeline.live.filling import Fillings
from pipeline.live.frames import Frame
from pipeline.live.hearing import DROPPED_S
from pipeline.live.listener import Intake, Listener, Status
from pipeline.live.log_limit import LogLimit
from pipeline.live.patient import SILENT_S, Patient
from pipeline.live.results import Result, Totals, findings_of_alarms
from pipeline.live.stays import Counts, Stay, Step
from pipeline.monitor import Monitor
from pipeline.records import Alarm, Chunk, Findings, Gap
from pipeline.settings import AlarmSettings, ThresholdSettings
from pipeline.snapshot import seal, unseal
from pipeline.ward import Ward

__all__ = ["Engine"]

VERSION = 2
STATUS_S = 1.0  # s between two words about a patient whose state has not changed

logger = logging.getLogger(__name__)


class Engine:
    """Monitor many patients from their frames.

    Frames are put in order patient by patient (:class:`~pipeline.live.sequencer.Sequencer`) and scored together
    (:class:`~pipeline.ward.Ward`). What comes out depends on each patient's frames and their order alone. It belongs
    to one thread.

    Nothing that one patient's frames or state bring about reaches another: whatever fails there, that patient begins
    anew, its state is kept aside and a person is told. So is a person where frames come and beats do not
    (:class:`~pipeline.live.hearing.Hearing`).

    Parameters
    ----------
    model : BeatModel
        What a new patient starts from.
    threshold : ThresholdSettings, optional
        The declared false-alarm rate.
    alarms : AlarmSettings, optional
        When a person is told.
    clock : callable
        Returns the time now, in microseconds since 1970 UTC.
    is_live : bool
        False for a replay whose times have nothing to do with the clock's.
    watch : callable
        Returns what follows a patient: a :class:`pipeline.explain.witness.Witness` where beats are to be explained.

    Attributes
    ----------
    listeners : list of Listener
        Who hears of everything, in order for each patient.
    totals : Totals
        What was done.
    on_intake : callable or None
        Told by whoever feeds the engine from a broker how that goes. It must return at once.
    on_failure : callable or None
        Told of a patient that begins anew, why, and its state as far as there is one, to be kept aside.
    """

    def __init__(
        self,
        model: BeatModel,
        *,
        threshold: ThresholdSettings | None = None,
        alarms: AlarmSettings | None = None,
        clock: Callable[[], int],
        is_live: bool = True,
        watch: Callable[..., Monitor] = Monitor,
    ) -> None:
        self.listeners: list[Listener] = []
        self.totals = Totals()
        self.on_intake: Callable[[Intake], None] | None = None
        self.on_failure: Callable[[str, Exception, bytes | None], None] | None = None
        self._ward = Ward(model, threshold=threshold, alarms=alarms, watch=watch)
        self._patients: dict[str, Patient] = {}
        self._gone = Counts()  # of patients who have left memory
        self._clock, self._steady = clock, Steady(clock)  # the second for waits: the first may be set
        self._is_live = is_live
        self._chunks: list[Chunk] = []
        self._results: list[Result] = []
        self._fillings = Fillings()
        # That are to hold, and that hold: another thread may say at any moment that others are to.
        self._limits: Mapping[str, Mapping[str, float]] | None = None
        self._limits_in_force: Mapping[str, Mapping[str, float]] | None = None
        self._swept_us = 0
        self._lines = LogLimit()

    def __len__(self) -> int:
        return len(self._patients)

    def __contains__(self, patient: str) -> bool:
        return patient in self._patients

    @property
    def patients(self) -> list[str]:
        """Names of the patients, those that were discharged among them."""
        return list(self._patients)

    def counts(self) -> Counts:
        """Return what became of the frames that this engine took, of all patients; any thread may ask."""
        counts = replace(self._gone)
        for patient in list(self._patients.values()):
            counts.add(patient.counts())
        return counts

    def deaf(self) -> list[str]:
        """Return the patients whose frames come and whose beats do not; any thread may ask."""
        now = self._steady()
        return [name for name, patient in list(self._patients.items()) if patient.is_deaf(now)]

    def take(self, frames: Iterable[Frame]) -> list[Result]:
        """Take frames of any number of patients; return what came out, in order for each patient.

        A frame that cannot be taken in is counted and logged, and the others go on.
        """
        now = self._steady()
        names = set()
        for frame in frames:
            names.add(frame.patient)
            self._take(frame, now)
        return self._finish(now, names)

    def refuse(self, patient: str, at_us: int, why: str) -> None:
        """Take note that something came for a patient that is no frame.

        Parameters
        ----------
        patient : str
            The patient's name.
        at_us : int
            When it came, in microseconds since 1970 UTC.
        why : str
            What is wrong with it.
        """
        entry = self._admit(patient, self._steady())
        entry.stay = entry.stay or Stay("-", at_us, 250.0, ("-",))  # what it may be, nobody knows
        self._hear_all(entry, entry.hearing.dropped(entry.since_refused(at_us), why, entry.sequencer.until_s))

    def begin_anew(self, patient: str, error: Exception, state: bytes | None = None) -> None:
        """Let a patient begin anew because of what its frames or state brought about; the others go on.

        Parameters
        ----------
        patient : str
            The patient's name.
        error : Exception
            What was brought about.
        state : bytes, optional
            The state, to be kept aside.
        """
        now = self._steady()
        entry = self._admit(patient, now)
        is_expected = isinstance(error, SnapshotError)
        if self._lines.admits(patient, now):
            more = self._lines.left_out()
            logger.error("%s begins anew: %r%s", patient, error, more, exc_info=None if is_expected else error)
        self.totals.anew += 1
        if self.on_failure is not None:
            self.on_failure(patient, error, state)
        at_s = entry.sequencer.until_s
        self._chunks = [chunk for chunk in self._chunks if chunk.record != patient]
        self._fillings.forget(patient)
        if patient in self._ward:
            self._ward.discharge(patient)
        entry.hearing.ended += entry.close_all(at_s)
        entry.begin_anew()
        alarm = entry.hearing.anew(at_s, type(error).__name__ if not is_expected else str(error))
        if entry.stay is None:
            entry.to_tell.append(alarm)  # with its next frame
        else:
            self._hear_all(entry, [alarm])

    def set_limits(self, limits: Mapping[str, Mapping[str, float]]) -> None:
        """Let these limits of alarms hold from the next frames on, by patient; any thread may say so.

        Parameters
        ----------
        limits : mapping
            For each patient who has other limits than usual, these by name, see :data:`pipeline.alarm_limits.LIMITS`.
        """
        self._limits = limits

    def flush(self) -> list[Result]:
        """Give up what is missing, for all patients: nothing more comes for a while."""
        for name, patient in list(self._patients.items()):
            sequencer = patient.sequencer
            self._follow_all(name, patient, sequencer.flush())
        return self.settle()

    def tick(self) -> list[Result]:
        """Tell listeners whose stream is late, and go on with long gaps; to be called when no frames come."""
        return self._finish(self._steady(), self._patients)

    def is_filling(self, patient: str) -> bool:
        """Tell whether a patient's signal waits behind a long gap: its state is not to be stored now."""
        return self._fillings.is_waiting(patient)

    def settle(self) -> list[Result]:
        """Fill all gaps to their end; return what came out."""
        self._chunks += self._fillings.settle_all()
        return self._finish(self._steady(), ())

    def silent(self, for_us: int) -> list[str]:
        """Return the patients of whom nothing was heard for so many microseconds."""
        since_us = self._steady() - for_us
        return [name for name, patient in self._patients.items() if patient.heard_us < since_us]

    def discharge(self, patient: str) -> None:
        """Forget a patient.

        Raises
        ------
        KeyError
            If there is no such patient.
        """
        self._gone.add(self._patients.pop(patient).counts())
        self._fillings.forget(patient)
        if patient in self._ward:
            self._ward.discharge(patient)

    def explain(self, patient: str, beat: int) -> Explanation:
        """Say why a patient's beat got its score; another thread than the one that feeds the engine may ask.

        Raises
        ------
        ValueError
            If there is no such patient or beat, it is no longer remembered, or nothing is.
        """
        monitor = self._ward.monitor(patient) if patient in self._ward else None
        if not isinstance(monitor, Witness):
            raise ValueError(f"nothing is remembered of {patient}")
        return monitor.explain(beat, gates=False)

    def status(self, patient: str) -> Status:
        """Return how a patient's stream does.

        Raises
        ------
        KeyError
            If there is no such patient.
        """
        return self._status(patient, self._steady())

    def snapshot(self, patient: str) -> bytes:
        """Return a patient's whole state, at most 64 KB, so that :meth:`restore` goes on from here.

        A gap that is being filled is filled to its end; what that brings out comes with the next results. A patient
        whose state cannot be told begins anew.

        Raises
        ------
        KeyError
            If there is no such patient.
        """
        if patient not in self._patients:
            raise KeyError(patient)
        try:
            return self._snapshot(patient)
        except Exception as error:  # of this patient alone
            self.begin_anew(patient, error)
            return self._snapshot(patient)

    def restore(self, patient: str, state: bytes) -> None:
        """Continue a patient from a state.

        Raises
        ------
        SnapshotError
            If it is damaged, of another version, or was made with another model.
        """
        try:
            version, *parts = msgpack.unpackb(unseal(state))
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise SnapshotError(f"{patient}: a state is damaged ({error!r:.100}): start the patient anew") from error
        except SnapshotError as error:
            raise SnapshotError(f"{patient}: {error}") from error
        if version != VERSION:
            raise SnapshotError(f"{patient}: a state has version {version}, this version reads {VERSION}")
        if patient in self._patients:
            self.discharge(patient)
        restored = Patient(patient)
        try:
            sequence, monitor, rest = parts
            restored.restore(sequence, rest)
            if restored.sequencer.stay is not None:
                fed = round(restored.sequencer.until_s * restored.sequencer.stay.fs)
                self._fillings.begin(patient, fed)
            if monitor is not None:
                self._ward.restore(patient, monitor)
                if (other := self._ward.monitor(patient).record) not in (None, patient):
                    raise SnapshotError(f"{patient}: a state is of another patient, {other!r:.100}")
        except Exception as error:
            self._fillings.forget(patient)
            if patient in self._ward:
                self._ward.discharge(patient)
            if isinstance(error, SnapshotError):
                raise
            raise SnapshotError(f"{patient}: a state cannot be used ({error!r:.99}): start the patient anew") from error
        restored.heard_us = self._steady()
        self._patients[patient] = restored

    def _snapshot(self, patient: str) -> bytes:
        entry = self._patients[patient]
        self._chunks += self._fillings.settle(patient)
        self._score()
        monitor = None
        if entry.sequencer.stay is not None and patient in self._ward:
            monitor = self._ward.monitor(patient).snapshot()
        sequence, rest = entry.snapshot()
        return seal(bytes(msgpack.packb([VERSION, sequence, monitor, rest])))

    def _admit(self, patient: str, now: int) -> Patient:
        entry = self._patients.get(patient)
        if entry is None:
            entry = self._patients[patient] = Patient(patient)
        entry.heard_us = now
        return entry

    def _take(self, frame: Frame, now: int) -> None:
        """Take one frame; whatever fails is its patient's alone."""
        name = frame.patient
        patient = self._admit(name, now)
        sequencer, dropped_s, length_s = patient.sequencer, patient.sequencer.dropped_s, len(frame.samples) / frame.fs
        doubled = sequencer.counts.doubled
        try:
            self._follow_all(name, patient, sequencer.push(frame))
        except FrameError as error:
            self.totals.refused += 1
            if self._lines.admits(name, now):
                logger.warning("frame %d refused: %s%s", frame.sequence, error, self._lines.left_out())
            patient.stay = patient.stay or Stay(frame.session, frame.time_us, frame.fs, frame.leads)
            self._hear_all(patient, patient.hearing.dropped(length_s, str(error), sequencer.until_s))
            return
        if patient.sequencer is not sequencer:  # it failed
            patient.stay = patient.stay or Stay(frame.session, frame.time_us, frame.fs, frame.leads)
            self._hear_all(patient, patient.hearing.dropped(length_s, "its monitor fails", patient.sequencer.until_s))
        elif sequencer.dropped_s > dropped_s:
            lost_s = sequencer.dropped_s - dropped_s
            self._hear_all(patient, patient.hearing.dropped(lost_s, sequencer.dropped_for, sequencer.until_s))
        elif patient.is_stuck(now, is_twin=sequencer.counts.doubled > doubled) and patient.stay is not None:
            why = "the same frames come again and again"
            self._hear_all(patient, patient.hearing.dropped(DROPPED_S, why, sequencer.until_s))
        if patient.to_tell and patient.stay is not None:
            alarms, patient.to_tell = patient.to_tell, []
            self._hear_all(patient, alarms)

    def _follow_all(self, name: str, patient: Patient, steps: Iterable[Step]) -> None:
        """Do what frames have brought about, until it fails."""
        sequencer = patient.sequencer
        try:
            for step in steps:
                self._follow(patient, step)
                if patient.sequencer is not sequencer:  # it has begun anew, and these steps are of before
                    return
        except FrameError:
            raise
        except Exception as error:  # of this patient alone
            self.begin_anew(name, error, self._state_of(name))

    def _state_of(self, name: str) -> bytes | None:
        """Return a patient's state although something has failed, as far as it can be told."""
        try:
            sequence, rest = self._patients[name].snapshot()
            monitor = self._ward.monitor(name).snapshot() if name in self._ward else None
            return seal(bytes(msgpack.packb([VERSION, sequence, monitor, rest])))
        except Exception:
            return None

    def _follow(self, patient: Patient, step: Step) -> None:
        """Do what a frame has brought about."""
        if isinstance(step, Chunk):
            patient.hearing.took(len(step.signal) / step.fs, step.stop / step.fs)
            self._chunks += self._fillings.put(step)
            self._listen("signal", step)
        elif isinstance(step, Gap):
            assert patient.stay is not None  # noqa: S101 - what is lost belongs to a stay
            patient.hearing.lost(step)
            self._results.append(Result(patient.stay, None, step))
            self._listen("gap", step)
        else:
            name = patient.sequencer.patient
            sequencer = patient.sequencer
            self._chunks += self._fillings.settle(name)
            self._score()  # what was before a stay began or ended
            if patient.sequencer is not sequencer:
                return
            if isinstance(step, Stay):
                patient.begin(step)
                self._fillings.begin(name)
            else:
                self._end(name, patient)

    def _end(self, name: str, patient: Patient) -> None:
        if name in self._ward:
            monitor = self._ward.monitor(name)
            patient.until_s = monitor.time_s
            self._found(monitor.finish(), patient.until_s)
            self._ward.discharge(name)
            patient.open = {}
        patient.hearing.end(patient.until_s, is_discharged=patient.sequencer.stay is None)
        self._hear_all(patient, ())

    def _score(self) -> None:
        limits = self._limits
        if limits is not None and limits is not self._limits_in_force:
            self._ward.set_limits(limits)
            self._limits_in_force = limits
        if not self._chunks:
            return
        chunks, self._chunks = self._chunks, []
        findings, refused = self._ward.process(chunks)
        failed = {id(chunk) for chunk, _ in refused}
        for found, chunk in zip(findings, (one for one in chunks if id(one) not in failed), strict=True):
            self._found(found, chunk.stop / chunk.fs)
        for name, (chunk, error) in {chunk.record: (chunk, error) for chunk, error in reversed(refused)}.items():
            # Its monitor lacks this stretch, or has failed: it is out of step with what comes next.
            self.totals.refused += 1
            if self._lines.admits(name, self._steady()):
                at_s, more = chunk.start / chunk.fs, self._lines.left_out()
                logger.warning("%s: signal at %.1f s refused: %s%s", name, at_s, error, more)
            if name in self._patients:
                self.begin_anew(name, error, self._state_of(name))

    def _found(self, findings: Findings, until_s: float) -> None:
        patient = self._patients[findings.record]
        stay = patient.stay
        assert stay is not None  # noqa: S101 - signal belongs to a stay
        patient.note((*findings.alarms, *findings.updates))
        told = patient.hearing.scored(findings.time_s.tolist(), findings.alarms, until_s)
        ended, patient.hearing.ended = patient.hearing.ended, []
        if told or ended:
            findings = replace(findings, alarms=(*findings.alarms, *told), updates=(*findings.updates, *ended))
        self._results.append(Result(stay, findings))
        totals = self.totals
        totals.beats += len(findings)
        totals.anomalies += int(findings.is_anomaly.sum())
        totals.alarms += len(findings.alarms)
        totals.drifts += len(findings.drifts)
        totals.gaps += len(findings.gaps)
        self._listen("findings", findings)

    def _hear_all(self, patient: Patient, alarms: Iterable[Alarm]) -> None:
        """Tell what is about the patient's frames or monitor, as any other alarm."""
        alarms, stay = tuple(alarms), patient.stay
        if stay is None or not (alarms or patient.hearing.ended):
            return
        ended, patient.hearing.ended = patient.hearing.ended, []
        findings = findings_of_alarms(patient.name, stay, alarms, tuple(ended))
        for alarm in alarms:
            logger.warning("%s: %s: %s", alarm.record, alarm.kind, alarm.message)
        self.totals.alarms += len(alarms)
        self._results.append(Result(stay, findings))
        self._listen("findings", findings)

    def _listen(self, what: str, about: Chunk | Findings | Gap | Status) -> None:
        """Tell all listeners; one that fails says so, and scoring goes on."""
        for listener in self.listeners:
            try:
                getattr(listener, what)(about)
            except Exception:
                logger.exception("%s could not take %s", type(listener).__name__, what)

    def _finish(self, now: int, names: Iterable[str]) -> list[Result]:
        self._chunks += self._fillings.go_on()
        self._score()
        results, self._results = self._results, []
        self._tell(now, names)
        return results

    def _status(self, patient: str, now: int) -> Status:
        entry = self._patients[patient]
        sequencer = entry.sequencer
        if sequencer.stay is None:
            began_us = entry.stay.began_us if entry.stay else 0
            return Status(patient, "ended", entry.until_s, began_us, math.nan)
        state = "live" if now - entry.heard_us <= SILENT_S * 1e6 else "late"
        lag_s = (self._clock() - sequencer.until_us) / 1e6 if self._is_live else math.nan
        return Status(patient, state, sequencer.until_s, sequencer.stay.began_us, lag_s)

    def _tell(self, now: int, names: Iterable[str]) -> None:
        """Tell what has changed with these patients, and about once a second how all of them do."""
        if now - self._swept_us >= STATUS_S * 1e6:
            self._swept_us, names = now, self._patients
        for name in names:
            patient = self._patients[name]
            status, told = self._status(name, now), patient.told
            is_news = told is None or (status.state, status.began_us) != (told.state, told.began_us)
            if is_news or (status.state != "ended" and now - patient.told_us >= STATUS_S * 1e6):
                patient.told, patient.told_us = status, now
                self._listen("status", status)
