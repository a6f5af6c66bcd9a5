"""Alarms, runs and model versions in SQL: SQLite by default, PostgreSQL by URL.

::

    from pipeline.settings import Settings
    from pipeline.storage.database import Database

    with Database.open(Settings().database) as database:    # makes the tables, or brings them up to date
        database.runs.start("run-1", "score", at_us=now_us)
        database.alarms.replace("results", "mitdb/208", findings.alarms, at_us=now_us, run="run-1")
        database.runs.finish("run-1", "completed", at_us=later_us)

Everything may be written twice and is there once. All times are integer microseconds since 1970, UTC.
"""

from __future__ import annotations

from pipeline.storage.database.alarms import DEMO, AlarmCount, AlarmStore, StoredAlarm
from pipeline.storage.database.connection import Database
from pipeline.storage.database.limits import LimitChange, LimitStore
from pipeline.storage.database.live import Lease, LiveStore, PatientState, partition_of
from pipeline.storage.database.live_results import StayResults
from pipeline.storage.database.models import ModelStore, ModelVersion, current_model
from pipeline.storage.database.runs import RunStore, StoredRun

__all__ = [
    "DEMO",
    "AlarmCount",
    "AlarmStore",
    "Database",
    "Lease",
    "LimitChange",
    "LimitStore",
    "LiveStore",
    "ModelStore",
    "ModelVersion",
    "PatientState",
    "RunStore",
    "StayResults",
    "StoredAlarm",
    "StoredRun",
    "current_model",
    "partition_of",
]
