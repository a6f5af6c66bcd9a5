"""Where samples come from: PhysioNet and folders of WFDB records.

:func:`open_record` opens one, :func:`list_records` and :func:`find_records` say which there are, :func:`fetch` only
brings one to this machine, :func:`refresh` and :func:`sync_record` keep a whole database as its publisher has it.
The synthetic source is :mod:`pipeline.sources.synthetic`.
"""

from __future__ import annotations

from pipeline.sources.at_hand import records_at_hand
from pipeline.sources.catalog import find_records, list_records, open_record
from pipeline.sources.checksums import record_checksum
from pipeline.sources.physionet import FetchedRecord, fetch, is_here
from pipeline.sources.sync import SyncedRecord, needs_fetching, refresh, sync_record
from pipeline.sources.wfdb_record import WfdbRecord

__all__ = [
    "FetchedRecord",
    "SyncedRecord",
    "WfdbRecord",
    "fetch",
    "find_records",
    "is_here",
    "list_records",
    "needs_fetching",
    "open_record",
    "record_checksum",
    "records_at_hand",
    "refresh",
    "sync_record",
]
