from __future__ import annotations

import json

import pytest

from pipeline.detection.stillness import AFTER_S, SETTLE_S, Stillness

GONE = float("nan")


def after_beats(*silence: tuple[float, ...], beats: int = 30) -> tuple[Stillness, float]:
    """Return what is known after seconds with beats of 1 mV on both leads, then those given, and when that is."""
    stillness, stop = Stillness(), 0.0
    for _ in range(beats):
        stop += 1.0
        stillness.second(stop, (1.0, 1.0), has_beats=True)
    for spread in silence:
        stop += 1.0
        stillness.second(stop, spread, has_beats=False)
    return stillness, stop


@pytest.mark.parametrize(
    ("silence", "is_still"),
    [
        ([(0.1, 0.1)] * 3, True),
        ([(0.1, 1.0)] * 3, True),  # one lead is enough
        ([(0.9, 0.9)] * 3, False),  # beats that were missed move a lead as beats do
        ([(0.1, 0.1), (0.9, 0.9), (0.1, 0.1)], False),
        ([(GONE, 0.9)] * 3, False),
        ([(GONE, 0.1)] * 3, True),
        ([(6.0, 6.0), (0.1, 0.1), (0.1, 0.1), (0.1, 0.1)], False),  # an electrode that was pulled settles first
        ([(6.0, 6.0), *[(0.1, 0.1)] * int(SETTLE_S)], True),
    ],
)
def test_a_silence_is_believed_where_a_lead_is_clear_and_still(
    silence: list[tuple[float, ...]], is_still: bool
) -> None:
    stillness, stop = after_beats(*silence)
    assert stillness.is_still(30.0 - AFTER_S, stop) is is_still


def test_without_any_beats_before_nothing_is_held_against_a_silence() -> None:
    assert Stillness().is_still(0.0, 4.0)
    stillness, stop = after_beats((0.5, 0.5), beats=0)
    assert stillness.is_still(0.0, stop)


def test_the_beats_that_end_a_silence_are_none_of_it() -> None:
    stillness, stop = after_beats((1.0, 1.0), (0.1, 0.1), (0.1, 0.1), (1.0, 1.0))
    assert stillness.is_still(stop - 3.9, stop - 0.5)
    assert not stillness.is_still(stop - 3.9, stop)


def test_silence_teaches_nothing() -> None:
    stillness, stop = after_beats(*[(0.1, 0.1)] * 600, (0.5, 0.5))
    assert stillness.is_still(stop - 4.0, stop)


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    first, stop = after_beats((0.1, GONE), (0.2, 0.2))
    second = Stillness()
    second.restore(json.loads(json.dumps(first.snapshot())))
    for stillness in (first, second):
        stillness.second(stop + 1.0, (0.2, 0.9), has_beats=False)
    assert repr(first.snapshot()) == repr(second.snapshot())
    assert first.is_still(30.0, stop + 1.0)
    assert second.is_still(30.0, stop + 1.0)
