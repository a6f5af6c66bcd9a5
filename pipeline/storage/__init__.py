"""Where results go: beats and events as Parquet, beats as WFDB annotations, and a summary of it all as JSON.

::

    DIR/beats/<database>/<record>.parquet       every beat with its verdict
    DIR/annotations/<database>/<record>.ano     the same for WFDB tools
    DIR/alarms.parquet, drifts.parquet, gaps.parquet
    DIR/summary.json                            one entry per record, and the facts of the run

A record's results appear together when it has been scored to its end, or not at all. In place of a folder, a URL such
as ``s3://bucket/results`` will do (:mod:`pipeline.storage.objects`). :func:`pipeline.storage.query.query` asks all of
it in SQL; :mod:`pipeline.storage.database` keeps what outlives a folder.
"""

from __future__ import annotations

from pipeline.storage.beats import is_done, read_beats
from pipeline.storage.collect import collect
from pipeline.storage.events import alarms_and_drifts, read_events
from pipeline.storage.labels import BeatLabels
from pipeline.storage.place import Place, PlaceLike, place
from pipeline.storage.summary import (
    RecordSummary,
    RunFacts,
    Summary,
    note_failure,
    note_run,
    read_record_summary,
    read_summary,
)
from pipeline.storage.versions import package_versions
from pipeline.storage.writer import ResultWriter

__all__ = [
    "BeatLabels",
    "Place",
    "PlaceLike",
    "RecordSummary",
    "ResultWriter",
    "RunFacts",
    "Summary",
    "alarms_and_drifts",
    "collect",
    "is_done",
    "note_failure",
    "note_run",
    "package_versions",
    "place",
    "read_beats",
    "read_events",
    "read_record_summary",
    "read_summary",
]
