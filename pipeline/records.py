"""The data that flows through the pipeline: records, chunks, scored beats, alarms, drifts and gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations

__all__ = [
    "BACK",
    "BEAT",
    "GONE",
    "Alarm",
    "Chunk",
    "Drift",
    "Findings",
    "Gap",
    "PulseMark",
    "Record",
    "ScoredBeat",
    "last_states",
]

# What a beat looks like, from shape and timing (an EC57 view, not a diagnosis). Index = code in Findings.kind.
KINDS = ("normal", "ventricular", "supraventricular", "other")

# The rhythm after a beat, as annotators write it. Index = code in Findings.state.
RHYTHMS = ("", "(N", "(AFIB", "(SVTA", "(B", "(T", "(VT")


# What a mark of a pulse wave says.
BEAT, GONE, BACK = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A stretch of signal of one record, as it arrives.

    Attributes
    ----------
    record : str
        Name of the record or stream, such as ``mitdb/208``.
    start : int
        Position of the first sample, in samples from the record's start.
    fs : float
        Sampling rate in Hz.
    leads : tuple of str
        Lead names, one per column of ``signal``.
    signal : ndarray of float32, shape (samples, leads)
        Signal in mV; NaN where a sample is missing.
    waves : tuple of str
        Names of the pulse waves that came beside them, such as ``ABP`` and ``PLETH``: they are never scored as ECG.
    wave : ndarray of float32, shape (samples, waves), or None
        Their samples in any unit, NaN where one is missing; None if there are none.
    """

    record: str
    start: int
    fs: float
    leads: tuple[str, ...]
    signal: NDArray[np.float32]
    waves: tuple[str, ...] = ()
    wave: NDArray[np.float32] | None = None

    @property
    def stop(self) -> int:
        """Position one past the last sample."""
        return self.start + len(self.signal)


@dataclass(frozen=True, slots=True)
class PulseMark:
    """What is known of a pulse wave at a moment.

    Attributes
    ----------
    known : int
        Samples at the internal rate by which it was known, whatever the chunks.
    wave : str
        Name of the signal.
    sort : int
        ``BEAT``: a pulse; ``GONE``: the wave is missing or stands still; ``BACK``: it is there again.
    time_s : float
        When the pulse rose, or the wave went or came, in s.
    height : float
        Of the pulse, over this wave's usual one; NaN as long as no usual one is known.
    """

    known: int
    wave: str
    sort: int
    time_s: float
    height: float


