"""Fit the decision of the R-peak detector: ``python -m pipeline.evaluation.fit_rpeaks``, or ``make rpeaks``.

A logistic regression on the maxima that the detector meets, labelled by the annotated beats; also under electrode and
muscle noise of 12 dB, so that it learns what noise looks like. Ventricular beats, few and the ones that matter, count
several times. The weights that ship are fitted on DS1 alone. The figures are those of five folds over all records, each
record judged by weights that have not seen it, and of the shipped weights on records outside DS1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from pipeline.annotations import Annotations
from pipeline.evaluation.labels import reference_beats
from pipeline.evaluation.matching import match_beats
from pipeline.evaluation.noise import NoisyRecord
from pipeline.evaluation.protocol import DS1, DS2, PACED
from pipeline.evaluation.rpeaks import RPeaks, judge_r_peaks, r_peak_figures
from pipeline.evaluation.run import NOISE_LEADS
from pipeline.records import Record
from pipeline.settings import Settings
from pipeline.signals.beats import BeatFinder
from pipeline.signals.envelopes import REACH
from pipeline.signals.resample import FS
from pipeline.signals.rpeak_decision import FEATURES, WEIGHTS_FILE
from pipeline.signals.rpeaks import WEIGHTS, RPeakDetector
from pipeline.sources import open_record

FOLDS = 5
ROUNDS = 2  # the maxima depend on the beats before them, and so on the weights
EVERY = 3  # one record in so many is learnt under noise as well
SNR_DB = 12.0
VENTRICULAR = 3.0  # what a ventricular or fusion beat counts for in the fit
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A record for the fit: its signal, a number of leads to use, its annotations."""

    name: str
    record: Record
    annotations: Annotations
    leads: int

    def detect(self, weights: Array, *, keep: bool = False) -> tuple[NDArray[np.int64], Array]:
        """Return R peaks in samples, and, if asked, position and features of every maximum."""
        detector = RPeakDetector(self.leads, clock=-REACH, weights=weights, keep_candidates=keep)
        finder = BeatFinder(self.record.fs, self.leads, peaks=detector)
        peaks = [finder.process(chunk.signal[:, : self.leads]).r_peak for chunk in self.record.chunks()]
        return np.concatenate(peaks), np.concatenate(detector.candidates) if keep else np.empty((0, 1))

    def labelled(self, weights: Array) -> tuple[Array, Array, Array]:
        """Return the features of the maxima outside flutter, which of them are beats, and what each counts for."""
        _, candidates = self.detect(weights, keep=True)
        scale = self.annotations.fs / FS
        position = np.round(candidates[:, 0] * scale).astype(np.int64)
        flutter = self.annotations.flutter()
        reference = reference_beats(self.annotations)
        found = match_beats(reference.sample, position, self.annotations.fs, leave_out=flutter, start_s=0.0)
        is_beat, counts = np.zeros(len(position)), np.ones(len(position))
        is_beat[found.detection] = 1.0
        counts[found.detection] = np.where(np.isin(reference.aami[found.reference], ("V", "F")), VENTRICULAR, 1.0)
        outside = np.ones(len(position), dtype=np.bool_)
        for first, last in flutter:
            outside &= (position < first) | (position > last)
        return candidates[outside, 1:], is_beat[outside], counts[outside]

    def judge(self, weights: Array) -> RPeaks:
        """Measure the detector from 5:00 on."""
        return judge_r_peaks(self.name, self.annotations, self.detect(weights)[0], fs=self.record.fs)


def examples(names: Iterable[str], leads: int, settings: Settings, *, noisy: bool) -> list[Example]:
    """Open records, some of them a second time under noise."""
    noises = (
        [open_record(f"nstdb/{name}", leads=NOISE_LEADS, settings=settings) for name in ("em", "ma")] if noisy else []
    )
    out = []
    for i, name in enumerate(names):
        record = open_record(name, settings=settings)
        annotations = record.annotations()
        if annotations is None:
            continue
        out.append(Example(name, record, annotations, leads))
        if i % EVERY == 0:
            out += [Example(name, NoisyRecord(record, noise, SNR_DB), annotations, leads) for noise in noises]
    return out


def fit(chosen: Sequence[Example], start: Array) -> Array:
    """Return weights, shape (features + 1,), by penalised maximum likelihood, on the decisions that ``start`` takes."""
    both = np.stack([start, start])
    parts = [example.labelled(both) for example in chosen]
    x, y, counts = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = np.column_stack([(x - mean) / deviation, np.ones(len(x))])

    def loss(w: Array) -> tuple[float, Array]:
        total = z @ w
        gradient = z.T @ (counts * (expit(total) - y))
        gradient[:-1] += w[:-1]
        value = float(counts @ (np.logaddexp(0.0, total) - y * total) + 0.5 * (w[:-1] ** 2).sum())
        return value, gradient

    w = minimize(loss, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return np.append(w[:-1] / deviation, w[-1] - (w[:-1] * mean / deviation).sum())


def _line(title: str, judged: Sequence[RPeaks]) -> str:
    f = r_peak_figures(judged)
    return f"{title:34} Se {100 * f.se:.3f}  +P {100 * f.ppv:.3f}  V missed {f.v_missed} of {f.v_total}"


@click.command()
def main() -> None:
    """Fit the weights on DS1, print figures, and write the weights."""
    settings = Settings()
    everything = sorted({*DS1, *DS2, *PACED})
    noise_names = [f"nstdb/{n}e{snr}" for n in (118, 119) for snr in ("24", "12", "06", "00")]
    shipped = []
    for leads in (1, 2):
        chosen = examples(everything, leads, settings, noisy=True)
        clean = [example for example in chosen if not isinstance(example.record, NoisyRecord)]
        start = WEIGHTS[leads - 1]
        judged = []
        for fold in range(FOLDS):
            held = set(everything[fold::FOLDS])
            weights = start
            for _ in range(ROUNDS):
                weights = fit([example for example in chosen if example.name not in held], weights)
            judged += [example.judge(np.stack([weights] * 2)) for example in clean if example.name in held]
        click.echo(_line(f"{leads} lead(s), 48 records, 5 folds", judged))
        weights = start
        for _ in range(ROUNDS):
            weights = fit([example for example in chosen if example.name in DS1], weights)
        shipped.append(weights)
        both = np.stack([weights] * 2)
        click.echo(_line("  shipped weights, outside DS1", [e.judge(both) for e in clean if e.name not in DS1]))
        judged = [example.judge(both) for example in clean]
        click.echo(_line("  shipped weights, 48 records", judged))
        worst = sorted(judged, key=lambda r: r.se + r.ppv)[:4]
        click.echo("  worst: " + ", ".join(f"{r.record} {100 * r.se:.2f}/{100 * r.ppv:.2f}" for r in worst))
        for name in noise_names:
            (example,) = examples([name], leads, settings, noisy=False)
            click.echo(_line(f"  {name}", [example.judge(both)]))
    rows = [dict(zip((*FEATURES, "intercept"), np.round(row, 5).tolist(), strict=True)) for row in shipped]
    WEIGHTS_FILE.write_text(
        json.dumps({"data": "mitdb 1.0.0, DS1, also under em and ma", "weights": rows}, indent=1) + "\n"
    )
    click.echo(f"Weights: {WEIGHTS_FILE.name}")


if __name__ == "__main__":
    main()
