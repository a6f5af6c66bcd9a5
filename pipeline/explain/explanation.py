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

    What shape, interval and P wave bring is what the score would lose if that one were as usual for the patient.

    Attributes
    ----------
    scored : ScoredBeat
        The beat with its verdict, its window and what was expected.
    leads : tuple of str
        Names of the leads.
    model : str
        Kind of the network.
    usual_score, usual_shape : float
        Medians of the patient's usual beats before; NaN if there was none.
    shape_share, rhythm_share, p_wave_share : float
        Shares of what shape, interval and P wave bring; all 0 if they bring nothing, NaN if the beat has no score.
    noise_taken_off : float
        What the score lost because the signal around the beat was noisy.
    expected_rr_s : float
        Median of the R-R interval that a normal beat would have had here, in s; NaN if nothing was known of the rate.
    early : float
        Share of it by which the beat came early; 0 if late, NaN if unknown.
    earlier : float
        Share of normal beats that would have come as early or earlier, as the network expects them; NaN if unknown.
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
    usual_score: float
    usual_shape: float
    shape_share: float
    rhythm_share: float
    p_wave_share: float
    noise_taken_off: float
    expected_rr_s: float
    early: float
    earlier: float
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
        shares = {"shape": self.shape_share, "rhythm": self.rhythm_share, "P wave": self.p_wave_share}
        brought = [f"{100 * share:.0f} % {name}" for name, share in sorted(shares.items(), key=lambda item: -item[1])]
        if any(shares.values()):
            said.append(f"What is unusual in it is {brought[0]}, {brought[1]} and {brought[2]}.")
        else:
            said.append("Nothing in it is above the patient's usual.")
        if self.early > 0.02:
            said.append(f"It came {100 * self.early:.0f} % before it was due at {self.expected_rr_s:.2f} s.")
            said.append(f"Of normal beats here {_one_in(self.earlier)} would come as early.")
        if self.shape_share > 0 and np.isfinite(self.share).any() and self.share.any():
            at, lead = np.unravel_index(int(np.argmax(self.share)), self.share.shape)
            said.append(f"Its shape differs most in {self.leads[int(lead)]}, {self.error_time_ms[at]:+.0f} ms from R.")
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


def _one_in(share: float) -> str:
    if share >= 0.05:
        return f"{100 * share:.0f} %"
    return f"1 in {1.0 / share:,.0f}" if share > 1e-6 else "less than 1 in a million"


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