@runtime_checkable
class Record(Protocol):
    """Something that can be read chunk by chunk: a WFDB record, a synthetic one, a replay."""

    @property
    def name(self) -> str:
        """Name with its database, such as ``mitdb/208``."""

    @property
    def fs(self) -> float:
        """Sampling rate in Hz."""

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the leads that its chunks carry, most preferred first."""

    @property
    def n_samples(self) -> int:
        """Length in samples."""

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        """Yield the signal in order, ``seconds`` at a time, in constant memory."""

    def annotations(self) -> Annotations | None:
        """Return the reference annotations, or None if nobody annotated the record."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredBeat:
    """One heartbeat with its verdict.

    Attributes
    ----------
    record : str
        Name of the record.
    beat : int
        Running number of the beat in its record, from 0.
    r_peak : int
        Position of the R peak in samples from the record's start, at the record's own rate.
    time_s : float
        The same in seconds.
    rr_s : float
        R-R interval to the beat before in s; NaN for the first beat and after a gap.
    score : float
        Log odds that it is none of the patient's normal beats, over 3, from about what a usual beat has: higher is
        stranger. NaN if the beat cannot be scored.
    threshold : float
        The threshold in force for this beat; a score above it is an anomaly.
    p_value : float
        Calibrated share of this patient's normal beats that score at least as high.
    is_anomaly : bool
        The verdict.
    drift : bool
        True if a drift was detected at this beat.
    quality : float
        Signal quality around the beat, 0 (unusable) to 1.
    learning : bool
        True while the patient's own context is still being learnt: the verdict is provisional.
    kind : str
        ``normal``, ``ventricular``, ``supraventricular`` or ``other``, from shape and timing.
    shape : float
        Log of the shape's reconstruction error in units of the patient's own noise.
    rhythm : float
        What its interval brings to the score: what would be gone if the beat had come as usual.
    state : str
        The rhythm after the beat, as annotators write it, such as ``(N`` or ``(AFIB``; empty where none is likely.
    state_probability : float
        Probability of the likeliest rhythm.
    held : bool
        True if the beat taught nothing: it lies in fibrillation, or in a run that would become the usual rhythm.
    window : ndarray of float32, shape (steps, leads)
        What the model saw, in mV at the internal rate; NaN in a lead that was not there or had no say.
    expected : ndarray of float32, shape (steps, leads)
        What the model expected, in mV.
    """

    record: str
    beat: int
    r_peak: int
    time_s: float
    rr_s: float
    score: float
    threshold: float
    p_value: float
    is_anomaly: bool
    drift: bool
    quality: float
    learning: bool
    kind: str
    shape: float
    rhythm: float
    state: str
    state_probability: float
    held: bool
    window: NDArray[np.float32]
    expected: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a person is told of an episode, as it stands at one moment.

    An episode is told when it begins, again where its priority rises, and never twice at one priority. Each state of it
    has the same ``key``; the one of the highest ``revision`` counts.

    Attributes
    ----------
    record : str
        Name of the record.
    kind : str
        Name of the rule that raised it, such as ``ventricular run``, ``asystole`` or ``lead off``.
    priority : str
        ``high``, ``medium`` or ``low``; it rises while the episode lasts and never falls.
    physiological : bool
        False for a technical alarm: about the signal, not about the heart.
    onset_s, raised_s : float
        When what it is about began, and when it was told at this priority, in s from the record's start.
    first_beat, last_beat : int
        The beats it is about; -1 where there are none.
    message : str
        One line for a person.
    key : str
        What tells the episode from others of the record: its cause and the moment at which it was first told.
    revision : int
        How many states of it came before this one.
    ended_s : float or None
        When the episode ended; None while it lasts.
    longest : int
        Beats in its longest run; 0 where it is not about a run.
    rate_bpm : float or None
        Its most extreme rate in beats a minute: the highest, or the lowest where the heart is slow.
    """

    record: str
    kind: str
    priority: str
    physiological: bool
    onset_s: float
    raised_s: float
    first_beat: int
    last_beat: int
    message: str
    key: str = ""
    revision: int = 0
    ended_s: float | None = None
    longest: int = 0
    rate_bpm: float | None = None

    def __post_init__(self) -> None:
        if not self.key:  # told once, by somebody who follows no episodes
            object.__setattr__(self, "key", f"{self.kind}@{round(self.raised_s * 1e6)}/{self.message}")


def last_states(states: Iterable[Alarm]) -> list[Alarm]:
    """Return the last state of each episode, in the order in which the episodes were first told."""
    latest: dict[str, Alarm] = {}
    for state in states:
        known = latest.get(state.key)
        if known is None or state.revision >= known.revision:
            latest[state.key] = state
    return list(latest.values())


@dataclass(frozen=True, slots=True)
class Drift:
    """A change in the level of a patient's scores, and what was done about it.

    Attributes
    ----------
    record : str
        Name of the record.
    beat : int
        The beat at which it was detected.
    time_s : float
        Its time in s from the record's start.
    before, after : float
        Mean standardised score before and after.
    action : str
        What the threshold did, in words.
    """

    record: str
    beat: int
    time_s: float
    before: float
    after: float
    action: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which beats cannot be found.

    Attributes
    ----------
    record : str
        Name of the record.
    start_s, stop_s : float
        Its limits in s from the record's start.
    reason : str
        ``missing`` (no samples), ``flat`` (a constant signal: lead off) or ``late`` (samples that came twice or too
        late and were set aside).
    """

    record: str
    start_s: float
    stop_s: float
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Findings(Sequence[ScoredBeat]):
    """Scored beats in columns, with the alarms, drifts and gaps that came with them.

    It reads as a sequence of :class:`ScoredBeat`; bulk work reads the columns. Each column is an array of shape (n,)
    and means what the attribute of the same name means in :class:`ScoredBeat`; ``kind`` holds indices into ``KINDS``,
    ``state`` into ``RHYTHMS``;
    ``window`` and ``expected`` have shape (n, steps, leads). ``alarms`` holds what a person is told, an episode anew or
    at a higher priority; ``updates`` the other states of episodes that have been told: grown, ended, or come back
    before anybody had to be told again. ``spikes``, shape (k,), holds the pacing spikes that were taken out of the
    signal, in samples from the record's start.
    """

    record: str
    fs: float
    leads: tuple[str, ...]
    beat: NDArray[np.int64]
    r_peak: NDArray[np.int64]
    rr_s: NDArray[np.float64]
    score: NDArray[np.float64]
    threshold: NDArray[np.float64]
    p_value: NDArray[np.float64]
    is_anomaly: NDArray[np.bool_]
    drift: NDArray[np.bool_]
    quality: NDArray[np.float32]
    learning: NDArray[np.bool_]
    kind: NDArray[np.uint8]
    shape: NDArray[np.float64]
    rhythm: NDArray[np.float64]
    state: NDArray[np.uint8]
    state_probability: NDArray[np.float32]
    held: NDArray[np.bool_]
    window: NDArray[np.float32]
    expected: NDArray[np.float32]
    alarms: tuple[Alarm, ...] = ()
    drifts: tuple[Drift, ...] = ()
    gaps: tuple[Gap, ...] = ()
    updates: tuple[Alarm, ...] = ()
    spikes: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def time_s(self) -> NDArray[np.float64]:
        """R peaks in seconds from the record's start, shape (n,)."""
        return self.r_peak / self.fs

    def __len__(self) -> int:
        return len(self.r_peak)

    def __getitem__(self, index: int) -> ScoredBeat:  # type: ignore[override]  # slices are not offered
        i = range(len(self))[index]
        return ScoredBeat(
            record=self.record,
            beat=int(self.beat[i]),
            r_peak=int(self.r_peak[i]),
            time_s=float(self.r_peak[i] / self.fs),
            rr_s=float(self.rr_s[i]),
            score=float(self.score[i]),
            threshold=float(self.threshold[i]),
            p_value=float(self.p_value[i]),
            is_anomaly=bool(self.is_anomaly[i]),
            drift=bool(self.drift[i]),
            quality=float(self.quality[i]),
            learning=bool(self.learning[i]),
            kind=KINDS[int(self.kind[i])],
            shape=float(self.shape[i]),
            rhythm=float(self.rhythm[i]),
            state=RHYTHMS[int(self.state[i])],
            state_probability=float(self.state_probability[i]),
            held=bool(self.held[i]),
            window=self.window[i],
            expected=self.expected[i],
        )

    def without_events(self) -> Findings:
        """Return the beats alone, without alarms, drifts, gaps, updates and pacing spikes."""
        if not (self.alarms or self.drifts or self.gaps or self.updates or len(self.spikes)):
            return self
        return replace(self, alarms=(), drifts=(), gaps=(), updates=(), spikes=self.spikes[:0])

    def bare(self) -> Findings:
        """Return the columns alone, without windows and events: a day of beats is a few megabytes."""
        nothing = np.empty((len(self), 0, len(self.leads)), dtype=np.float32)
        return replace(self.without_events(), window=nothing, expected=nothing)

    @classmethod
    def concatenate(cls, parts: Sequence[Findings]) -> Findings:
        """Join findings of one record that follow each other.

        Raises
        ------
        ValueError
            If there are none, or they are of different records.
        """
        if not parts:
            raise ValueError("no findings to concatenate")
        first = parts[0]
        if any(part.record != first.record or part.leads != first.leads for part in parts):
            raise ValueError(f"findings of different records: {sorted({part.record for part in parts})}")
        columns: dict[str, Any] = {
            f.name: np.concatenate([getattr(part, f.name) for part in parts])
            for f in fields(cls)
            if isinstance(getattr(first, f.name), np.ndarray)
        }
        events: dict[str, Any] = {
            name: tuple(event for part in parts for event in getattr(part, name))
            for name in ("alarms", "drifts", "gaps", "updates")
        }
        return cls(record=first.record, fs=first.fs, leads=first.leads, **columns, **events)
