"""A model's card: what it is, what it was trained on and how, and what it reaches."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from pipeline.learning.crossvalidation import RecordBeats

__all__ = ["model_card"]

WIDTH = 118
WHAT = {
    "autoencoder": "an LSTM autoencoder that rebuilds the residual of a heartbeat against the patient's own running\n"
    "  beat",
    "forecaster": "an LSTM that foretells the next samples of a heartbeat from the ones before, as a residual against\n"
    "  the patient's own running beat",
}
LABELS_OF_DS1 = """The population (how the scores of each
  person's normal beats and of abnormal beats are spread) and the constants of the score were chosen with the labels of
  the same records, by five-fold cross-validation over records."""
LIMITS_OF_DS1 = """Trained on 30-minute, two-lead ambulatory records of {} people, of mitdb at 360 Hz, of svdb at
128 Hz. Paced rhythm and ventricular flutter were left out. In svdb 826, 842, 848, 849 and 853 early narrow beats are
annotated as normal: no score by shape and timing can agree with that."""
EVERYWHERE = "Atrial fibrillation raises the score where normal beats are irregular."
SEQUENCE = """a second LSTM that reads the beats one by one, each by its interval, shape and P wave against this
  patient's own, and gives the score: the log odds that the beat is none of the patient's normal ones. It learnt to
  tell the records' beats from premature beats, runs and patterns that were written into them"""


def model_card(out: Path, facts: dict[str, Any], parts: Sequence[RecordBeats], command: str, *, is_ds1: bool) -> str:
    """Return the card of a model file as Markdown.

    Parameters
    ----------
    out : Path
        The model's file.
    facts : dict
        What :func:`~pipeline.learning.training.train_model` states.
    parts : sequence of RecordBeats
        The records that it was trained on; of DS1, nothing is read from them.
    command : str
        What trains the same again.
    is_ds1 : bool
        True if the records are the training half of mitdb, of which more is known than their files say.
    """
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    labels = f"- **Labels in training**: {facts['labels']}. "
    labels = labels + LABELS_OF_DS1 if is_ds1 else _indented(labels + _labels(parts))
    limits = (
        LIMITS_OF_DS1.format(len(facts["records"])) + f" {EVERYWHERE}"
        if is_ds1
        else _filled(f"{_data(parts)} {EVERYWHERE}")
    )
    return f"""# Model card: {out.stem}

Not a medical device.

- **What it is**: {WHAT[facts["kind"]]}
  ({facts["parameters"]} parameters), and
  {SEQUENCE}
  ({facts["sequence_parameters"]} parameters). Weights and population lie in `{out.name}` (safetensors).
- **Data**: {facts["data"]}; {len(facts["records"])} records, {facts["beats"]} beats. Licence of the data:
  {facts["licence_of_data"]}.
{labels}
- **Seed** {facts["seed"]}, {facts["passes"]} passes. Mean absolute error on held-out folds, in units of the patient's
  noise: {", ".join(f"{loss:.3f}" for loss in facts["held_out_loss"])}.
- **Reproduce**: `{command}`
- **Versions**: {versions}.

## Figures on the training records, each scored by a network that had not seen it

{_figures(facts["cross_validation"], facts.get("cross_validation_by_database", {}))}

## Limits

{limits}
"""


def _figures(cross_validation: dict[str, float], by_database: dict[str, dict[str, float]]) -> str:
    """Return the table of the figures that there are: a class that no record has gives NaN."""
    columns = {"figure": cross_validation} | by_database
    rows = [
        "| " + " | ".join([name, *(_figure(figures.get(name)) for figures in columns.values())]) + " |"
        for name, value in cross_validation.items()
        if isfinite(value)
    ]
    if not rows:
        return "None: no record has enough annotated beats of two kinds after 5:00 to tell them apart by their scores."
    told = "Own R-peak detector, from 5:00, anomaly = AAMI S, V or F (missed beats count as missed anomalies)."
    heads = ["value" if not by_database else "all", *by_database]
    return "\n".join([told, "", f"| figure | {' | '.join(heads)} |", "|---|" + "---|" * len(heads), *rows])


def _figure(value: float | None) -> str:
    return "–" if value is None or not isfinite(value) else f"{value:.4f}"


def _labels(parts: Sequence[RecordBeats]) -> str:
    """Say what the population was measured with."""
    annotated = sum(part.aami is not None for part in parts)
    usual = "beats that are usual for their patient stood for the normal ones"
    if annotated == len(parts):
        how = "was measured with the labels of the same records"
    elif annotated == 0:
        how = f"was measured without labels ({usual})"
    else:
        how = f"was measured with the labels of {annotated} of the records; in the others, {usual}; all of it"
    return (
        f"The population (how the scores of each record's normal beats and of abnormal beats are spread) {how}, by "
        "five-fold cross-validation over records. The constants of the score are those of the models that ship."
    )


def _data(parts: Sequence[RecordBeats]) -> str:
    """Say what the records are, as far as their files tell."""
    minutes = sorted(part.record.n_samples / part.record.fs / 60 for part in parts)
    leads = sorted({len(part.record.leads) for part in parts})
    names = dict.fromkeys(lead for part in parts for lead in part.record.leads)
    rates = sorted({part.record.fs for part in parts})
    lead = "lead" if leads == [1] else "leads"
    return (
        f"Trained on {len(parts)} records of {_range(minutes, '.1f')} minutes and {_range(leads, 'd')} {lead} "
        f"({', '.join(names)}), sampled at {' and '.join(f'{rate:g}' for rate in rates)} Hz; of how many people, "
        "their files do not say. Other leads, devices and rhythms are unknown to it."
    )


def _range(values: Sequence[float], form: str) -> str:
    least, most = (format(value, form).removesuffix(".0") for value in (values[0], values[-1]))
    return least if least == most else f"{least} to {most}"


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _indented(text: str) -> str:
    return _filled(text).replace("\n", "\n  ")
