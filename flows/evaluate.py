"""The ``evaluate`` flow: the detection measured by EC57-stream, tables and figures on the page.

::

    python -m flows.evaluate
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import numpy as np
from prefect import State, flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.states import Completed, Failed
from prefect.utilities.annotations import quote
from pydantic import Field

from flows.artifacts import Progress, key, picture, plain, show_table
from flows.ledger import noted_run
from flows.retrying import PATIENTLY
from flows.runners import reason_of_failure, runner_for
from pipeline.evaluation import DS1, DS2, PACED, EvaluatedRecord, EvaluationResult
from pipeline.evaluation import evaluate as put_together
from pipeline.evaluation.run import NOISES, Task, models_beside
from pipeline.evaluation.tables import to_markdown
from pipeline.learning.promotion import model_in_use
from pipeline.report.figures.curves import precision_recall_svg
from pipeline.scoring import model_at
from pipeline.settings import Settings
from pipeline.sources import list_records

__all__ = ["aggregate", "evaluate", "evaluate_one"]

SPLITS = {"DS1": list(DS1), "DS2": list(DS2), "all": ["mitdb"]}
COLUMNS = ("record", "anomalies", "found", "auroc", "auprc", "fpr", "false alarms an hour")


@task(name="evaluate-record", task_run_name="evaluate {record.name}", persist_result=False, **PATIENTLY)
def evaluate_one(record: Task) -> EvaluatedRecord:
    """Score a record and hold it against its annotations."""
    return record.run()


@task(name="aggregate", persist_result=False)
def aggregate(measured: list[EvaluatedRecord], track: str, command: str) -> EvaluationResult:
    """Put the figures of all records together."""
    return put_together(measured, track=track, command=command)


@flow(
    name="evaluate",
    flow_run_name="evaluate {split}",
    description="Measure the detection on annotated records, beside plain rivals, by EC57-stream.",
    validate_parameters=True,
    persist_result=False,
)
def evaluate(
    split: Literal["DS1", "DS2", "all"] | None = "DS2",
    records: list[str] | None = None,
    data_dir: Path | None = None,
    rpeaks: Literal["reference", "detected"] = "detected",
    model: Path | None = None,
    rivals: bool = True,
    seeds: Annotated[int, Field(ge=1, le=20)] = 1,
    workers: Annotated[int, Field(ge=1, le=64)] = 2,
) -> Any:
    """Measure a model on annotated records.

    Parameters
    ----------
    split : {"DS1", "DS2", "all"}, optional
        Records of mitdb; not asked for where ``records`` are named.
    records : list of str, optional
        Names, globs or databases; with ``data_dir`` those in it.
    data_dir : Path, optional
        A folder of WFDB records, in place of PhysioNet.
    rpeaks : {"reference", "detected"}
        Score annotated R peaks, or those that the project detects.
    model : Path, optional
        Model file; the one published last by default.
    rivals : bool
        Score the rivals as well.
    seeds : int
        Networks, if so many lie beside the model.
    workers : int
        Records under way at once.

    Returns
    -------
    dict
        ``figures``, and ``failed``, one line per record that could not be measured. The run is failed if none could.
    """
    settings = Settings()
    file = model or model_in_use(settings)
    names = _names(split, records, data_dir, settings)
    tasks = [Task(name, settings, models_beside(file, seeds), rpeaks, data_dir, rivals=rivals) for name in names]
    facts = {"records": names, "rpeaks": rpeaks}
    with noted_run("evaluate", settings, model=model_at(file).checksum, facts=facts) as run:
        measured: list[EvaluatedRecord] = []
        failed: dict[str, str] = {}
        bar = Progress("evaluation-progress", "Records measured")
        with runner_for(workers, None) as runner:
            for one, future in [(one, runner.submit(evaluate_one, {"record": one})) for one in tasks]:
                reason = reason_of_failure(future)
                if reason:
                    failed[one.record] = reason
                    get_run_logger().error("%s", reason)
                else:
                    measured.append(future.result())
                bar.update((len(measured) + len(failed)) / len(tasks))
        run.failed = all(record.record in PACED for record in measured)
        run.message = f"{len(measured)} of {len(tasks)} records measured"
        run.message += f"; failed: {', '.join(failed)}" if failed else ""
        if not run.failed:
            command = f"the flow `evaluate` with model {model_at(file).checksum[:12]}"
            arrays: Any = quote(measured)  # Prefect need not look into them
            result = aggregate(arrays, rpeaks, command)
            _publish(result, failed, key("evaluation", rpeaks))
            run.figures = {**_figures(result), "failed": len(failed)}
    if run.failed:
        return Failed(message=run.message)
    return Completed(message=run.message, data={"figures": run.figures, "failed": failed})


def _names(split: str | None, records: list[str] | None, data_dir: Path | None, settings: Settings) -> list[str]:
    if data_dir is not None:
        return list_records(*(records or []), data_dir=data_dir)
    patterns = records or SPLITS.get(split or "")
    if not patterns:
        raise ValueError("name records, a split or a folder")
    return [name for name in list_records(*patterns, settings=settings) if name not in NOISES]


def _figures(result: EvaluationResult) -> dict[str, Any]:
    ranking, operation = result.strict.ranking.figures, result.strict.operation
    figures = {**ranking, **{name: getattr(operation, name) for name in ("se_v", "se_s", "fpr", "macro_f1")}}
    rounded = {name: plain(value) for name, value in figures.items()}
    return {name: value for name, value in rounded.items() if value is not None}


def _publish(result: EvaluationResult, failed: dict[str, str], name: str) -> None:
    counts = {count.record: count for count in result.strict.operation.records}
    rows = [
        {
            "record": record,
            "anomalies": count.anomalies,
            "found": count.found,
            "auroc": result.strict.ranking.per_record.get(record, (None, None))[0],
            "auprc": result.strict.ranking.per_record.get(record, (None, None))[1],
            "fpr": count.fpr,
            "false alarms an hour": count.fa_per_hour,
        }
        for record, count in counts.items()
    ]
    show_table(key(name, "records"), rows, failed, COLUMNS, "Figures of each record, and those that failed")
    curves = _curves(result.records)
    lines = ["# Evaluation", "", "Not a medical device.", ""]
    lines += [picture(precision_recall_svg(curves), "precision against recall"), ""] if curves else []
    lines.append(to_markdown(result))
    create_markdown_artifact("\n".join(lines), key=key(name, "tables"), description="The tables of EC57-stream")


def _curves(records: Sequence[EvaluatedRecord]) -> dict[str, tuple[Any, Any]]:
    """Return scores and truth of all beats pooled, of the detector and of each rival."""
    judged = [record for record in records if record.record not in PACED]
    methods = {"this detector": [record.beats for record in judged]}
    for name in judged[0].rivals if judged else ():
        methods[name.replace("_", " ")] = [record.rivals[name] for record in judged if name in record.rivals]
    curves = {}
    for name, beats in methods.items():
        rows = [one.anomalous | one.normal for one in beats]
        truth = np.concatenate([one.anomalous[keep] for one, keep in zip(beats, rows, strict=True)])
        scores = np.concatenate([one.score[keep] for one, keep in zip(beats, rows, strict=True)])
        if truth.any():
            curves[name] = (scores, truth)
    return curves


def main() -> None:
    """Run the flow from the command line on DS2; exit code 0 if all records were measured, 1 if some failed."""
    state = cast(State[Any], evaluate(return_state=True))
    sys.exit(0 if state.is_completed() and not state.result()["failed"] else 1)


if __name__ == "__main__":
    main()
