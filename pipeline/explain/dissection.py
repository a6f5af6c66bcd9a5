"""How an explanation is drawn from what a monitor has seen of a beat, and of the beats before it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.context import QRS
from pipeline.detection.model import BeatModel
from pipeline.detection.score_parts import NOISE_SHARE, fuse, shares_of_shape
from pipeline.explain.explanation import Explanation, GateActivity, NearBeat
from pipeline.explain.remembered import Remembered
from pipeline.signals.resample import FS

__all__ = ["explain_beat"]

R_SAMPLE = 60  # of a window
USUAL = 64  # usual beats before the beat that its gates are held against
NEAREST = 3
LOW, HIGH = 10, 90  # percentiles of what is usual


def explain_beat(
    model: BeatModel, blocks: Sequence[Remembered], beat: int, *, remember: int, gates: bool = True
) -> Explanation:
    """Explain a beat by what a monitor has seen of it and of the beats before it.

    Parameters
    ----------
    model : BeatModel
        What scored it.
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
    distance = np.where(block.unknown[i : i + 1], np.nan, block.distance[i : i + 1])
    brought = np.maximum(block.brought[i], 0.0)
    shares = brought / brought.sum() if brought.any() else brought
    if np.isnan(block.findings.score[i]):
        shares = np.full(3, np.nan)
    rr, expected_rr = float(block.findings.rr_s[i]), float(block.expected_rr[i])
    scored = block.findings[i]
    error = block.error[i].copy()
    error[block.unknown[i]] = np.nan
    return Explanation(
        scored=scored,
        leads=block.findings.leads,
        model=model.kind,
        usual_score=usual_score,
        usual_shape=usual_shape,
        shape_share=float(shares[0]),
        rhythm_share=float(shares[1]),
        p_wave_share=float(shares[2]),
        noise_taken_off=float(fuse(distance)[0] - block.findings.shape[i]),
        expected_rr_s=expected_rr,
        early=1.0 - min(rr / expected_rr, 1.0),
        earlier=float(block.earlier[i]),
        time_ms=_ms(np.arange(len(scored.window))),
        error=scored.window - scored.expected,
        error_time_ms=_ms(np.arange(QRS.start, QRS.stop)),
        error_in_noise=error.T,
        share=shares_of_shape(
            block.error[i : i + 1], block.residual[i : i + 1], distance - NOISE_SHARE * block.noise[i : i + 1]
        )[0].T,
        gates=_gates(model, block, i, past) if gates else {},
        nearest=_nearest(block, i, past),
    )


def _usual(block: Remembered, beat: int, remember: int) -> NDArray[np.int64]:
    """Return where in a block the patient's usual beats are: near a template, on time, and not flagged."""
    number = block.findings.beat
    return np.flatnonzero(block.usual & (number < beat) & (number >= beat - remember))


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if len(values) else np.nan


def _ms(sample: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray((sample - R_SAMPLE) / FS * 1000.0, dtype=np.float64)


def _gates(
    model: BeatModel, block: Remembered, i: int, past: Sequence[tuple[Remembered, NDArray[np.int64]]]
) -> dict[str, GateActivity]:
    from pipeline.detection.gates import beat_gates  # here: torch takes hundreds of megabytes, and few ask for gates

    network = model.network
    read = [
        np.concatenate([*(getattr(b, name)[at] for b, at in past), getattr(block, name)[i : i + 1]])[-USUAL - 1 :]
        for name in ("read_residual", "read_condition")
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
    there = block.present[i] & ~block.unknown[i]
    if not there.any():
        return ()
    unit = block.unit[i][there]  # (leads, samples), mV
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
