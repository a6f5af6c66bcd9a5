"""MQTT topics of what devices publish, with the frame that comes by them."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import FrameError
from pipeline.fuzzing.door import Door, Enter
from pipeline.fuzzing.messages import seeds
from pipeline.live.broker import patient_of, subject_of
from pipeline.live.device_check import DeviceCheck
from pipeline.live.frames import is_patient

__all__ = ["DOOR"]


def _open(_folder: Path) -> Enter:
    frame = seeds()[0]

    def enter(data: bytes) -> None:
        topic = data.decode("utf-8", "replace")
        check = DeviceCheck()
        check.take(frame, topic=topic)
        check.remarks()
        if check.refusals:
            raise FrameError(check.refusals[0].why)
        patient = patient_of(topic.replace("/", "."))
        if not is_patient(patient) or subject_of(patient).replace(".", "/") != topic:
            raise AssertionError(f"a topic is taken that names no patient: {topic!r:.100}")

    return enter


DOOR = Door(
    lambda _: [b"ecg/ward/bed-1", b"ecg//bed", b"/ecg/ward/bed-1"], _open, (b"ecg/", b"/", b".", b"#", b"+", b" ")
)
