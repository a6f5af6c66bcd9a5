"""A message for one patient among others: nobody else may notice."""

from __future__ import annotations

from pathlib import Path

from pipeline.detection.model import BeatModel
from pipeline.errors import FrameError
from pipeline.fuzzing.door import Door, Enter, TouchedOther
from pipeline.fuzzing.messages import BEGAN_US, WORDS, seeds
from pipeline.fuzzing.neighbours import others_results, ward
from pipeline.live.engine import Engine
from pipeline.live.frames import decode
from pipeline.live.results import Result

__all__ = ["DOOR"]


def _open(_folder: Path) -> Enter:
    model, sent = BeatModel.pretrained(), ward()
    undisturbed = others_results(model, sent, lambda engine: [])

    def enter(data: bytes) -> None:
        refusal: list[FrameError] = []

        def disturb(engine: Engine) -> list[Result]:
            try:
                frame = decode(data)
            except FrameError as error:
                refusal.append(error)
                engine.refuse("ward/bed-1", BEGAN_US, str(error))
                return []
            return engine.take([frame]) if frame.patient not in list(sent)[1:] else []

        if others_results(model, sent, disturb) != undisturbed:
            raise TouchedOther("another patient's results have changed")
        if refusal:
            raise refusal[0]

    return enter


DOOR = Door(seeds, _open, WORDS)
