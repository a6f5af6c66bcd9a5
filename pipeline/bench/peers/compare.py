"""Rivals and this project on the same records, on the same core, in the same run."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.bench.alone import Alone, alone
from pipeline.bench.backfill import bench_backfill
from pipeline.bench.peers.own import find_r_peaks, network_sizes
from pipeline.bench.peers.rivals import DETECTORS, NETWORKS
from pipeline.bench.peers.running import run_rivals
from pipeline.bench.workload import Workload
from pipeline.evaluation.protocol import LEARNING_S
from pipeline.evaluation.rpeaks import RPeaks, judge_r_peaks, r_peak_figures

__all__ = ["RIVALS", "Compared", "DetectorCost", "WayCost", "bench_peers"]

RIVALS = (*DETECTORS, *NETWORKS)
OWN_LEADS = {"this project, two leads": 2, "this project, one lead": 1}
OWN_WAY = "this project: file to Parquet"
CAUSAL = {*OWN_LEADS}


@dataclass(frozen=True, slots=True)
class DetectorCost:
    """R peaks alone.

    Attributes
    ----------
    name : str
        Who found them.
    is_causal : bool
        True if each is out within a second, and never taken back.
    half_hour_s : float
        Processor time in s for 30 min of signal.
    times_real_time : float
        Signal over processor time.
    se, ppv : float
        Sensitivity and positive predictivity over the annotated records; NaN if none is annotated.
    v_missed, v_total : int
        Ventricular beats that were lost, and all of them.
    """

    name: str
    is_causal: bool
    half_hour_s: float
    times_real_time: float
    se: float
    ppv: float
    v_missed: int
    v_total: int


@dataclass(frozen=True, slots=True)
class WayCost:
    """All of the way from signal to verdicts, learning on.

    Attributes
    ----------
    name : str
        Whose way.
    weights : int
        Of its network.
    half_hour_s : float
        Processor time in s for 30 min of signal.
    beat_us : float
        Processor time a beat in us.
    times_real_time : float
        Signal over processor time.
    r_peaks_s, filters_s, score_s, learn_s, threshold_s : float
        Parts of ``half_hour_s``; NaN where they are not told apart.
    """

    name: str
    weights: int
    half_hour_s: float
    beat_us: float
    times_real_time: float
    r_peaks_s: float = float("nan")
    filters_s: float = float("nan")
    score_s: float = float("nan")
    learn_s: float = float("nan")
    threshold_s: float = float("nan")


@dataclass(frozen=True, slots=True)
class Compared:
    """All figures of one run; this project's rows come first.

    Attributes
    ----------
    what : str
        What the records are.
    hours : float
        Their length.
    beats : int
        Beats of each record that a network was given one by one, at most.
    detectors : tuple of DetectorCost
        R peaks alone.
    ways : tuple of WayCost
        All of the way.
    versions : dict of str to str
        Of the rivals.
    """

    what: str
    hours: float
    beats: int
    detectors: tuple[DetectorCost, ...]
    ways: tuple[WayCost, ...]
    versions: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def bench_peers(
    python: Path,
    work: Workload,
    *,
    rivals: Sequence[str] = RIVALS,
    beats: int = 500,
    progress: Callable[[str, float], object] = lambda _what, _share: None,
) -> Compared:
    """Measure rivals and this project.

    Parameters
    ----------
    python : Path
        Interpreter of an environment that has the rivals, see :func:`pipeline.bench.peers.environment.environment`.
    work : Workload
        The records.
    rivals : sequence of str
        Names of :data:`RIVALS`.
    beats : int
        How many beats of each record a rival's network is given; what a beat takes is scaled to all of them.
    progress : callable
        Told what is under way and the share that is done.

    Raises
    ------
    SourceUnavailable
        If a rival fails.
    """
    sizes = alone(network_sizes)
    hidden = _units_for(sizes["weights"], sizes["channels"], sizes["latent"])
    spec = {"rivals": list(rivals), "beats": beats, "hidden": hidden, "place": 0}
    spec |= {name: sizes[name] for name in ("steps", "step", "latent")}
    seconds: dict[str, float] = defaultdict(float)
    found: dict[str, dict[str, list[int]]] = defaultdict(dict)
    networks: dict[str, list[dict[str, Any]]] = defaultdict(list)
    versions: dict[str, str] = {}
    hours = 0.0
    with tempfile.TemporaryDirectory(prefix="ecg-bench-") as temporary, Alone() as process:
        for number, name in enumerate(work.names):
            progress(name, number / (len(work.names) + 1))
            record = work.open(name)
            hours += record.n_samples / record.fs / 3600.0
            for own, leads in OWN_LEADS.items():
                took, found[own][name] = process.run(find_r_peaks, work, name, leads)
                seconds[own] += took
            signal = np.concatenate([chunk.signal for chunk in record.chunks()])
            told = run_rivals(python, spec, signal, record.fs)
            versions = told["versions"]
            for rival, result in told["found"].items():
                if rival in DETECTORS:
                    seconds[rival] += result["cpu_s"]
                    found[rival][name] = result["peaks"]
                else:
                    networks[rival].append(result)
        progress(OWN_WAY, len(work.names) / (len(work.names) + 1))
        own_way = bench_backfill(work, Path(temporary) / "out", stages=False)
    half_hours = 2.0 * hours
    ways = [
        WayCost(
            OWN_WAY,
            sizes["weights"],
            own_way.cpu_s / half_hours,
            1e6 * own_way.cpu_s / max(own_way.beats, 1),
            3600.0 * hours / own_way.cpu_s,
        )
    ]
    all_beats = sum(len(peaks) for peaks in found["wfdb XQRS"].values()) or own_way.beats
    for rival, results in networks.items():
        ways.append(_way(rival, results, seconds["wfdb XQRS"], all_beats, hours))
    return Compared(
        what=work.what,
        hours=hours,
        beats=beats,
        detectors=tuple(_detector(name, found[name], seconds[name], work, hours) for name in found),
        ways=tuple(ways),
        versions=versions,
    )


def _units_for(weights: int, channels: int, latent: int) -> int:
    """Return how many units an LSTM autoencoder without conditions has whose weights are nearest to so many."""

    def count(h: int) -> int:
        return 4 * h * (channels + h + 2) + 4 * h * (latent + h + 2) + latent * (h + 1) + channels * (h + 1)

    return min(range(1, 1000), key=lambda h: abs(count(h) - weights))


def _detector(name: str, found: dict[str, list[int]], seconds: float, work: Workload, hours: float) -> DetectorCost:
    judged: list[RPeaks] = []
    for record_name, peaks in found.items():
        record = work.open(record_name)
        annotations = record.annotations()
        if annotations is not None:
            start_s = LEARNING_S if record.n_samples / record.fs > 2 * LEARNING_S else 0.0
            judged.append(judge_r_peaks(record.name, annotations, sorted(peaks), fs=record.fs, start_s=start_s))
    figures = r_peak_figures(judged) if judged else None
    return DetectorCost(
        name=name,
        is_causal=name in CAUSAL,
        half_hour_s=seconds / hours / 2.0,
        times_real_time=3600.0 * hours / max(seconds, 1e-9),
        se=figures.se if figures else float("nan"),
        ppv=figures.ppv if figures else float("nan"),
        v_missed=figures.v_missed if figures else 0,
        v_total=figures.v_total if figures else 0,
    )


def _way(rival: str, results: list[dict[str, Any]], r_peaks_s: float, beats: int, hours: float) -> WayCost:
    given = sum(result["beats"] for result in results)
    scale = beats / max(given, 1)
    parts = {part: scale * sum(result[part] for result in results) for part in ("score_s", "learn_s", "threshold_s")}
    filters_s = sum(result["filters_s"] for result in results)
    total = r_peaks_s + filters_s + sum(parts.values())
    return WayCost(
        name=f"XQRS, then {rival}",
        weights=results[0]["parameters"],
        half_hour_s=total / hours / 2.0,
        beat_us=1e6 * total / max(beats, 1),
        times_real_time=3600.0 * hours / total,
        r_peaks_s=r_peaks_s / hours / 2.0,
        filters_s=filters_s / hours / 2.0,
        **{part: value / hours / 2.0 for part, value in parts.items()},
    )
