"""What the report shows of one record: small, whole, and saved beside the results."""

from __future__ import annotations

import gzip
import zlib

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import OutputError, RecordNotFound
from pipeline.records import Alarm, Drift, Gap
from pipeline.storage.files import replace_file, translated
from pipeline.storage.paths import result_path
from pipeline.storage.place import Place, PlaceLike, place

__all__ = [
    "BeatPicture",
    "Event",
    "Overview",
    "Point",
    "RecordReport",
    "Strip",
    "Trend",
    "Why",
    "load_report",
    "report_path",
    "rounded",
    "save_report",
]

Numbers = list[float | None]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Overview(_Part):
    """The first lead of the whole record as an envelope.

    Attributes
    ----------
    width_s : float
        Width of a bin in s.
    low, high : list
        Least and greatest value of each bin in mV; None where there is no signal.
    mark : list
        Rank of the most alarming kind of anomaly that reaches into each bin, an index into ``MARKS``; None where none
        does.
    share : list
        Share of the beats with their R peak in each bin that are anomalies; None where there is no R peak.
    """

    width_s: float
    low: Numbers
    high: Numbers
    mark: Numbers
    share: Numbers


class Trend(_Part):
    """Scores and rate over time, one value per bin; None where there is none.

    Attributes
    ----------
    width_s : float
        Width of a bin in s.
    score_low, score_high : list
        Range of the scores of the beats that were not flagged.
    threshold : list
        Mean threshold.
    rr_low, rr_high, rr_mean : list
        Least, greatest and mean R-R interval in s.
    reference : list
        Rank of the annotated anomalies, an index into ``MARKS``.
    alarm : list
        Rank of the alarms, an index into ``PRIORITIES``.
    """

    width_s: float
    score_low: Numbers
    score_high: Numbers
    threshold: Numbers
    rr_low: Numbers
    rr_high: Numbers
    rr_mean: Numbers
    reference: Numbers
    alarm: Numbers


class Point(_Part):
    """One anomaly in the score's chart."""

    time_s: float
    score: float
    p_value: float | None
    kind: str


class Strip(_Part):
    """A few seconds of signal around an event.

    Attributes
    ----------
    start_s : float
        Time of the first sample in s.
    fs : float
        Rate in Hz.
    signal : list of list
        One list per lead, in mV; None where there is no signal.
    beats : list of (time_s, kind, is_anomaly)
        The beats found in it.
    reference : list of (time_s, symbol)
        The beats annotated in it.
    """

    start_s: float
    fs: float
    signal: list[Numbers]
    beats: list[tuple[float, str, bool]]
    reference: list[tuple[float, str]]


class Why(_Part):
    """Why a beat got its score, in short; values as in :class:`pipeline.explain.explanation.Explanation`.

    Attributes
    ----------
    words : str
        A few sentences.
    shape_share, rhythm_share, p_wave_share, noise_taken_off : float or None
        What the score is made of.
    nearest_time_s : float or None
        R peak of the nearest normal beat of the patient before, in s.
    nearest : list of list
        Its window in mV, one list per lead.
    """

    words: str
    shape_share: float | None
    rhythm_share: float | None
    p_wave_share: float | None
    noise_taken_off: float | None
    nearest_time_s: float | None
    nearest: list[Numbers]


class BeatPicture(_Part):
    """One beat with what the model expected; values as in :class:`pipeline.records.ScoredBeat`, one list per lead."""

    beat: int
    time_s: float
    rr_s: float | None
    score: float
    threshold: float | None
    p_value: float | None
    kind: str
    shape: float | None
    rhythm: float | None
    learning: bool
    symbol: str | None
    window: list[Numbers]
    expected: list[Numbers]
    why: Why | None = None


class Event(_Part):
    """Something worth a look: an anomaly with its beat, or an alarm."""

    title: str
    time_s: float
    strip: Strip
    beat: BeatPicture | None = None


class RecordReport(_Part):
    """What the report shows of one record.

    Attributes
    ----------
    record : str
        Its name.
    fs : float
        Its rate in Hz.
    leads : tuple of str
        Names of its leads.
    duration_s : float
        Its length in s.
    beats, anomalies, n_alarms, n_drifts, n_gaps : int
        How many there were; the lists below are bounded.
    kinds : dict of str to int
        Anomalies by kind.
    learning_until_s : float
        End of the learning period in s; 0 if there was none.
    annotated : bool
        True if reference annotations were at hand.
    overview, trend, points, events, alarms, drifts, gaps
        What is drawn: see the classes of these names.
    """

    record: str
    fs: float
    leads: tuple[str, ...]
    duration_s: float
    beats: int
    anomalies: int
    n_alarms: int
    n_drifts: int
    n_gaps: int
    kinds: dict[str, int]
    learning_until_s: float
    annotated: bool
    overview: Overview
    trend: Trend
    points: list[Point]
    events: list[Event]
    alarms: list[Alarm]
    drifts: list[Drift]
    gaps: list[Gap]


def rounded(values: ArrayLike, digits: int) -> Numbers:
    """Return numbers ready for JSON: rounded, None for NaN and infinities."""
    array = np.round(np.asarray(values, dtype=np.float64), digits)
    return [
        value if finite else None for value, finite in zip(array.tolist(), np.isfinite(array).tolist(), strict=True)
    ]


def report_path(out: PlaceLike, record: str) -> Place:
    """Return where the report of a record lies: ``DIR/report/<database>/<record>.json.gz``."""
    return result_path(place(out), "report", record, ".json.gz")


def save_report(out: PlaceLike, report: RecordReport) -> Place:
    """Save the report of a record beside its results, whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = report_path(out, report.record)
    text = report.model_dump_json().encode()
    with translated(place(out), report.record):
        packed = gzip.compress(text, compresslevel=6, mtime=0)
        replace_file(path, lambda part: part.write_bytes(packed), within=place(out))
    return path


def load_report(path: Place) -> RecordReport:
    """Return a saved report.

    Raises
    ------
    RecordNotFound
        If there is no such file.
    OutputError
        If it is damaged.
    """
    try:
        return RecordReport.model_validate_json(gzip.decompress(path.read_bytes()))
    except FileNotFoundError as error:
        raise RecordNotFound(f"{path} does not exist; score its record first") from error
    except (OSError, EOFError, zlib.error, ValidationError) as error:
        raise OutputError(f"{path} is damaged; remove it and score its record again") from error
