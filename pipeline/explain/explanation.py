"""Why a beat got its score: what an explanation holds, in numbers, words and plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.records import ScoredBeat

__all__ = ["Explanation", "GateActivity", "NearBeat"]


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
            if np.isfinite(beat.window).any():
                return "No score: it is one of the first beats, of which the patient's first template is made."
            return "No score: no lead could be read at this beat."
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
