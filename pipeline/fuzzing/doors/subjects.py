"""Subjects and topics, of which a patient's name is made."""

from __future__ import annotations

from pathlib import Path

from pipeline.fuzzing.door import Door, Enter
from pipeline.live.broker import patient_of
from pipeline.live.frames import is_patient
from pipeline.storage.database import partition_of

__all__ = ["DOOR"]


def _open(_folder: Path) -> Enter:
    def enter(data: bytes) -> None:
        patient = patient_of(data.decode("utf-8", "replace"))
        if is_patient(patient):
            partition_of(patient, 64)

    return enter


DOOR = Door(lambda _: [b"ecg.ward.bed-1", b"ecg./.bed", b"ecg.a.b.c.d"], _open, (b"ecg.", b".", b"/"))
