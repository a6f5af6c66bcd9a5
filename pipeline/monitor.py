"""One patient: chunks in, scored beats out. The one code path behind flows, live monitoring and notebooks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.alarm_limits import LIMITS, check_limits
from pipeline.detection.fibrillation import Fibrillation, FibrillationWeights, Level
from pipeline.detection.model import BeatModel
from pipeline.detection.reading import LEADS
from pipeline.detection.score_parts import ScoreParts, take_apart
from pipeline.detection.scorer import KIND_NORMAL, Prepared, Scorer
from pipeline.detection.sequence.reader import SequenceReading
from pipeline.detection.thresholds import DRIFT_DETECTORS, AdaptiveThreshold, NoDetector
from pipeline.detection.width import wide_odds
from pipeline.errors import SnapshotError, StreamError
from pipeline.records import Chunk, Drift, Findings, Gap, PulseMark, Record, ScoredBeat
from pipeline.settings import AlarmSettings, ThresholdSettings
from pipeline.signals.beats import BeatFinder, Beats
from pipeline.signals.gaps import ALL, Hole
from pipeline.signals.peaks import PeakFinder
from pipeline.signals.pulses import PulseFinder
from pipeline.signals.resample import FS
from pipeline.signals.windows import WindowStage
from pipeline.snapshot import Arrays, joined, pack, part_of, unpack
from pipeline.timeline import AlarmTimeline

__all__ = ["LEARNING_S", "Monitor", "Pending"]

logger = logging.getLogger(__name__)

LEARNING_S = 300.0  # s from the record's start in which verdicts are provisional
FLUSH_S = 0.6  # s of nothing that bring out the last beats of a record
FILL_S = 60.0  # s of a gap that are filled at a time
LONGEST_GAP_S = 6 * 3600.0  # s; a longer one is another recording


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """Beats of one chunk between the two halves of the work: found and prepared, not yet scored."""

    beats: Beats
    prepared: Prepared
    gaps: tuple[Gap, ...]
    holes: tuple[Hole, ...]
    still_open: tuple[Hole, ...]
    clock: int
    levels: list[Level]
    held: NDArray[np.bool_]
    marks: list[PulseMark]


class Monitor:
    """Score the heartbeats of one patient as the signal comes.

    Parameters
    ----------
    model : BeatModel
        Weights and population; shared between monitors.
    threshold : ThresholdSettings, optional
        The declared false-alarm rate.
    alarms : AlarmSettings, optional
        When a person is told.
    peaks : callable that returns a PeakFinder, optional
        Where R peaks come from, such as annotated ones; the project's own detector by default.
    fibrillation : FibrillationWeights, optional
        Of the detector of fibrillation; those that ship by default.

    Examples
    --------
    >>> from pipeline import Monitor, open_record  # doctest: +SKIP
    >>> monitor = Monitor.pretrained()  # doctest: +SKIP
    >>> anomalies = [beat for beat in monitor.run(open_record("mitdb/208")) if beat.is_anomaly]  # doctest: +SKIP
    """

    def __init__(
        self,
        model: BeatModel,
        *,
        threshold: ThresholdSettings | None = None,
        alarms: AlarmSettings | None = None,
        peaks: Callable[[], PeakFinder] | None = None,
        fibrillation: FibrillationWeights | None = None,
    ) -> None:
        self.model = model
        self._fibrillation_weights = fibrillation
        self._threshold_settings = threshold or ThresholdSettings()
        self._alarm_settings = alarms or AlarmSettings()
        self._alarms_given = alarms
        self._limits: dict[str, float] = {}
        self._peaks = peaks
        self._stream: tuple[str, float, tuple[str, ...]] | None = None
        self._next = 0  # sample that is due
        self._pulses: PulseFinder | None = None  # until a wave comes

    @classmethod
    def pretrained(
        cls,
        *,
        threshold: ThresholdSettings | None = None,
        alarms: AlarmSettings | None = None,
        peaks: Callable[[], PeakFinder] | None = None,
    ) -> Monitor:
        """Return a monitor with the model that ships with the project."""
        return cls(BeatModel.pretrained(), threshold=threshold, alarms=alarms, peaks=peaks)

    @property
    def time_s(self) -> float:
        """End of the signal that has been taken in, in s from the record's start."""
        return 0.0 if self._stream is None else self._next / self._stream[1]

    def set_limits(self, limits: Mapping[str, float]) -> None:
        """Let other limits hold for this patient from the next beat on; no score changes, and a snapshot keeps them.

        Parameters
        ----------
        limits : mapping of str to float
            By name, see :data:`pipeline.alarm_limits.LIMITS`; they rank before those of the settings.

        Raises
        ------
        ValueError
            If there is no such limit, one is outside its range, or a milder one lies beyond the graver one.
        """
        limits = check_limits(limits)
        if self._stream is not None:  # before, nobody knows whose they are
            self._timeline.settings = self._alarm_settings.of(self._stream[0], limits)
        self._limits = limits

    def run(self, record: Record, *, seconds: float = 60.0) -> Iterator[ScoredBeat]:
        """Score a whole record, from its beginning and with a fresh state, beat by beat."""
        for findings in self.stream(record, seconds=seconds):
            yield from findings

    def stream(self, record: Record, *, seconds: float = 60.0) -> Iterator[Findings]:
        """Score a whole record, from its beginning and with a fresh state, chunk by chunk of so many ``seconds``."""
        self._reset()
        for chunk in record.chunks(seconds):
            yield self.process(chunk)
        if self._stream is not None:
            yield self.finish()

    def process(self, chunk: Chunk) -> Findings:
        """Take the next chunk of the patient's signal; return the beats now scored.

        A chunk that begins later than the last one ended leaves a gap, which is filled with missing samples and
        reported. What a chunk repeats of signal that has been taken in is set aside and reported.

        Raises
        ------
        StreamError
            If the chunk is of another record, rate or set of leads, or misshapen.
        """
        parts = [
            self.complete(pending, self.model.forward.run(pending.prepared.residual, pending.prepared.condition))
            for pending in self.prepare(chunk)
        ]
        return parts[0] if len(parts) == 1 else Findings.concatenate(parts)

    @property
    def record(self) -> str | None:
        """Name of the record that it follows; None before the first chunk."""
        return None if self._stream is None else self._stream[0]

    def finish(self) -> Findings:
        """Tell that the record has ended; return its last beats."""
        if self._stream is None:
            raise StreamError("nothing to finish: no chunk has been taken in")
        record, fs, leads = self._stream
        nothing = np.full((round(FLUSH_S * fs), len(leads)), np.nan, dtype=np.float32)
        end_s = self._next / fs
        findings = self.process(Chunk(record, self._next, fs, leads, nothing))
        # What was open when the record ended, ends with it.
        gaps = [
            Gap(record, hole.start / FS, end_s, hole.reason)
            for hole in self._finder.open_holes()
            if hole.lead == ALL and hole.start / FS < end_s - 1.0 / FS
        ]
        alarms, updates = self._timeline.finish(end_s)
        return replace(
            findings,
            alarms=findings.alarms + alarms,
            gaps=findings.gaps + tuple(gaps),
            updates=findings.updates + updates,
        )

    # The two halves of the work: a ward runs the network between them, once for all patients.

    def prepare(self, chunk: Chunk) -> list[Pending]:
        """Find the beats that the next chunk decides, and set them against the patient's context."""
        self._follow(chunk)
        gaps: list[Gap] = []
        signal = chunk.signal[:, :LEADS]
        start, waves, wave = chunk.start, chunk.waves, chunk.wave
        if start < self._next:
            late = min(self._next - start, len(signal))
            gaps.append(Gap(chunk.record, start / chunk.fs, (start + late) / chunk.fs, "late"))
            signal, start = signal[late:], start + late
            wave = None if wave is None else wave[late:]
        pending = []
        while start > self._next and len(signal):
            size = min(start - self._next, round(FILL_S * chunk.fs))
            marks = self._follow_waves(size, (), None)
            pending.append(self._take(np.full((size, signal.shape[1]), np.nan, dtype=np.float32), (), marks))
        pending.append(self._take(signal, tuple(gaps), self._follow_waves(len(signal), waves, wave)))
        return pending

    def _follow_waves(self, size: int, waves: tuple[str, ...], wave: NDArray[np.float32] | None) -> list[PulseMark]:
        if wave is None or not waves:
            if self._pulses is None:  # as for nearly all patients
                return []
            waves, wave = (), np.empty((size, 0), dtype=np.float32)
        if self._pulses is None:
            assert self._stream is not None  # noqa: S101 - _follow() has set it
            self._pulses = PulseFinder(self._stream[1])
        return self._pulses.process(self._next, waves, wave)

    def complete(self, pending: Pending, rebuilt: NDArray[np.float32]) -> Findings:
        """Turn what the network rebuilt of prepared beats into findings."""
        assert self._stream is not None  # noqa: S101 - prepare() has set it
        record, fs, leads = self._stream
        beats, n = pending.beats, len(pending.beats)
        parts = take_apart(pending.prepared.beats, pending.prepared.residual, rebuilt)
        scores = self._scorer.scores(pending.prepared, parts)
        threshold, p_value = np.empty(n), np.empty(n)
        is_anomaly, drift = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
        drifts: list[Drift] = []
        # What fibrillates, or runs so that it holds the rhythm, would become the patient's normal beats.
        held = pending.held | scores.sequence.held
        for i in range(n):
            score = float(scores.score[i])
            verdict = self._threshold.judge(score)
            threshold[i], p_value[i], is_anomaly[i] = verdict.threshold, verdict.p_value, verdict.is_anomaly
            if held[i]:
                continue
            shift = self._threshold.update(score, float(scores.rr[i]))
            if shift is not None:
                drift[i] = True
                at = float(beats.r_peak[i] / fs)
                drifts.append(Drift(record, self._count + i, at, shift.before, shift.after, shift.action))
        number = np.arange(self._count, self._count + n)
        self._count += n
        alarms, updates = self._timeline.advance(
            beats,
            number,
            scores.rr,
            is_anomaly,
            scores.noise,
            wide_odds(scores.likeness, scores.width),
            (*pending.holes, *pending.still_open),
            pending.clock,
            pending.levels,
            pending.marks,
            scores.sequence.state,
        )
        time_s = beats.r_peak / fs
        findings = Findings(
            record=record,
            fs=fs,
            leads=leads[:LEADS],
            beat=number,
            r_peak=beats.r_peak,
            rr_s=scores.rr,
            score=scores.score,
            threshold=threshold,
            p_value=p_value,
            is_anomaly=is_anomaly,
            drift=drift,
            quality=beats.quality.astype(np.float32),
            learning=time_s < LEARNING_S,
            kind=np.where(is_anomaly, scores.kind, KIND_NORMAL).astype(np.uint8),
            shape=scores.shape,
            rhythm=scores.sequence.rhythm,
            state=scores.sequence.state,
            state_probability=scores.sequence.state_probability,
            held=held,
            window=scores.window,
            expected=scores.expected,
            alarms=alarms,
            drifts=tuple(drifts),
            gaps=pending.gaps,
            updates=updates,
            spikes=beats.spikes,
        )
        self._note(findings, pending.prepared, parts, scores.sequence)
        return findings

    def _note(self, findings: Findings, prepared: Prepared, parts: ScoreParts, sequence: SequenceReading) -> None:
        """Take note of beats and what their scores are made of: a monitor that explains them does."""

    def _reset(self) -> None:
        self._stream = None

    def _follow(self, chunk: Chunk) -> None:
        stream = (chunk.record, chunk.fs, chunk.leads)
        if chunk.signal.ndim != 2 or chunk.signal.shape[1] != len(chunk.leads) or not chunk.leads:
            raise StreamError(
                f"{chunk.record}: a chunk of shape {chunk.signal.shape} does not fit its leads {chunk.leads}"
            )
        if chunk.wave is not None and chunk.wave.shape != (len(chunk.signal), len(chunk.waves)):
            raise StreamError(f"{chunk.record}: waves of shape {chunk.wave.shape} do not fit {chunk.waves}")
        if self._stream is None:
            self._begin(stream, chunk.start)
        elif stream != self._stream:
            raise StreamError(
                f"{chunk.record}: this monitor follows {self._stream[0]} at {self._stream[1]:g} Hz with leads "
                f"{', '.join(self._stream[2])}; a chunk at {chunk.fs:g} Hz with {', '.join(chunk.leads)} does not "
                "continue it"
            )
        gap_s = (chunk.start - self._next) / chunk.fs
        if gap_s > LONGEST_GAP_S:
            raise StreamError(
                f"{chunk.record}: a gap of {gap_s / 3600:.1f} h: follow what comes after it as a new record"
            )

    def _begin(self, stream: tuple[str, float, tuple[str, ...]], start: int) -> None:
        record, fs, leads = stream
        if not 100 <= fs <= 1000:
            raise StreamError(f"{record}: a rate of {fs:g} Hz is outside 100 to 1,000 Hz")
        if start < 0:
            raise StreamError(f"{record}: a chunk begins at sample {start}, before the record does")
        n = min(len(leads), LEADS)
        self._stream = stream
        self._finder = BeatFinder(fs, n, self._peaks() if self._peaks else None)
        self._windows = WindowStage(n)
        self._fibrillation = Fibrillation(self._fibrillation_weights)
        self._pulses = None
        self._scorer = Scorer(self.model, n)
        settings = self._threshold_settings
        self._threshold = AdaptiveThreshold(
            NoDetector(),
            guesses=self.model.guesses,
            alpha=settings.alpha,
            per_hour=settings.per_hour,
            drift_detector=DRIFT_DETECTORS[settings.drift_detector](),
        )
        self._timeline = AlarmTimeline(record, fs, leads, self._settings_of(record))
        self._next = 0
        self._count = 0

    def _take(self, signal: NDArray[np.float32], gaps: tuple[Gap, ...], marks: list[PulseMark]) -> Pending:
        assert self._stream is not None  # noqa: S101 - _follow() has set it
        beats = self._finder.process(signal)
        windows = self._windows.process(*self._finder.fresh())
        levels = self._fibrillation.process(windows.stop, windows.features, windows.absent, windows.spread)
        held = self._fibrillation.covers(beats.known, levels)
        self._next += len(signal)
        record = self._stream[0]
        closed = tuple(
            Gap(record, hole.start / FS, hole.stop / FS, hole.reason) for hole in beats.holes if hole.lead == ALL
        )
        prepared = self._scorer.prepare(beats.sample / FS, beats.window, beats.present, beats.broken, held)
        clock = round(self._finder.time_s * FS)
        return Pending(
            beats, prepared, gaps + closed, beats.holes, tuple(self._finder.open_holes()), clock, levels, held, marks
        )

    def _own_alarm_settings(self) -> AlarmSettings:
        """Return the settings without the limits of other patients."""
        own = self._alarm_settings.limits
        name = "" if self._stream is None else self._stream[0]
        return self._alarm_settings.model_copy(update={"limits": {name: own[name]} if name in own else {}})

    def _settings_of(self, record: str) -> AlarmSettings:
        try:
            return self._alarm_settings.of(record, self._limits)
        except ValueError as error:  # no reason to leave a patient alone
            logger.warning("%s: limits are left out: %s", record, error)
            return self._alarm_settings.of(record)

    def snapshot(self) -> bytes:
        """Return the patient's whole state, so that :meth:`restore` goes on from here and no score changes.

        Raises
        ------
        StreamError
            If no chunk has been taken in yet.
        """
        if self._stream is None:
            raise StreamError("nothing to snapshot: no chunk has been taken in")
        threshold = {key: np.array(value) for key, value in self._threshold.snapshot().items()}
        arrays = joined(
            {
                "finder": self._finder.snapshot(),
                "windows": self._windows.snapshot(),
                "scorer": self._scorer.snapshot(),
                "threshold": threshold,
            }
        )
        facts = {
            "model": self.model.checksum,
            "stream": self._stream,
            "next": self._next,
            "count": self._count,
            "threshold_settings": self._threshold_settings.model_dump(),
            "alarm_settings": self._own_alarm_settings().model_dump(),
            "limits": self._limits,
            "fibrillation": self._fibrillation.snapshot(),
            "timeline": self._timeline.snapshot(),
            "pulses": None if self._pulses is None else self._pulses.snapshot(),
        }
        return pack(arrays, facts)

    def restore(self, snapshot: bytes) -> None:
        """Continue from a snapshot.

        Raises
        ------
        SnapshotError
            If it is damaged, of another version, or was made with another model.
        """
        arrays, facts = unpack(snapshot)
        if facts.get("model") != self.model.checksum:
            raise SnapshotError("a snapshot was made with another model: load that model, or start the patient anew")
        try:
            self._restore(arrays, facts)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            self._stream = None
            raise SnapshotError(
                f"a snapshot lacks what belongs into it ({error!r:.100}): start the patient anew"
            ) from error

    def _restore(self, arrays: Arrays, facts: dict[str, Any]) -> None:
        record, fs, leads = facts["stream"]
        self._threshold_settings = ThresholdSettings(**facts["threshold_settings"])
        self._alarm_settings = AlarmSettings(**facts["alarm_settings"])
        if self._alarms_given is not None:  # limits are those of now, as whoever sets them is told
            now = {name: getattr(self._alarms_given, name) for name in (*LIMITS, "limits")}
            self._alarm_settings = self._alarm_settings.model_copy(update=now)
        self._limits = check_limits(facts.get("limits", {}))
        self._begin((record, float(fs), tuple(leads)), 0)
        self._finder.restore(part_of(arrays, "finder"))
        self._windows.restore(part_of(arrays, "windows"))
        self._fibrillation.restore(facts["fibrillation"])
        self._scorer.restore(part_of(arrays, "scorer"))
        self._threshold.restore({key: value.tolist() for key, value in part_of(arrays, "threshold").items()})
        self._timeline.restore(facts["timeline"])
        pulses = facts.get("pulses")
        if pulses is not None:
            self._pulses = PulseFinder(float(fs))
            self._pulses.restore(pulses)
        self._next, self._count = int(facts["next"]), int(facts["count"])
