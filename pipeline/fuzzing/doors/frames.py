"""Frames, in both forms, up to a patient's signal."""

from __future__ import annotations

from pathlib import Path

from pipeline.fuzzing.door import Door, Enter
from pipeline.fuzzing.messages import WORDS, seeds
from pipeline.live.frames import decode
from pipeline.live.sequencer import Sequencer

__all__ = ["DOOR"]


def _open(_folder: Path) -> Enter:
    first = [decode(data) for data in seeds()[:1]]

    def enter(data: bytes) -> None:
        frame = decode(data)
        sequencer = Sequencer(frame.patient)
        for one in (*first, frame, frame):
            for _ in sequencer.push(one):
                pass
        state = sequencer.snapshot()
        again = Sequencer(frame.patient)
        again.restore(state)
        if again.snapshot() != state:
            raise AssertionError("a state does not come back as it was")

    return enter


DOOR = Door(seeds, _open, WORDS)
