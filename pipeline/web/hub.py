"""Where a running monitor and its viewers meet: the monitor never waits, each viewer reads at its own pace."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.explain.explanation import Explanation
from pipeline.live.listener import Intake, Status
from pipeline.records import Alarm, Chunk, Findings, Gap
from pipeline.storage.database.alarms import StoredAlarm
from pipeline.web.metrics import Metrics
from pipeline.web.patient import Patient
from pipeline.web.wire import (
    alarm_event,
    backlog_event,
    beats_event,
    drift_event,
    gap_event,
    patient_event,
    status_event,
)

__all__ = ["Hub"]

HISTORY_S = 1800.0  # s of signal and beats to scroll back through, 7 MB a patient at 360 Hz and two leads
FULL = 150  # patients with so much; those that come when there are more share what these would take
ENDED = 20  # patients kept although their stay has ended, the last ones
BEHIND_S = 2.0  # s of backlog from which the page says so
EVENTS = 8192  # events between the oldest and the newest that a viewer may be behind by, before it is told all anew


class _Beats:
    """Beats that are put into words when somebody asks: where nobody looks, they cost next to nothing."""

    def __init__(self, patient: Patient, rows: NDArray[np.void]) -> None:
        self._patient, self._rows = patient, rows
        self._event: dict[str, Any] | None = None

    def told(self) -> dict[str, Any]:
        """Return the event, with the vitals of the moment in which it was first asked for."""
        if self._event is None:
            self._event = beats_event(self._patient, self._rows)
        return self._event


class Hub:
    """A :class:`pipeline.live.listener.Listener` that keeps what viewers may ask for.

    Nobody is waited for: signal goes into rings and events into a ring of events. A viewer remembers how far it has
    read; one that falls behind the oldest event kept starts anew from the present.

    Parameters
    ----------
    history_s : float
        Signal and beats kept for each patient, in s.

    Attributes
    ----------
    metrics : Metrics
        What has been counted of viewers and alarms; it counts the rest as a listener of its own.
    on_alarm : callable or None
        Called with each state of an alarm and the wall-clock time of its record's first sample (0 if unknown), in
        microseconds; must return at once.
    on_stay : callable or None
        Called with a record and that time when it becomes known; must return at once.
    why : callable or None
        Explains a beat by record and number, see :meth:`pipeline.live.engine.Engine.explain`.
    """

    def __init__(self, *, history_s: float = HISTORY_S) -> None:
        self.metrics = Metrics()
        self.on_alarm: Callable[[Alarm, int], None] | None = None
        self.on_stay: Callable[[str, int], None] | None = None
        self.why: Callable[[str, int], Explanation] | None = None
        self._history_s = history_s
        self._patients: dict[str, Patient] = {}
        self._numbers = 0
        self._lock = threading.Lock()
        self._events: deque[dict[str, Any] | _Beats] = deque(maxlen=EVENTS)
        self._told = 0  # events so far
        self._intake = Intake()
        self._behind_s = 0

    # What the monitor says.

    def signal(self, chunk: Chunk) -> None:
        """Take signal that was just taken in; set it aside while the monitor is behind."""
        if self._intake.is_behind:
            return
        patient = self._patients.get(chunk.record)
        if patient is None or not patient.continues_with(chunk):
            patient = self._admit(chunk)
        patient.take_signal(chunk)

    def findings(self, findings: Findings) -> None:
        """Take beats just scored, with alarms, drifts and gaps."""
        patient = self._patients.get(findings.record)
        if patient is None:
            # A chunk without a sample tells what a patient is.
            nothing = np.empty((0, len(findings.leads)), dtype=np.float32)
            patient = self._admit(Chunk(findings.record, 0, findings.fs, findings.leads, nothing))
        rows = patient.take_findings(findings)
        if len(rows):
            self._tell(_Beats(patient, rows))
        for drift in findings.drifts:
            self._tell(drift_event(patient, drift))
        for gap in findings.gaps:
            self._tell(gap_event(patient, gap))
        for alarm in (*findings.alarms, *findings.updates):
            raised = patient.alarm(alarm)
            if raised is not None:
                self._tell(alarm_event(patient, raised))
            if self.on_alarm is not None:
                self.on_alarm(alarm, patient.status.began_us)

    def gap(self, gap: Gap) -> None:
        """Take signal that was lost before it reached the monitor."""
        patient = self._patients.get(gap.record)
        if patient is not None:
            patient.take_gap(gap)
            self._tell(gap_event(patient, gap))

    def status(self, status: Status) -> None:
        """Take a patient's new status."""
        patient = self._patients.get(status.patient)
        if patient is not None:
            if self.on_stay is not None and status.began_us not in (0, patient.status.began_us):
                self.on_stay(status.patient, status.began_us)
            patient.status = status
            self._tell(status_event(patient))

    def stored(self, stored: StoredAlarm, *, add: bool = False) -> None:
        """Take what the database says of an alarm: its number, and who has acknowledged it.

        One that was not heard of is left out, unless it is to be added: it was raised before this hub listened.
        """
        patient = self._patients.get(stored.alarm.record)
        raised = patient.take_stored(stored, add=add) if patient is not None else None
        if patient is not None and raised is not None:
            self._tell(alarm_event(patient, raised))

    def acknowledged(self, stored: StoredAlarm) -> None:
        """Take an acknowledgement that may have been made elsewhere; one that is known already is no news."""
        patient = self._patients.get(stored.alarm.record)
        raised = patient.take_acknowledged(stored) if patient is not None else None
        if patient is not None and raised is not None:
            self._tell(alarm_event(patient, raised))

    def intake(self, intake: Intake) -> None:
        """Take how frames come in from the broker."""
        self._intake = self.metrics.intake = intake
        shown = int(intake.behind_s) if intake.behind_s >= BEHIND_S else 0
        if shown != self._behind_s:
            self._behind_s = shown
            self._tell(backlog_event(shown, intake.waiting))

    def _admit(self, chunk: Chunk) -> Patient:
        history_s = self._history_s * min(1.0, FULL / (len(self._patients) + 1))
        patient = Patient(self._numbers, chunk, history_s)
        self._numbers += 1
        gone = [one for one in self.patients() if one.status.state == "ended"][:-ENDED]
        kept = {name: one for name, one in self._patients.items() if one not in gone}
        self._patients = {**kept, chunk.record: patient}  # readers hold the old dict
        for one in gone:
            self._tell({"type": "gone", "patient": one.number})
        self._tell(patient_event(patient))
        return patient

    def _tell(self, event: dict[str, Any] | _Beats) -> None:
        with self._lock:
            self._events.append(event)
            self._told += 1

    # What viewers ask.

    def patients(self) -> list[Patient]:
        """Return the patients in the order of their coming."""
        return list(self._patients.values())

    def patient(self, number: int) -> Patient | None:
        """Return a patient by number, or None."""
        return next((one for one in self._patients.values() if one.number == number), None)

    @property
    def told(self) -> int:
        """Events so far: where a viewer that knows the present stands."""
        return self._told

    def events_since(self, told: int) -> tuple[int, list[dict[str, Any]] | None]:
        """Return the events so far, and those after the first ``told``; None where they are no longer kept."""
        with self._lock:
            behind = self._told - told
            if behind > len(self._events):
                return self._told, None
            # From the newest end: a viewer is a few events behind, of thousands kept.
            now, events = self._told, [self._events[-i] for i in range(behind, 0, -1)]
        return now, [event.told() if isinstance(event, _Beats) else event for event in events]
