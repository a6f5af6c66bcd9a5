"""The ``train`` flow: fit a model, hold it against the current one, publish it if it is better.

::

    python -m flows.train

``ecg-anomaly models list`` shows what was published, ``ecg-anomaly models restore CHECKSUM`` puts an old one back.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, cast

from prefect import State, flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.concurrency.sync import concurrency
from pydantic import Field

from flows.artifacts import Progress, plain
from flows.ledger import noted_run
from flows.limits import TRAINING, ensure_limits
from flows.retrying import PATIENTLY
from pipeline.clock import now_us
from pipeline.learning.promotion import FIGURE, TRAINING_RECORDS, VALIDATION_RECORDS, Promotion, train_and_promote
from pipeline.settings import Settings
from pipeline.storage.database import Database, ModelStore

__all__ = ["fit_validate_publish", "train"]


@task(name="fit-validate-publish", persist_result=False, **PATIENTLY)
def fit_validate_publish(
    records: list[str],
    validation: list[str],
    data_dir: Path | None,
    validation_dir: Path | None,
    epochs: int,
    sequence_passes: int | None,
    seed: int,
) -> Promotion:
    """Train and promote in one task: what is between is nothing that another machine could go on with."""
    settings = Settings()
    bar = Progress("training-progress", "Steps of the fits")
    with Database.open(settings.database) as database:
        return train_and_promote(
            records,
            validation,
            ModelStore(database, settings.models),
            settings,
            at_us=now_us(),
            data_dir=data_dir,
            validation_dir=validation_dir,
            epochs=epochs,
            sequence_passes=sequence_passes,
            seed=seed,
            progress=lambda share, _loss: bar.update(share),
        )


@flow(
    name="train",
    flow_run_name="train with seed {seed}",
    description="Fit a model; publish it with its card if it is better than the current one on the validation records.",
    validate_parameters=True,
    persist_result=False,
)
def train(
    records: list[str] | None = None,
    validation: list[str] | None = None,
    data_dir: Path | None = None,
    validation_dir: Path | None = None,
    epochs: Annotated[int, Field(ge=1, le=50)] = 4,
    sequence_passes: Annotated[int, Field(ge=1, le=1000)] | None = None,
    seed: Annotated[int, Field(ge=0)] = 0,
) -> dict[str, Any]:
    """Train a model and publish it if it is better. One training at a time, whoever starts it.

    Parameters
    ----------
    records : list of str, optional
        Names of the records to train on, five at least; the training half of mitdb (DS1) without the validation
        records by default.
    validation : list of str, optional
        Annotated records to decide on; five of DS1 by default. None may be in both, or of the test set.
    data_dir, validation_dir : Path, optional
        Folders of WFDB records, in place of PhysioNet.
    epochs : int
        Passes over the beats, at the most: training stops where held-out records get no better.
    sequence_passes : int, optional
        Passes over the records of the network that reads the beats in sequence; 120 by default.
    seed : int
        Seed of everything that is drawn.

    Returns
    -------
    dict
        ``published`` (bool), ``model`` (checksum of the current one), ``candidate`` (of the new one), and the figures
        of both on the validation records.
    """
    settings = Settings()
    ensure_limits()
    training = list(TRAINING_RECORDS) if records is None else records
    deciding = list(VALIDATION_RECORDS) if validation is None else validation
    facts = {"records": training, "validation": deciding, "epochs": epochs, "seed": seed}
    if sequence_passes is not None:
        facts["sequence_passes"] = sequence_passes
    with noted_run("train", settings, facts=facts) as run, concurrency(TRAINING, strict=True):
        done = fit_validate_publish(training, deciding, data_dir, validation_dir, epochs, sequence_passes, seed)
        _publish(done)
        new, old = done.comparison.candidate[FIGURE], done.comparison.current[FIGURE]
        run.figures = {"published": done.is_published, "before": old, **done.comparison.candidate}
        run.message = f"model {done.checksum[:12]}: {FIGURE} {new:.4f} against {old:.4f}, "
        run.message += "published" if done.is_published else "not better, so the current one stays"
        get_run_logger().info("%s", run.message)
    return {
        "published": done.is_published,
        "model": done.current,
        "candidate": done.checksum,
        "figures": done.comparison.candidate,
        "before": done.comparison.current,
    }


def _publish(done: Promotion) -> None:
    new, old = done.comparison.candidate, done.comparison.current
    names = [name for name in new if name in old]
    rows = [{"figure": name, "new model": plain(new[name]), "current model": plain(old[name])} for name in names]
    create_table_artifact(rows, key="training-figures", description="Both models on the validation records")
    lines = [
        f"# Model `{done.checksum[:12]}` was {'published' if done.is_published else 'not published'}",
        "",
        f"{FIGURE}: {new[FIGURE]:.4f}; the model that was current: {old[FIGURE]:.4f}.",
        "",
        *(f"- {name}: {value}" for name, value in done.facts.items() if isinstance(value, str | int | float)),
    ]
    if done.comparison.seen:
        lines += ["", f"The current model was trained on {', '.join(done.comparison.seen)}, to its advantage."]
    if done.is_published:
        lines += ["", "`ecg-anomaly models list` and `ecg-anomaly models restore CHECKSUM` put the old one back."]
    create_markdown_artifact("\n".join(lines), key="training-model", description="What was trained, and its fate")


def main() -> None:
    """Run the flow from the command line with what it takes by default; exit code 0 if it came to its end."""
    state = cast(State[Any], train(return_state=True))
    sys.exit(0 if state.is_completed() else 1)


if __name__ == "__main__":
    main()
