"""One call for an array or a file: a table with a row a beat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pipeline.detection.model import BeatModel
from pipeline.monitor import Monitor
from pipeline.records import KINDS, Chunk, Findings, Record
from pipeline.scoring.remarks import Remarks
from pipeline.settings import Settings
from pipeline.sources import open_record
from pipeline.sources.door import HIGHEST_FS, LOWEST_FS, Door
from pipeline.sources.foreign import open_recording
from pipeline.sources.foreign.registry import is_listed
from pipeline.sources.leads import MAX_LEADS, millivolts_per_unit, unique_names
from pipeline.storage.beats import beat_columns

__all__ = ["score_array", "score_record"]

_CHUNK_S = 60.0


def score_array(
    signal: ArrayLike,
    fs: float,
    leads: Sequence[str] = ("II",),
    *,
    units: str = "mV",
    name: str = "array",
    model: BeatModel | None = None,
    settings: Settings | None = None,
) -> pd.DataFrame:
    """Score the heartbeats of a signal in memory.

    Parameters
    ----------
    signal : array_like, shape (samples,) or (samples, leads) or (leads, samples)
        NaN where a sample is missing. The first two leads are scored.
    fs : float
        Rate in Hz, 50 to 10,000.
    leads : sequence of str
        Names of the leads, one per column; put the better one first, such as ``II``.
    units : str
        Unit of the signal: ``mV``, ``uV`` or ``V``.
    name : str
        What the column ``record`` says.
    model : BeatModel, optional
        By default the one that ships with the project.
    settings : Settings, optional
        Declared false-alarm rate and alarm rules; read from the environment by default.

    Returns
    -------
    DataFrame
        One row per beat with the attributes of :class:`~pipeline.records.ScoredBeat` but its windows; ``r_peak`` counts
        in samples of the array. ``attrs`` holds ``alarms``, ``drifts`` and ``gaps`` as tables and ``remarks``, lines
        on what a person should know.

    Raises
    ------
    ValueError
        If shape, rate, leads or unit do not fit, or there are no samples.

    Examples
    --------
    >>> import numpy as np
    >>> from pipeline import score_array
    >>> len(score_array(np.zeros(2500), 250.0))  # a flat line has no beats
    0
    """
    names = unique_names(leads)
    values = _in_columns(np.asarray(signal, dtype=np.float64), len(names))
    scale = millivolts_per_unit(units)
    if scale is None:
        raise ValueError(f"units must be mV, uV or V, not {units!r}")
    if not LOWEST_FS <= fs <= HIGHEST_FS:
        raise ValueError(f"fs must be {LOWEST_FS:g} to {HIGHEST_FS:g} Hz, not {fs}")
    return _frame(_Array(values * scale, fs, tuple(names), name), fs, model, settings)


def score_record(
    record: str | Path | Record,
    *,
    leads: Sequence[str] | None = None,
    fs: float | None = None,
    units: str | None = None,
    model: BeatModel | None = None,
    settings: Settings | None = None,
) -> pd.DataFrame:
    """Score the heartbeats of a recording.

    Parameters
    ----------
    record : str, Path or Record
        A file of any format that is read (``night.edf``), a record of PhysioNet (``mitdb/208``), or an open record.
    leads : sequence of str, optional
        Leads in order of preference; by default chosen by name.
    fs, units : float, str, optional
        Rate in Hz and unit, where a file does not say.
    model, settings
        As :func:`score_array`.

    Returns
    -------
    DataFrame
        As :func:`score_array` returns it.

    Raises
    ------
    PipelineError
        If the recording cannot be read; the message names it and says what to do.
    """
    if isinstance(record, str | Path):
        path = Path(record)
        if path.is_file() or isinstance(record, Path) or is_listed(path):
            opened: Record = open_recording(path, fs=fs, units=units, leads=leads, max_leads=2)
        else:
            opened = open_record(record, leads=leads, settings=settings)
    else:
        opened = record
    return _frame(opened, opened.fs, model, settings)


def _in_columns(values: NDArray[np.float64], leads: int) -> NDArray[np.float64]:
    columns = values[:, None] if values.ndim == 1 else values
    if columns.ndim != 2 or not 1 <= leads <= MAX_LEADS or leads not in columns.shape:
        raise ValueError(f"a signal of shape {values.shape} does not fit {leads} leads")
    return columns if columns.shape[1] == leads else columns.T


def _frame(record: Record, fs: float, model: BeatModel | None, settings: Settings | None) -> pd.DataFrame:
    settings = settings or Settings()
    monitor = Monitor(
        BeatModel.pretrained() if model is None else model, threshold=settings.threshold, alarms=settings.alarms
    )
    remarks = Remarks(record)
    parts: list[Findings] = []
    for findings in monitor.stream(record, seconds=_CHUNK_S):
        remarks.take(findings)
        parts.append(findings)
    columns = [beat_columns(findings) for findings in parts]
    if not columns:
        raise ValueError(f"{record.name}: it holds no samples")
    frame = pd.DataFrame({name: np.concatenate([part[name] for part in columns]) for name in columns[0]})
    frame.insert(0, "record", record.name)
    if len(frame):
        frame["kind"] = [KINDS[int(code)] for code in frame["kind"]]
        frame["r_peak"] = np.round(frame["time_s"].to_numpy() * fs).astype(np.int64)
    for table in ("alarms", "drifts", "gaps"):
        frame.attrs[table] = pd.DataFrame([asdict(event) for part in parts for event in getattr(part, table)])
    frame.attrs["remarks"] = list(remarks.lines())
    return frame


class _Array(Record):
    """A signal in memory as a record, at a rate that a monitor takes."""

    def __init__(self, signal: NDArray[np.float64], fs: float, leads: tuple[str, ...], name: str) -> None:
        self._door = Door(fs)
        blocks = list(self._door.blocks(iter([signal])))
        self._signal = np.concatenate(blocks).astype(np.float32) if len(signal) else signal.astype(np.float32)
        self._leads = leads
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    @property
    def fs(self) -> float:
        return self._door.fs

    @property
    def leads(self) -> tuple[str, ...]:
        return self._leads

    @property
    def n_samples(self) -> int:
        return len(self._signal)

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        size = max(1, round(seconds * self.fs))
        for first in range(0, len(self._signal), size):
            yield Chunk(self._name, first, self.fs, self._leads, self._signal[first : first + size])

    def annotations(self) -> None:
        return None
