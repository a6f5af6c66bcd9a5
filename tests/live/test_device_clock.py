from __future__ import annotations

import numpy as np
import pytest

from pipeline.live.device_clock import DeviceClock


@pytest.mark.parametrize("true_fs", [128.0, 131.0, 125.0])
def test_a_belt_of_73_samples_a_packet_is_followed_at_its_true_rate(true_fs: float) -> None:
    rng = np.random.default_rng(1)
    clock = DeviceClock(130.0, 0, 10**15)
    for packet in range(1, 400):
        taken = 10**15 + packet * 73 / true_fs * 1e6
        clock.follow(packet * 73, round(taken + rng.normal(0, 10_000)))
    assert clock.fs == pytest.approx(true_fs, rel=2e-3)
    assert clock.time_us(400 * 73) == pytest.approx(10**15 + 400 * 73 / true_fs * 1e6, abs=15_000)


def test_a_rate_is_never_taken_to_be_far_from_what_the_device_states() -> None:
    clock = DeviceClock(250.0, 0, 0)
    for i in range(1, 300):
        clock.follow(i * 250, i * 2_000_000)
    assert clock.fs == pytest.approx(250.0, rel=0.06)


def test_a_restored_clock_goes_on_as_before() -> None:
    clock = DeviceClock(250.0, 0, 0)
    clock.follow(250, 1_010_000)
    again = DeviceClock.restore(clock.snapshot())
    for one in (clock, again):
        one.follow(500, 2_030_000)
    assert again.snapshot() == clock.snapshot()
