from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.records import Alarm, Drift, Findings, Gap

FS = 360.0


def make_findings(
    record: str = "mitdb/208",
    n: int = 500,
    *,
    r_peak: NDArray[np.int64] | None = None,
    seed: int = 0,
    alarms: tuple[Alarm, ...] = (),
    drifts: tuple[Drift, ...] = (),
    gaps: tuple[Gap, ...] = (),
) -> Findings:
    rng = np.random.default_rng(seed)
    peaks = np.cumsum(rng.integers(200, 400, n)).astype(np.int64) if r_peak is None else r_peak
    n = len(peaks)
    score = rng.gamma(2.0, 1.0, n)
    score[rng.random(n) < 0.02] = np.nan
    window = rng.normal(size=(n, 110, 2)).astype(np.float32)
    return Findings(
        record=record,
        fs=FS,
        leads=("MLII", "V1"),
        beat=np.arange(n),
        r_peak=peaks,
        rr_s=np.diff(peaks, prepend=-1) / FS if n else np.empty(0),
        score=score,
        threshold=np.full(n, 4.0),
        p_value=np.exp(-score),
        is_anomaly=np.nan_to_num(score) > 4.0,
        drift=np.zeros(n, dtype=np.bool_),
        quality=np.ones(n, dtype=np.float32),
        learning=peaks < 300 * FS,
        kind=rng.integers(0, 4, n).astype(np.uint8),
        shape=score / 2,
        rhythm=score / 2,
        state=np.ones(n, dtype=np.uint8),
        state_probability=np.full(n, 0.9, dtype=np.float32),
        held=np.zeros(n, dtype=np.bool_),
        window=window,
        expected=window,
        alarms=alarms,
        drifts=drifts,
        gaps=gaps,
    )


def make_annotations(findings: Findings, *, every: int = 1, fs: float = FS) -> Annotations:
    """A reference annotation near every n-th found beat."""
    sample = np.round(findings.r_peak[::every] * fs / FS).astype(np.int64) + 3
    symbol = np.array(["N", "V", "A", "F", "Q"])[np.arange(len(sample)) % 5]
    return Annotations(sample=sample, symbol=symbol, aux_note=("",) * len(sample), fs=fs)


@pytest.fixture(params=["folder", "memory", "s3"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for results of each kind; the folder's name is full of signs."""
    if request.param == "folder":
        return str(tmp_path / "re*su[l]t's $? {a,b}")
    root = "memory:/" if request.param == "memory" else request.getfixturevalue("s3")
    return f"{root}/{uuid.uuid4().hex}/results"


@pytest.fixture
def findings() -> Callable[..., Findings]:
    return make_findings


@pytest.fixture(name="annotations")  # the name of the future import
def annotations_factory() -> Callable[..., Annotations]:
    return make_annotations


@pytest.fixture
def alarm() -> Callable[..., Alarm]:
    def make(record: str = "mitdb/208", raised_s: float = 12.0, message: str = "3 anomalies in a row") -> Alarm:
        return Alarm(record, "run of 3 or more", "high", True, raised_s - 2.0, raised_s, 4, 6, message)

    return make
