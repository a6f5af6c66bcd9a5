"""The engine: frames of many patients in, scored beats, alarms and gaps out."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import msgpack

from pipeline.detection.model import BeatModel
from pipeline.errors import PipelineError, SnapshotError
from pipeline.explain.explanation import Explanation
from pipeline.explain.witness import Witness
from pipeline.live.filling import Fillings
from pipeline.live.frames import Frame
from pipeline.live.listener import Intake, Listener, Status
from pipeline.live.results import Result, Totals
from pipeline.live.sequencer import Counts, Sequencer, Stay, Step
from pipeline.monitor import Monitor
from pipeline.records import Chunk, Findings, Gap
from pipeline.settings import AlarmSettings, ThresholdSettings
from pipeline.ward import Ward

__all__ = ["Engine"]

VERSION = 1
SILENT_S = 3.0  # s without a frame after which a patient's stream is late
STATUS_S = 1.0  # s between two words about a patient whose state has not changed

logger = logging.getLogger(__name__)


class _Patient:
    """What the engine holds for a patient, beside the monitor in its ward."""

    def __init__(self, name: str) -> None:
        self.sequencer = Sequencer(name)
        self.stay: Stay | None = None  # the one that is under way, or the last one
        self.until_s = 0.0
        self.heard_us = 0  # when the last frame came
        self.told: Status | None = None
        self.told_us = 0
        self.before = Counts()  # frames that another engine took

    def counts(self) -> Counts:
        return self.sequencer.counts.since(self.before)


class Engine:
    """Monitor many patients from their frames.

    Frames are put in order patient by patient (:class:`~pipeline.live.sequencer.Sequencer`) and scored together
    (:class:`~pipeline.ward.Ward`). What comes out depends on each patient's frames and their order alone. It belongs
    to one thread.

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
        self._ward = Ward(model, threshold=threshold, alarms=alarms, watch=watch)
        self._patients: dict[str, _Patient] = {}
        self._gone = Counts()  # of patients who have left memory
        self._clock = clock
        self._is_live = is_live
        self._chunks: list[Chunk] = []
        self._results: list[Result] = []
        self._fillings = Fillings()
        self._swept_us = 0

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

    def take(self, frames: Iterable[Frame]) -> list[Result]:
        """Take frames of any number of patients; return what came out, in order for each patient.

        A frame that cannot be taken in is counted and logged, and the others go on.
        """
        now = self._clock()
        names = set()
        for frame in frames:
            patient = self._patients.setdefault(frame.patient, _Patient(frame.patient))
            patient.heard_us = now
            names.add(frame.patient)
            try:
                for step in patient.sequencer.push(frame):
                    self._follow(patient, step)
            except PipelineError as error:
                self.totals.refused += 1
                logger.warning("frame %d refused: %s", frame.sequence, error)
        return self._finish(now, names)

    def flush(self) -> list[Result]:
        """Give up what is missing, for all patients: nothing more comes for a while."""
        for patient in self._patients.values():
            for step in patient.sequencer.flush():
                self._follow(patient, step)
        return self.settle()

    def tick(self) -> list[Result]:
        """Tell listeners whose stream is late, and go on with long gaps; to be called when no frames come."""
        return self._finish(self._clock(), self._patients)

    def is_filling(self, patient: str) -> bool:
        """Tell whether a patient's signal waits behind a long gap: its state is not to be stored now."""
        return self._fillings.is_waiting(patient)

    def settle(self) -> list[Result]:
        """Fill all gaps to their end; return what came out."""
        self._chunks += self._fillings.settle_all()
        return self._finish(self._clock(), ())

    def silent(self, since_us: int) -> list[str]:
        """Return the patients of whom nothing was heard since a moment."""
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
        return self._status(patient, self._clock())

    def snapshot(self, patient: str) -> bytes:
        """Return a patient's whole state, at most 64 KB, so that :meth:`restore` goes on from here.

        A gap that is being filled is filled to its end; what that brings out comes with the next results.

        Raises
        ------
        KeyError
            If there is no such patient.
        """
        sequencer = self._patients[patient].sequencer
        self._chunks += self._fillings.settle(patient)
        self._score()
        monitor = None
        if sequencer.stay is not None and patient in self._ward:
            monitor = self._ward.monitor(patient).snapshot()
        return bytes(msgpack.packb([VERSION, sequencer.snapshot(), monitor]))

    def restore(self, patient: str, state: bytes) -> None:
        """Continue a patient from a state.

        Raises
        ------
        SnapshotError
            If it is damaged, of another version, or was made with another model.
        """
        try:
            version, sequence, monitor = msgpack.unpackb(state)
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise SnapshotError(f"{patient}: a state is damaged ({error!r:.100}): start the patient anew") from error
        if version != VERSION:
            raise SnapshotError(f"{patient}: a state has version {version}, this version reads {VERSION}")
        if patient in self._patients:
            self.discharge(patient)
        restored = _Patient(patient)
        restored.sequencer.restore(sequence)
        restored.before = replace(restored.sequencer.counts)
        restored.stay = restored.sequencer.stay
        if restored.stay is not None:
            self._fillings.begin(patient, round(restored.sequencer.until_s * restored.stay.fs))
        if monitor is not None:
            self._ward.monitor(patient).restore(monitor)
        restored.heard_us = self._clock()
        self._patients[patient] = restored

    def _follow(self, patient: _Patient, step: Step) -> None:
        """Do what a frame has brought about."""
        if isinstance(step, Chunk):
            self._chunks += self._fillings.put(step)
            for listener in self.listeners:
                listener.signal(step)
        elif isinstance(step, Gap):
            assert patient.stay is not None  # noqa: S101 - what is lost belongs to a stay
            self._results.append(Result(patient.stay, None, step))
            for listener in self.listeners:
                listener.gap(step)
        else:
            name = patient.sequencer.patient
            self._chunks += self._fillings.settle(name)
            self._score()  # what was before a stay began or ended
            if isinstance(step, Stay):
                patient.stay = step
                self._fillings.begin(name)
            else:
                self._end(name, patient)

    def _end(self, name: str, patient: _Patient) -> None:
        if name in self._ward:
            monitor = self._ward.monitor(name)
            patient.until_s = monitor.time_s
            self._found(monitor.finish())
            self._ward.discharge(name)

    def _score(self) -> None:
        if not self._chunks:
            return
        findings, refused = self._ward.process(self._chunks)
        self._chunks = []
        for found in findings:
            self._found(found)
        for chunk, error in refused:
            self.totals.refused += 1
            logger.warning("%s: signal at %.1f s refused: %s", chunk.record, chunk.start / chunk.fs, error)

    def _found(self, findings: Findings) -> None:
        stay = self._patients[findings.record].stay
        assert stay is not None  # noqa: S101 - signal belongs to a stay
        self._results.append(Result(stay, findings))
        totals = self.totals
        totals.beats += len(findings)
        totals.anomalies += int(findings.is_anomaly.sum())
        totals.alarms += len(findings.alarms)
        totals.drifts += len(findings.drifts)
        totals.gaps += len(findings.gaps)
        for listener in self.listeners:
            listener.findings(findings)

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
        lag_s = (now - sequencer.until_us) / 1e6 if self._is_live else math.nan
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
                for listener in self.listeners:
                    listener.status(status)
