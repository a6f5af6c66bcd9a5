"""EC57-stream: the measure of detection quality, on plain arrays, for any annotated WFDB database.

:func:`evaluate_record` holds one record's scored beats against its annotations, :func:`evaluate` puts records together.
Nothing here reads files or knows a model: what is measured comes in as arrays.
"""

from __future__ import annotations

from pipeline.evaluation.noise import NoisyRecord
from pipeline.evaluation.protocol import DS1, DS2, LEARNING_S, PACED
from pipeline.evaluation.record import EvaluatedRecord, evaluate_record
from pipeline.evaluation.result import EvaluationResult, evaluate
from pipeline.evaluation.rivals import RIVALS

__all__ = [
    "DS1",
    "DS2",
    "LEARNING_S",
    "PACED",
    "RIVALS",
    "EvaluatedRecord",
    "EvaluationResult",
    "NoisyRecord",
    "evaluate",
    "evaluate_record",
]
