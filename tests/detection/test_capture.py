from __future__ import annotations

from pipeline.detection.capture import Capture


def test_two_pulses_in_a_row_that_start_no_beat_have_lost_their_capture() -> None:
    capture = Capture()
    capture.beat(10.1)
    assert capture.pulse(10.0) is None
    assert capture.pulse(11.0) is None
    assert capture.pulse(12.0) == 11.0
    capture.beat(13.1)
    assert capture.pulse(13.0) is None


def test_pulses_far_apart_are_none_in_a_row() -> None:
    capture = Capture()
    assert capture.pulse(80.0) is None
    assert capture.pulse(3200.0) is None


def test_what_is_remembered_does_not_grow() -> None:
    capture = Capture()
    for i in range(1000):
        capture.pulse(float(i))
    assert len(capture.snapshot()[1]) <= 2
    assert capture.pulse(1000.0) == 0.0
