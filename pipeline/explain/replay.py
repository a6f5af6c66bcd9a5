"""Why this beat? Replay a record to a beat and say why it got its score."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.detection.model import BeatModel
from pipeline.errors import RecordUnsupported
from pipeline.explain.explanation import Explanation
from pipeline.explain.witness import Witness
from pipeline.records import Record
from pipeline.settings import AlarmSettings, ThresholdSettings
from pipeline.signals.peaks import PeakFinder

__all__ = ["explain"]

CHUNK_S = 60.0
REMEMBERED = 2000  # beats before it that count as the patient's past


def explain(
    record: Record,
    beat: int | None = None,
    *,
    time_s: float | None = None,
    model: BeatModel | None = None,
    threshold: ThresholdSettings | None = None,
    alarms: AlarmSettings | None = None,
    peaks: Callable[[], PeakFinder] | None = None,
    gates: bool = True,
) -> Explanation:
    """Explain a beat of a record, by number or by time.

    The record is replayed through a monitor (:class:`pipeline.explain.witness.Witness`) from its beginning to the beat,
    so the score explained is the score that the beat got.

    Parameters
    ----------
    record : Record
        Where the beat is.
    beat : int, optional
        Running number of the beat, from 0.
    time_s : float, optional
        In its place a time in s from the record's start: the beat with the nearest R peak.
    model : BeatModel, optional
        What scored it; by default the model that ships.
    threshold, alarms, peaks
        As :class:`pipeline.Monitor` takes them.
    gates : bool
        Whether the gates of the LSTM are looked at, which takes PyTorch.

    Raises
    ------
    ValueError
        If neither or both of ``beat`` and ``time_s`` are given, or one is negative.
    RecordUnsupported
        If the record has no such beat.
    PipelineError
        If the record cannot be read.

    Examples
    --------
    >>> from pipeline import open_record
    >>> from pipeline.explain.replay import explain
    >>> print(explain(open_record("mitdb/208"), time_s=600).words)  # doctest: +SKIP
    """
    if (beat is None) == (time_s is None):
        raise ValueError(f"a beat is asked for by number or by time: beat is {beat}, time_s is {time_s}")
    if (beat or 0) < 0 or not (time_s or 0.0) >= 0.0:
        raise ValueError(f"beats and times count from 0: beat is {beat}, time_s is {time_s}")
    witness = Witness(
        model or BeatModel.pretrained(),
        threshold=threshold,
        alarms=alarms,
        peaks=peaks,
        remember=REMEMBERED,
        gates=gates,
    )
    last: tuple[int, float] | None = None  # number and time of the last beat seen
    for findings in witness.stream(record, seconds=CHUNK_S):
        if not len(findings):
            continue
        first, stop = int(findings.beat[0]), int(findings.beat[-1]) + 1
        if beat is not None and first <= beat < stop:
            return witness.explain(beat, gates=gates)
        if time_s is not None and float(findings.time_s[-1]) >= time_s:
            at = int(findings.time_s.searchsorted(time_s))
            near = [(int(findings.beat[k]), float(findings.time_s[k])) for k in (at - 1, at) if k >= 0]
            near += [last] if at == 0 and last is not None else []
            return witness.explain(min(near, key=lambda pair: abs(pair[1] - time_s))[0], gates=gates)
        last = stop - 1, float(findings.time_s[-1])
    if last is None:
        raise RecordUnsupported(f"record {record.name!r} has no beat")
    if time_s is not None and time_s <= record.n_samples / record.fs:
        return witness.explain(last[0], gates=gates)
    what = f"beat {beat}" if time_s is None else f"beat at {time_s:g} s"
    raise RecordUnsupported(f"record {record.name!r} has no {what}: its last is {last[0]}, at {last[1]:.1f} s")
