"""Why a beat got its score: what an explanation holds, and how it is drawn from what a monitor saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.context import QRS
from pipeline.detection.gates import beat_gates
from pipeline.detection.network import BeatNetwork
from pipeline.detection.scorer import NOISE_SHARE, Prepared, ScoreParts, fuse, rhythm_term, shares_of_shape
from pipeline.records import Findings, ScoredBeat
from pipeline.signals.resample import FS

__all__ = ["Explanation", "GateActivity", "NearBeat", "Remembered", "explain_beat"]

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


@dataclass(frozen=True, slots=True, eq=False)
class GateActivity:
    """How far the gates of one LSTM are open over a beat, on average over its units, from 0 to 1.

    Attributes
    ----------
    time_ms : ndarray, shape (steps,)
        Middle of each step from the R peak.
    beat : dict of str to ndarray, shape (steps,)
        ``input``, ``forget`` and ``output`` gate.
    low, usual, high : dict of str to ndarray, shape (steps,)
        10th percentile, median and 90th percentile of the patient's usual beats before; NaN if there was none.
    """

    time_ms: NDArray[np.float64]
    beat: dict[str, NDArray[np.float64]]
    low: dict[str, NDArray[np.float64]]
    usual: dict[str, NDArray[np.float64]]
    high: dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class NearBeat:
    """A normal beat of the same patient.

    Attributes
    ----------
    beat : int
        Its number.
    time_s : float
        Its R peak in s.
    distance : float
        Root mean square difference of the QRS region in units of the patient's noise, an offset per lead taken out.
    window : ndarray of float32, shape (samples, leads)
        Its window in mV.
    """

    beat: int
    time_s: float
    distance: float
    window: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Why a beat got its score.

    Shape and rhythm are counted from what is usual for the patient: a usual beat has a shape of about -0.3 and a rhythm
    of about 0.

    Attributes
    ----------
    scored : ScoredBeat
        The beat with its verdict, its window and what was expected.
    leads : tuple of str
        Names of the leads.
    model : str
        Kind of the network.
    usual_shape, usual_rhythm : float
        Medians of the patient's usual beats before; NaN if there was none.
    shape_share, rhythm_share : float
        Shares of what the score has above the usual; both 0 if it has nothing, NaN if the beat has no score.
    noise_taken_off : float
        What the score lost because the signal around the beat was noisy.
    early : float
        Share of the patient's unhurried R-R interval by which the beat came early; 0 if late, NaN if unknown.
    variability : float
        Median change of the patient's R-R interval from beat to beat, as a log.
    p_wave_added : float
        What a changed P wave added to the rhythm's part; below 0 where a usual one took from it.
    time_ms : ndarray, shape (samples,)
        Time of the window's samples from the R peak.
    error : ndarray of float32, shape (samples, leads)
        Seen minus expected in mV.
    error_time_ms : ndarray, shape (n,)
        Time of the samples that are scored.
    error_in_noise : ndarray of float32, shape (n, leads)
        What the network left unexplained in them, in units of the patient's own beat-to-beat noise.
    share : ndarray of float64, shape (n, leads)
        Their shares of the shape's part, which sum to 1.
    gates : dict of str to GateActivity
        By name of the LSTM; empty if nobody asked for them.
    nearest : tuple of NearBeat
        The nearest normal beats of this patient so far, the nearest first.
    """

    scored: ScoredBeat
    leads: tuple[str, ...]
    model: str
    usual_shape: float
    usual_rhythm: float
    shape_share: float
    rhythm_share: float
    noise_taken_off: float
    early: float
    variability: float
    p_wave_added: float
    time_ms: NDArray[np.float64]
    error: NDArray[np.float32]
    error_time_ms: NDArray[np.float64]
    error_in_noise: NDArray[np.float32]
    share: NDArray[np.float64]
    gates: dict[str, GateActivity]
    nearest: tuple[NearBeat, ...]

    @property
    def words(self) -> str:
        """The same in a few sentences."""
        beat = self.scored
        if np.isnan(beat.score):
            return "No score: the patient's first template did not stand yet, or no lead was there."
        verdict = "above" if beat.is_anomaly else "below"
        said = [f"Score {beat.score:.2f}, {verdict} the threshold of {beat.threshold:.2f}."]
        if self.shape_share + self.rhythm_share > 0:
            first, second = f"{100 * self.shape_share:.0f} % shape", f"{100 * self.rhythm_share:.0f} % rhythm"
            if self.rhythm_share > self.shape_share:
                first, second = second, first
            said.append(f"Above the patient's usual it is {first} and {second}.")
        else:
            said.append("Nothing in it is above the patient's usual.")
        if self.early > 0.02:
            said.append(f"It came {100 * self.early:.0f} % early.")
        if self.shape_share > 0 and np.isfinite(self.share).any() and self.share.any():
            at, lead = np.unravel_index(int(np.argmax(self.share)), self.share.shape)
            said.append(f"Its shape differs most in {self.leads[int(lead)]}, {self.error_time_ms[at]:+.0f} ms from R.")
        if self.p_wave_added >= 0.05:
            said.append(f"A changed P wave added {self.p_wave_added:.2f}.")
        if self.noise_taken_off >= 0.05:
            said.append(f"Noise around it took {self.noise_taken_off:.2f} off.")
        return " ".join(said)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values, ready for JSON; arrays have one list per lead, NaN is None."""
        document = asdict(self)
        document["words"] = self.words
        for name in ("error", "error_in_noise", "share"):
            document[name] = document[name].T
        document["scored"] |= {name: getattr(self.scored, name).T for name in ("window", "expected")}
        for near in document["nearest"]:
            near["window"] = near["window"].T
        plain: dict[str, Any] = _plain(document)
        return plain


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
    usual_shape, usual_rhythm = (
        float(np.median(values))
        if len(values := np.concatenate([getattr(b.parts, name)[at] for b, at in past]))
        else np.nan
        for name in ("shape", "rhythm")
    )
    parts, beats = block.parts, block.prepared.beats
    distance = np.where(parts.unknown[i : i + 1], np.nan, parts.distance[i : i + 1])
    above_shape = max(0.0, float(parts.shape[i]) - np.nan_to_num(usual_shape))
    above_rhythm = max(0.0, float(parts.rhythm[i]) - np.nan_to_num(usual_rhythm))
    has_score = bool(np.isfinite(block.findings.score[i]))
    above = above_shape + above_rhythm if has_score else np.nan
    early, variability = beats.early[i : i + 1], beats.variability[i : i + 1]
    without_p_wave = rhythm_term(early, variability, np.full(1, np.nan))[0]
    scored = block.findings[i]
    qrs = beats.residual[i : i + 1, :, QRS]
    error = parts.error[i].copy()
    error[parts.unknown[i]] = np.nan
    return Explanation(
        scored=scored,
        leads=block.findings.leads,
        model=network.kind,
        usual_shape=usual_shape,
        usual_rhythm=usual_rhythm,
        shape_share=above_shape / above if above else above,
        rhythm_share=above_rhythm / above if above else above,
        noise_taken_off=float(fuse(distance)[0] - parts.shape[i]),
        early=float(np.where(np.isnan(early[0]), np.nan, 1.0 - np.exp(-max(0.0, early[0])))),
        variability=float(variability[0]),
        p_wave_added=float(parts.rhythm[i] - without_p_wave) if has_score else np.nan,
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


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value
