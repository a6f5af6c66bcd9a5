"""How well a score ranks anomalies above normal beats: AUROC and AUPRC, with a bootstrap over records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.evaluation.beats import JudgedBeats
from pipeline.evaluation.protocol import ANOMALOUS, MIN_ANOMALIES
from pipeline.jit import jit

__all__ = ["Ranking", "auprc", "auroc", "difference", "mean_over_seeds", "ranking"]

Floats = NDArray[np.float64]
FIGURES = tuple(f"{group}.{figure}" for group in ("macro", "pooled", "V", "S", "F") for figure in ("auroc", "auprc"))


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Ranking figures of one method over a set of records.

    Attributes
    ----------
    records : tuple of str
        The records, in order of their names.
    figures : dict of str to float
        ``macro.auroc``, ``macro.auprc``, the same for ``pooled``, and for ``V``, ``S`` and ``F`` against the normal
        beats, pooled. NaN where there is nothing to rank, or fewer than ten anomalies.
    replicates : dict of str to ndarray, shape (n_boot,)
        The same figures on records drawn with replacement.
    per_record : dict of str to (auroc, auprc)
        Records with at least ten anomalies and a normal beat.
    spread : dict of str to float
        Standard deviation of each figure over the seeds of the model; empty for one seed.
    """

    records: tuple[str, ...]
    figures: dict[str, float]
    replicates: dict[str, Floats]
    per_record: dict[str, tuple[float, float]]
    spread: dict[str, float]

    def interval(self, figure: str, level: float = 0.95) -> tuple[float, float]:
        """Return the percentile interval of a figure over the bootstrap replicates; NaN where there are none."""
        return _interval(self.replicates[figure], level)


def auroc(scores: ArrayLike, is_anomaly: ArrayLike) -> float:
    """Return the area under the receiver operating characteristic; ties count half.

    NaN unless both classes are present. -inf is a score like others; NaN is not allowed.
    """
    return _areas(scores, is_anomaly)[0]


def auprc(scores: ArrayLike, is_anomaly: ArrayLike) -> float:
    """Return the average precision: precision weighted by the rise of recall, equal scores taken together.

    A score of -inf marks an anomaly that was never found: it weighs in the recall that is out of reach, and no
    threshold ever finds it.
    """
    return _areas(scores, is_anomaly)[1]


def ranking(records: Sequence[JudgedBeats], *, n_boot: int = 1000, seed: int = 0) -> Ranking:
    """Rank the beats of a set of records by score.

    Macro figures are means over the records with at least ten anomalies; pooled figures compare all beats with each
    other. The bootstrap draws records, not beats, since beats of one patient are alike. The draw depends only on the
    seed and the number of records, so two methods on the same records are drawn alike and can be compared in pairs.

    Parameters
    ----------
    records : sequence of JudgedBeats
        In any order.
    n_boot : int
        Replicates; 0 for none.
    seed : int
        Seed of the draw.

    Raises
    ------
    ValueError
        If there are no records, or two have the same name.
    """
    ordered = sorted(records, key=lambda beats: beats.record)
    names = tuple(beats.record for beats in ordered)
    if not names or len(set(names)) != len(names):
        raise ValueError(f"ranking needs records with different names, not {list(names)}")
    weights = _draw(len(names), n_boot, seed)
    per_record = {}
    values = np.full((len(names), 2), np.nan)
    for i, beats in enumerate(ordered):
        anomalous = beats.anomalous
        if np.count_nonzero(anomalous) >= MIN_ANOMALIES and beats.normal.any():
            keep = anomalous | beats.normal
            values[i] = _areas(beats.score[keep], anomalous[keep])
            per_record[beats.record] = (float(values[i, 0]), float(values[i, 1]))
    rows = {"macro": _macro(values, weights)}
    for group, classes in {"pooled": ANOMALOUS, "V": ("V",), "S": ("S",), "F": ("F",)}.items():
        rows[group] = _pooled(ordered, classes, weights)
    areas = {
        f"{group}.{figure}": rows[group][:, column]
        for group in rows
        for column, figure in enumerate(("auroc", "auprc"))
    }
    return Ranking(
        records=names,
        figures={name: float(values[0]) for name, values in areas.items()},
        replicates={name: values[1:] for name, values in areas.items()},
        per_record=per_record,
        spread={},
    )


def difference(a: Ranking, b: Ranking, level: float = 0.95) -> dict[str, tuple[float, float, float]]:
    """Compare two methods on the same draws of the same records.

    Returns
    -------
    dict of str to (difference, low, high)
        For each figure ``a - b`` with its paired bootstrap interval.

    Raises
    ------
    ValueError
        If the two were not computed on the same records with the same draws.
    """
    if a.records != b.records or any(len(a.replicates[f]) != len(b.replicates[f]) for f in FIGURES):
        raise ValueError("two rankings can only be paired on the same records and draws")
    return {f: (a.figures[f] - b.figures[f], *_interval(a.replicates[f] - b.replicates[f], level)) for f in FIGURES}


