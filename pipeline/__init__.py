"""Streaming ECG anomaly detection: from samples to scored heartbeats, anomalies and alarms.

>>> from pipeline import Monitor, open_record  # doctest: +SKIP
>>> for beat in Monitor.pretrained().run(open_record("mitdb/208")):  # doctest: +SKIP
...     if beat.is_anomaly:
...         print(beat.time_s, beat.kind, beat.score)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.detection.model import BeatModel
    from pipeline.monitor import Monitor
    from pipeline.records import Alarm, Chunk, Drift, Findings, Gap, Record, ScoredBeat
    from pipeline.scoring.frame import score_array, score_record
    from pipeline.settings import Settings
    from pipeline.sources import open_record
    from pipeline.ward import Ward

__version__ = "0.1.0"

_HOME = {
    "Alarm": "pipeline.records",
    "BeatModel": "pipeline.detection.model",
    "Chunk": "pipeline.records",
    "Drift": "pipeline.records",
    "Findings": "pipeline.records",
    "Gap": "pipeline.records",
    "Monitor": "pipeline.monitor",
    "Record": "pipeline.records",
    "ScoredBeat": "pipeline.records",
    "Settings": "pipeline.settings",
    "Ward": "pipeline.ward",
    "open_record": "pipeline.sources",
    "score_array": "pipeline.scoring.frame",
    "score_record": "pipeline.scoring.frame",
}

__all__ = [
    "Alarm",
    "BeatModel",
    "Chunk",
    "Drift",
    "Findings",
    "Gap",
    "Monitor",
    "Record",
    "ScoredBeat",
    "Settings",
    "Ward",
    "open_record",
    "score_array",
    "score_record",
]


def __getattr__(name: str) -> Any:
    # torch, numba and wfdb take seconds to import: each public name brings what it needs when it is first used, so
    # that `ecg-anomaly --help` does not wait for them.
    if name not in _HOME:
        raise AttributeError(f"module 'pipeline' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)
