"""A model's card: what it is, what it was trained on and how, and what it reaches."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.detection.lstm_autoencoder import LSTMAutoencoder
from pipeline.detection.networks import NETWORKS
from pipeline.detection.training import TrainingSettings

__all__ = ["PASSES", "model_card"]

PASSES = 4  # over the beats, at the most
WHAT = {
    "autoencoder": "an LSTM autoencoder that rebuilds the residual of a heartbeat against the patient's own running\n"
    "  beat",
    "forecaster": "an LSTM that foretells the next samples of a heartbeat from the ones before, as a residual against\n"
    "  the patient's own running beat",
}


def model_card(out: Path, facts: dict[str, Any]) -> str:
    """Return the card of a model file as Markdown, from what :func:`~pipeline.learning.training.train_model` states."""
    figures = facts["cross_validation"]
    rows = "\n".join(f"| {name} | {value:.4f} |" for name, value in figures.items())
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return f"""# Model card: {out.stem}

Not a medical device.

- **What it is**: {WHAT[facts["kind"]]}.
  It has {facts["parameters"]} parameters. Weights and population lie in `{out.name}` (safetensors).
- **Data**: {facts["data"]}; {len(facts["records"])} records, {facts["beats"]} beats. Licence of the data:
  {facts["licence_of_data"]}.
- **Labels in training**: {facts["labels"]}. The population (how the scores of each
  person's normal beats and of abnormal beats are spread) and the constants of the score were chosen with the labels of
  the same records, by five-fold cross-validation over records.
- **Seed** {facts["seed"]}, {facts["passes"]} passes. Mean absolute error on held-out folds, in units of the patient's
  noise: {", ".join(f"{loss:.3f}" for loss in facts["held_out_loss"])}.
- **Reproduce**: `{_command(out, facts)}`
- **Versions**: {versions}.

## Figures on the training records, each scored by a network that had not seen it

Own R-peak detector, from 5:00, anomaly = AAMI S, V or F (missed beats count as missed anomalies).

| figure | value |
|---|---|
{rows}

## Limits

Trained on 30-minute, two-lead ambulatory records of {len(facts["records"])} people, sampled at 360 Hz. Paced rhythm and
ventricular flutter were left out. Atrial fibrillation raises the score where normal beats are irregular.
"""


def _command(out: Path, facts: dict[str, Any]) -> str:
    """Return the command that trains the same again on the same records."""
    words = ["ecg-anomaly train", f"--out {out.name}", f"--seed {facts['seed']}"]
    if facts["kind"] != LSTMAutoencoder.kind:
        words.append(f"--kind {facts['kind']}")
    if facts["shape"]["hidden"] != NETWORKS[facts["kind"]]().shape.hidden:
        words.append(f"--hidden {facts['shape']['hidden']}")
    usual = asdict(TrainingSettings(epochs=PASSES, seed=facts["seed"]))
    for name, value in facts["training"].items():
        if value != usual[name]:
            option = f"--{name.replace('_', '-')}"
            words.append(option if value is True else f"{option} {value}")
    return " ".join(words)
