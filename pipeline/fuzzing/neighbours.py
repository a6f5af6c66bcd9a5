"""A ward of three, in which something happens to the first: what comes of that for the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from pipeline.detection.model import BeatModel
from pipeline.fuzzing.messages import BEGAN_US
from pipeline.live.engine import Engine
from pipeline.live.frames import Frame
from pipeline.live.replay import frames as played
from pipeline.live.replay import synthetic_ward
from pipeline.live.results import Result

__all__ = ["clock", "others_results", "ward"]

SECONDS = 8


def ward() -> dict[str, list[Frame]]:
    """Return the frames of each patient, of some seconds."""
    records = synthetic_ward(3, seconds=float(SECONDS), fs=250.0, seed=1)
    return {record.name: list(played(record, session="s", began_us=BEGAN_US))[:SECONDS] for record in records}


def _digest(results: Sequence[Result], patients: Sequence[str]) -> str:
    digest = sha256()
    for result in results:
        found = result.findings
        if found is not None and found.record in patients:
            digest.update(found.score.tobytes() + found.r_peak.tobytes() + repr(found.alarms).encode())
    return digest.hexdigest()


def clock() -> int:
    """Return the time now, which is always the same."""
    return BEGAN_US


def others_results(model: BeatModel, sent: dict[str, list[Frame]], disturb: Callable[[Engine], list[Result]]) -> str:
    """Return what the others' results are when something happens to the first half-way."""
    _, *others = sent
    engine = Engine(model, clock=clock)
    half = SECONDS // 2
    seconds = list(zip(*sent.values(), strict=True))
    found = engine.take([one for second in seconds[:half] for one in second])
    found += disturb(engine)
    found += engine.take([one for second in seconds[half:] for one in second])
    for patient in engine.patients:
        engine.snapshot(patient)
    found += engine.settle()
    return _digest(found, others)
