"""Scoring records into an output folder: what the command line and the flow both call.

:func:`score_record` scores one record that is open; a :class:`Job` says all that is needed to open and score one by
name, :func:`plan` makes them of what was asked for, :func:`run_job` does one here, and :func:`run_jobs` does many, in
one process or several, one record's failure leaving the others alone.
"""

from __future__ import annotations

from pipeline.scoring.batch import Outcome, run_jobs
from pipeline.scoring.job import Job, Plan, model_at, plan, run_job
from pipeline.scoring.keys import result_key, settings_version
from pipeline.scoring.record import Scored, is_scored, score_record

__all__ = [
    "Job",
    "Outcome",
    "Plan",
    "Scored",
    "is_scored",
    "model_at",
    "plan",
    "result_key",
    "run_job",
    "run_jobs",
    "score_record",
    "settings_version",
]
