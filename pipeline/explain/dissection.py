"""How an explanation is drawn from what a monitor has seen of a beat, and of the beats before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.context import QRS
from pipeline.detection.gates import beat_gates
from pipeline.detection.network import BeatNetwork
from pipeline.detection.score_parts import NOISE_SHARE, ScoreParts, fuse, shares_of_shape
from pipeline.detection.scorer import Prepared
from pipeline.detection.sequence.reader import SequenceReading
from pipeline.explain.explanation import Explanation, GateActivity, NearBeat
from pipeline.records import Findings
from pipeline.signals.resample import FS

__all__ = ["Remembered", "explain_beat"]

R_SAMPLE = 60  # of a window
USUAL = 64  # usual beats before the beat that its gates are held against
NEAREST = 3
LOW, HIGH = 10, 90  # percentiles of what is usual


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """Beats that follow each other, with what their scores were made of."""

    findings: Findings
    prepared: Prepared
    parts: ScoreParts
    sequence: SequenceReading


def explain_beat(
    network: BeatNetwork, blocks: Sequence[Remembered], beat: int, *, remember: int, gates: bool = True
) -> Explanation:
    """Explain a beat by what a monitor has seen of it and of the beats before it.

    Parameters
    ----------
    network : BeatNetwork
        The network that scored it.
    blocks : sequence of Remembered
        Beats in order; the beat is among them.
    beat : int
        Its number.
    remember : int
        So many beats before it, at the most, count as this patient's past.
    gates : bool
        Whether the gates are looked at, which takes most of the time.
    """
    block = next(block for block in blocks if block.findings.beat[0] <= beat <= block.findings.beat[-1])
    i = int(beat - block.findings.beat[0])
    past = [(b, _usual(b, beat, remember)) for b in blocks]
    usual_score, usual_shape = (
        _median(np.concatenate([getattr(b.findings, name)[at] for b, at in past])) for name in ("score", "shape")
    )
    parts, beats, told = block.parts, block.prepared.beats, block.sequence
    distance = np.where(parts.unknown[i : i + 1], np.nan, parts.distance[i : i + 1])
    has_score = bool(np.isfinite(block.findings.score[i]))
    brought = np.maximum([told.shape[i], told.rhythm[i], told.p_wave[i]], 0.0)
    shares = brought / brought.sum() if brought.any() else brought
    if not has_score:
        shares = np.full(3, np.nan)
    rr, expected_rr = float(beats.rr[i]), float(told.expected_rr[i])
    scored = block.findings[i]
    qrs = beats.residual[i : i + 1, :, QRS]
    error = parts.error[i].copy()
    error[parts.unknown[i]] = np.nan
    return Explanation(
        scored=scored,
        leads=block.findings.leads,
        model=network.kind,
        usual_score=usual_score,
        usual_shape=usual_shape,
        shape_share=float(shares[0]),
        rhythm_share=float(shares[1]),
        p_wave_share=float(shares[2]),
        noise_taken_off=float(fuse(distance)[0] - parts.shape[i]),
        expected_rr_s=expected_rr,
        early=1.0 - min(rr / expected_rr, 1.0),
        earlier=float(told.earlier[i]),
        time_ms=_ms(np.arange(len(scored.window))),
        error=scored.window - scored.expected,
        error_time_ms=_ms(np.arange(QRS.start, QRS.stop)),
        error_in_noise=error.T,
        share=shares_of_shape(parts.error[i : i + 1], qrs, distance - NOISE_SHARE * parts.noise[i : i + 1])[0].T,
        gates=_gates(network, block, i, past) if gates else {},
        nearest=_nearest(block, i, past),
    )


def _usual(block: Remembered, beat: int, remember: int) -> NDArray[np.int64]:
    """Return where in a block the patient's usual beats are: near a template, on time, and not flagged."""
    findings, beats = block.findings, block.prepared.beats
    is_past = (findings.beat < beat) & (findings.beat >= beat - remember)
    usual = is_past & beats.near & beats.on_time & ~findings.is_anomaly & np.isfinite(findings.score)
    return np.flatnonzero(usual)


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if len(values) else np.nan


def _ms(sample: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray((sample - R_SAMPLE) / FS * 1000.0, dtype=np.float64)


def _gates(
    network: BeatNetwork, block: Remembered, i: int, past: Sequence[tuple[Remembered, NDArray[np.int64]]]
) -> dict[str, GateActivity]:
    read = [
        np.concatenate([*(getattr(b.prepared, name)[at] for b, at in past), getattr(block.prepared, name)[i : i + 1]])[
            -USUAL - 1 :
        ]
        for name in ("residual", "condition")
    ]
    step = network.shape.step
    time_ms = _ms(QRS.start + np.arange(network.shape.steps) * step) + 500.0 * (step - 1) / FS
    out = {}
    for layer, gates in beat_gates(network, *read).items():
        mean = {name: getattr(gates, name).mean(axis=2, dtype=np.float64) for name in ("input", "forget", "output")}
        usual = {
            percent: {
                name: np.percentile(values[:-1], percent, axis=0) if len(values) > 1 else np.full(len(time_ms), np.nan)
                for name, values in mean.items()
            }
            for percent in (LOW, 50, HIGH)
        }
        own = {name: values[-1] for name, values in mean.items()}
        out[layer] = GateActivity(time_ms, own, usual[LOW], usual[50], usual[HIGH])
    return out


def _nearest(block: Remembered, i: int, past: Sequence[tuple[Remembered, NDArray[np.int64]]]) -> tuple[NearBeat, ...]:
    beats = block.prepared.beats
    there = beats.present[i] & ~block.parts.unknown[i]
    if not there.any():
        return ()
    unit = np.maximum(beats.noise[i] * beats.scale[i][:, None], 1e-6)[there, QRS]  # (leads, samples), mV
    own = block.findings.window[i, QRS].T[there]
    found: list[NearBeat] = []
    for other, at in past:
        windows = other.findings.window[at][:, QRS].transpose(0, 2, 1)[:, there]
        apart = windows - own
        apart = (apart - apart.mean(axis=2, keepdims=True)) / unit
        distance = np.sqrt(np.square(apart, dtype=np.float64).mean(axis=(1, 2)))
        for k in np.argsort(np.where(np.isnan(distance), np.inf, distance), kind="stable")[:NEAREST]:
            j = int(at[k])
            if np.isfinite(distance[k]):
                time_s = float(other.findings.time_s[j])
                found.append(
                    NearBeat(int(other.findings.beat[j]), time_s, float(distance[k]), other.findings.window[j])
                )
    return tuple(sorted(found, key=lambda near: (near.distance, near.beat))[:NEAREST])
