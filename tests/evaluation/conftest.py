"""Builders of annotations, judged beats and findings, and the real records where a mirror is at hand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfilt

from pipeline.annotations import Annotations
from pipeline.evaluation.beats import JudgedBeats, judge
from pipeline.records import Chunk, Findings

MakeAnnotations = Callable[..., Annotations]
MakeBeats = Callable[..., JudgedBeats]
MakeFindings = Callable[..., Findings]


@dataclass
class ArrayRecord:
    """A record that lies in memory."""

    name: str
    fs: float
    leads: tuple[str, ...]
    signal: NDArray[np.float32]
    reference: Annotations | None = None

    @property
    def n_samples(self) -> int:
        return len(self.signal)

    def annotations(self) -> Annotations | None:
        return self.reference

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        step = max(1, round(seconds * self.fs))
        for start in range(0, len(self.signal), step):
            yield Chunk(self.name, start, self.fs, self.leads, self.signal[start : start + step])


@dataclass
class RealRecord(ArrayRecord):
    """A real record, with the beat windows that its reference R peaks give."""

    def windows(self) -> NDArray[np.float32]:
        """Return R - 60 .. R + 50 samples at 180 Hz after a causal Butterworth filter of order 2, 0.5-40 Hz."""
        assert self.reference is not None
        filtered = sosfilt(butter(2, [0.5, 40.0], "band", fs=self.fs, output="sos"), self.signal, axis=0)
        padded = np.pad(resample_poly(filtered, 1, 2, axis=0), ((60, 60), (0, 0)), mode="edge")
        peaks = np.round(self.reference.beats()[0] * 180 / self.fs).astype(np.int64)
        return np.stack([padded[r : r + 110] for r in peaks]).astype(np.float32)


def annotations_of(
    samples: Sequence[int], symbols: str, *, notes: dict[int, str] | None = None, fs: float = 100.0
) -> Annotations:
    """Return annotations, one letter of ``symbols`` each; ``notes`` gives the note of an annotation by its index."""
    aux = tuple((notes or {}).get(i, "") for i in range(len(symbols)))
    return Annotations(np.array(samples, dtype=np.int64), np.array(list(symbols), dtype=np.str_), aux, fs)


def beats_of(
    record: str,
    symbols: str,
    scores: Sequence[float],
    *,
    p_values: Sequence[float] | None = None,
    flags: Sequence[bool] | None = None,
    kinds: Sequence[int] | None = None,
) -> JudgedBeats:
    """Return judged beats at one a second from 5:00 on, as track A gives them."""
    peaks = 30_000 + 100 * np.arange(len(symbols))
    given = {"score": scores, "p_value": p_values, "is_anomaly": flags, "kind": kinds}
    columns = {name: values for name, values in given.items() if values is not None}
    return judge(
        record, annotations_of(peaks.tolist(), symbols), peaks, columns, fs=100.0, n_samples=30_000 + 100 * len(symbols)
    )


def findings_of(record: str, r_peak: NDArray[np.int64], score: NDArray[np.float64], *, fs: float = 100.0) -> Findings:
    """Return findings with random windows whose verdicts are those of a threshold of 1."""
    n = len(r_peak)
    zeros = np.zeros(n)
    windows = np.random.default_rng(n).normal(size=(n, 110, 2)).astype(np.float32)
    return Findings(
        record=record,
        fs=fs,
        leads=("MLII", "V1"),
        beat=np.arange(n),
        r_peak=r_peak,
        rr_s=zeros,
        score=score,
        threshold=zeros + 1.0,
        p_value=np.clip(np.exp(-score), 0.0, 1.0),
        is_anomaly=score > 1.0,
        drift=zeros > 0,
        quality=zeros.astype(np.float32),
        learning=r_peak < 300 * fs,
        kind=np.where(score > 1.0, 1, 0).astype(np.uint8),
        shape=zeros,
        rhythm=zeros,
        state=np.ones(n, dtype=np.uint8),
        state_probability=np.ones(n, dtype=np.float32),
        held=zeros > 0,
        window=windows,
        expected=windows,
    )


@pytest.fixture(scope="session")
def make_annotations() -> MakeAnnotations:
    return annotations_of


@pytest.fixture(scope="session")
def make_beats() -> MakeBeats:
    return beats_of


@pytest.fixture(scope="session")
def make_findings() -> MakeFindings:
    return findings_of


@pytest.fixture(scope="session")
def make_record() -> type[ArrayRecord]:
    return ArrayRecord


@pytest.fixture(scope="session")
def real_record() -> Callable[[str], RealRecord]:
    """Return a reader of records such as ``mitdb/100`` from the folder that ``ECG_PHYSIONET_URL`` names."""
    folder = Path(os.environ.get("ECG_PHYSIONET_URL", "").removeprefix("file://"))
    if not folder.is_absolute() or not (folder / "mitdb").is_dir():
        pytest.skip("ECG_PHYSIONET_URL names no folder with mitdb")

    @cache
    def read(name: str) -> RealRecord:
        database, number = name.split("/")
        path = str(folder / database / "1.0.0" / number)
        record = wfdb.rdrecord(path)
        leads = sorted(record.sig_name, key=lambda lead: lead != "MLII")
        order = [record.sig_name.index(lead) for lead in leads] if len(set(leads)) == len(leads) else [0, 1]
        reference = None
        if Path(path + ".atr").exists():
            atr = wfdb.rdann(path, "atr")
            reference = Annotations(np.array(atr.sample, np.int64), np.array(atr.symbol), tuple(atr.aux_note), 360.0)
        signal = record.p_signal[:, order].astype(np.float32)
        return RealRecord(name, float(record.fs), tuple(leads), signal, reference)

    return read