def mean_over_seeds(rankings: Sequence[Ranking]) -> Ranking:
    """Average the rankings of one model trained with several seeds; ``spread`` tells how far the seeds lie apart.

    Raises
    ------
    ValueError
        If there are none, or they are of different records.
    """
    if not rankings or any(r.records != rankings[0].records for r in rankings):
        raise ValueError("seeds can only be averaged over the same records")
    first = rankings[0]
    if len(rankings) == 1:
        return first
    figures = {f: np.array([r.figures[f] for r in rankings]) for f in FIGURES}
    return Ranking(
        records=first.records,
        figures={f: float(values.mean()) for f, values in figures.items()},
        replicates={f: np.mean([r.replicates[f] for r in rankings], axis=0) for f in FIGURES},
        per_record={
            name: tuple(np.mean([r.per_record[name] for r in rankings], axis=0).tolist()) for name in first.per_record
        },
        spread={f: float(values.std(ddof=1)) for f, values in figures.items()},
    )


def _draw(n_records: int, n_boot: int, seed: int) -> NDArray[np.int64]:
    """Return how often each record is drawn, shape (1 + n_boot, n_records); the first row draws each once."""
    drawn = np.random.default_rng(seed).multinomial(n_records, np.full(n_records, 1 / n_records), size=n_boot)
    return np.concatenate([np.ones((1, n_records), dtype=np.int64), drawn.astype(np.int64)])


def _interval(replicates: Floats, level: float) -> tuple[float, float]:
    finite = replicates[np.isfinite(replicates)]
    if not len(finite):
        return (float("nan"), float("nan"))
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return (float(low), float(high))


def _areas(scores: ArrayLike, is_anomaly: ArrayLike) -> tuple[float, float]:
    values = np.asarray(scores, dtype=np.float64)
    if np.isnan(values).any():
        raise ValueError("a NaN score cannot be ranked")
    once = np.ones((1, 1), dtype=np.int64)
    out = _weighted_areas(
        *_sorted(values, np.asarray(is_anomaly, dtype=np.bool_), np.zeros(len(values), np.int64)), once
    )
    return (float(out[0, 0]), float(out[0, 1]))


def _macro(values: Floats, weights: NDArray[np.int64]) -> Floats:
    has = np.isfinite(values[:, 0])
    count = weights[:, has].sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return (weights[:, has] @ values[has]) / np.where(count > 0, count, np.nan)


def _pooled(records: Sequence[JudgedBeats], classes: Sequence[str], weights: NDArray[np.int64]) -> Floats:
    scores, anomalous, owner = [], [], []
    for i, beats in enumerate(records):
        of_class = np.isin(beats.aami, classes)
        keep = of_class | beats.normal
        scores.append(beats.score[keep])
        anomalous.append(of_class[keep])
        owner.append(np.full(np.count_nonzero(keep), i, dtype=np.int64))
    found = np.concatenate(anomalous)
    if np.count_nonzero(found) < MIN_ANOMALIES:  # a figure of so few says nothing
        return np.full((len(weights), 2), np.nan)
    return _weighted_areas(*_sorted(np.concatenate(scores), found, np.concatenate(owner)), weights)


def _sorted(
    scores: Floats, anomalous: NDArray[np.bool_], owner: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.int64]]:
    order = np.argsort(-scores, kind="stable")
    return scores[order], anomalous[order], owner[order]


@jit
def _weighted_areas(
    scores: Floats, anomalous: NDArray[np.bool_], owner: NDArray[np.int64], weights: NDArray[np.int64]
) -> Floats:
    """Return AUROC and AUPRC for each row of record weights; the beats come in falling order of score.

    One pass a row instead of a sort a row: drawing a record twice is giving its beats a weight of two.
    """
    n = len(scores)
    out = np.full((len(weights), 2), np.nan)
    for b in range(len(weights)):
        weight = weights[b]
        found = 0
        flagged = 0
        wins = 0.0
        precision = 0.0
        k = 0
        while k < n:
            new_found = 0
            new_flagged = 0
            level = scores[k]
            while k < n and scores[k] == level:
                if anomalous[k]:
                    new_found += weight[owner[k]]
                else:
                    new_flagged += weight[owner[k]]
                k += 1
            # Each normal beat loses against the anomalies above it, and draws with those of its own score.
            wins += new_flagged * (found + 0.5 * new_found)
            found += new_found
            flagged += new_flagged
            if new_found > 0 and level > -np.inf:
                precision += new_found * (found / (found + flagged))
        if found > 0 and flagged > 0:
            out[b, 0] = wins / found / flagged
            out[b, 1] = precision / found
    return out
