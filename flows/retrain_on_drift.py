"""The ``retrain_on_drift`` flow: what drifted is learnt from, and the new model takes over if it is better.

An automation starts it when drift events come in numbers (`ecg-anomaly setup-prefect`); its deployment lets one run at
a time. Where the records that drifted can be opened here, they join the training records; records of the test set, the
validation records and paced ones never do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.states import Completed
from pydantic import Field

from flows.evaluate import evaluate
from flows.ledger import noted_run
from flows.train import train
from pipeline.announcing import DriftEvent
from pipeline.learning.drifted import records_that_drifted
from pipeline.learning.promotion import TRAINING_RECORDS, VALIDATION_RECORDS
from pipeline.settings import Settings
from pipeline.storage.database import Database

__all__ = ["retrain_on_drift"]


@flow(
    name="retrain-on-drift",
    flow_run_name="retrain after drift in {drift.record}",
    description="Train with the records that drifted, promote the model if it is better, and measure it.",
    validate_parameters=True,
    persist_result=False,
)
def retrain_on_drift(
    drift: DriftEvent,
    results: str | None = None,
    records: list[str] | None = None,
    validation: list[str] | None = None,
    data_dir: Path | None = None,
    validation_dir: Path | None = None,
    epochs: Annotated[int, Field(ge=1, le=50)] = 4,
    sequence_passes: Annotated[int, Field(ge=1, le=1000)] | None = None,
    seed: Annotated[int, Field(ge=0)] = 0,
) -> Any:
    """Train, promote and evaluate.

    Parameters
    ----------
    drift : DriftEvent
        The payload of the event that set this off; its record joins the training records.
    results : str, optional
        A folder of results, or its URL: records that drifted in it join as well.
    records, validation, data_dir, validation_dir, epochs, sequence_passes, seed
        As the flow ``train`` takes them.

    Returns
    -------
    dict
        What ``train`` returns, with ``added``, the records that joined the training records. Where no record joins that
        an earlier retraining has not learnt from, nothing is trained: the model would come out as it is.
    """
    settings = Settings()
    base = list(TRAINING_RECORDS) if records is None else records
    deciding = list(VALIDATION_RECORDS) if validation is None else validation
    added = records_that_drifted(
        [drift.record], results, settings, data_dir=data_dir, known=[*base, *(deciding if data_dir is None else [])]
    )
    with noted_run("retrain", settings, facts={"drift": drift.model_dump(mode="json"), "added": added}) as run:
        learnt = _learnt_from(run.database)
        if not set(added) - learnt:
            why = "all of them were learnt from before" if added else "it is not a record to learn from"
            run.message = f"drift in {drift.record}: no training, there is no new record ({why})"
            get_run_logger().info("%s", run.message)
            return Completed(name="NothingNew", message=run.message, data={"published": False, "added": []})
        get_run_logger().info("drift in %s (%d); records added: %s", drift.record, drift.count, ", ".join(added))
        outcome = train([*base, *added], deciding, data_dir, validation_dir, epochs, sequence_passes, seed)
        if outcome["published"]:
            evaluate(split=None, records=deciding, data_dir=validation_dir, rivals=False)
        run.figures = {"trained": True, "published": outcome["published"], "added": len(added), **outcome["figures"]}
        fate = "published" if outcome["published"] else "not better, so the current one stays"
        run.message = f"drift in {drift.record}: model {outcome['candidate'][:12]} {fate}"
    return Completed(message=run.message, data={**outcome, "added": added})


def _learnt_from(database: Database) -> set[str]:
    """Return the records that earlier retrainings have added."""
    done = database.runs.newest(kind="retrain", state="completed")
    return {name for run in done if run.figures.get("trained") for name in run.facts.get("added", ())}
