"""A patient's stored state, spoilt by chance or by somebody who knows how to seal it: nobody else may notice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.detection.model import BeatModel
from pipeline.errors import SnapshotError
from pipeline.fuzzing.door import Door, Enter, TouchedOther
from pipeline.fuzzing.neighbours import clock, others_results, ward
from pipeline.live.engine import Engine
from pipeline.live.results import Result
from pipeline.snapshot import seal

__all__ = ["DOOR"]

MARK = 20  # bytes of a seal


def _open(_folder: Path) -> Enter:
    model, sent = BeatModel.pretrained(), ward()
    undisturbed = others_results(model, sent, lambda engine: [])

    def enter(data: bytes) -> None:
        refusal: list[SnapshotError] = []

        def disturb(engine: Engine) -> list[Result]:
            # As it is, and as if whoever spoilt it had known how to seal it.
            for state in (data, seal(data[MARK:])):
                try:
                    engine.restore("ward/bed-1", state)
                except SnapshotError as error:
                    refusal.append(error)
                    engine.begin_anew("ward/bed-1", error, state)
            return engine.tick()

        if others_results(model, sent, disturb) != undisturbed:
            raise TouchedOther("another patient's results have changed")
        if refusal:
            raise refusal[-1]

    return enter


def _seeds(_folder: Path) -> Sequence[bytes]:
    engine = Engine(BeatModel.pretrained(), clock=clock)
    engine.take([one for frames in ward().values() for one in frames])
    return [engine.snapshot(patient) for patient in engine.patients]


DOOR = Door(_seeds, _open, (b"stay", b"clock", b"numbers", b"waiting", b"version", b"next"))
