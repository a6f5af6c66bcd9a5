"""Devices that count and tell the time otherwise than they should, through the sequencer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.live.frames import Frame
from pipeline.live.sequencer import Sequencer
from pipeline.live.stays import Ended, Stay
from pipeline.records import Chunk, Gap
from tests.live.test_sequencer import T0, WHOLE, frame, signal_of, steps

HOUR_US = 3_600_000_000


def numbered(frames: list[Frame], first: int = 0, modulus: int | None = None) -> list[Frame]:
    """The same frames with numbers that begin at ``first``, or wrap."""
    return [replace(f, sequence=(first + i) % modulus if modulus else first + i) for i, f in enumerate(frames)]


@pytest.mark.parametrize("jump", [3, 65_536, 6 * 3600, 2**52])
def test_a_counter_that_jumps_while_the_clock_goes_on_makes_no_hole(jump: int) -> None:
    sequencer = Sequencer("ward/a")
    sent = [*map(frame, range(10)), *numbered([frame(i) for i in range(10, 20)], 10 + jump)]
    found = steps(sent, sequencer)
    np.testing.assert_array_equal(signal_of(found), WHOLE)
    assert not [step for step in found if isinstance(step, Gap | Ended)]
    assert sequencer.counts.jumps >= 1


@pytest.mark.parametrize("number", [0, 11, 500, 65_536, 2**53])
@pytest.mark.parametrize("off_s", [0, -7200, 5 * 3600])
def test_one_frame_with_a_wrong_number_or_time_silences_nobody(number: int, off_s: int) -> None:
    sent = list(map(frame, range(20)))
    sent[10] = replace(sent[10], sequence=number, time_us=sent[10].time_us + off_s * 1_000_000)
    sequencer = Sequencer("ward/a")
    found = steps(sent, sequencer)
    got = signal_of(found)
    there = ~np.isnan(got)
    assert len(got) == len(WHOLE)
    assert there.sum() >= len(WHOLE) - 250  # the frame itself at the most
    np.testing.assert_array_equal(got[there], WHOLE[there])
    assert sum(isinstance(step, Stay) for step in found) == 1


@pytest.mark.parametrize("modulus", [256, 65_536])
@pytest.mark.parametrize("size", [250, 50])
def test_numbers_of_eight_or_sixteen_bits_lose_nothing_where_they_wrap(modulus: int, size: int) -> None:
    sent = numbered([frame(i, size=size) for i in range(60)], modulus - 30, modulus)
    sent[30], sent[31] = sent[31], sent[30]  # they may also come in another order just there
    found = steps(sent)
    got = signal_of(found)
    assert len(got) == 60 * size
    assert not np.isnan(got).any()
    assert not [step for step in found if isinstance(step, Gap | Ended)]


@pytest.mark.parametrize("behind_us", [HOUR_US, 40 * 1_000_000, 100 * 1_000_000])
def test_a_device_that_starts_anew_with_its_clock_behind_begins_another_stay_and_loses_nothing(behind_us: int) -> None:
    again = [replace(frame(i + 200, t0=T0 - 100_000_000 - behind_us), sequence=i) for i in range(10)]
    sequencer = Sequencer("ward/a")
    found = steps([*map(frame, range(100)), *again], sequencer)
    assert [s.began_us for s in found if isinstance(s, Stay)] == [T0, again[0].time_us]
    assert sum(isinstance(step, Chunk) for step in found) == 110
    assert sequencer.counts.doubled == 0


def test_frames_that_come_twice_are_told_from_a_device_that_begins_at_the_same_time_again() -> None:
    first = list(map(frame, range(100)))
    sequencer = Sequencer("ward/a")
    assert not [s for s in steps([*first, *first[:50]], sequencer) if isinstance(s, Ended)]
    assert sequencer.counts.doubled == 50
    assert sequencer.dropped_s == 0.0
    other = [replace(f, samples=f.samples + np.int16(1)) for f in first[:20]]
    found = steps(other, sequencer)
    assert sum(isinstance(step, Chunk) for step in found) == 20
    assert len([s for s in found if isinstance(s, Stay)]) == 1


def test_a_late_frame_of_the_session_before_the_last_drops_nothing_but_itself() -> None:
    sent = [*map(frame, range(10))]
    for number, session in enumerate("tuv", start=1):
        sent += [replace(frame(10 * number + i), session=session, sequence=i) for i in range(10)]
        sent.insert(-5, replace(frame(9), session="s"))  # of the first session of all
    sequencer = Sequencer("ward/a")
    found = steps(sent, sequencer)
    assert sum(isinstance(step, Chunk) for step in found) == 40
    assert len([s for s in found if isinstance(s, Stay)]) == 1
    assert (sequencer.counts.late, sequencer.counts.sessions) == (3, 4)


def test_three_devices_under_one_name_make_no_stay_after_stay_and_the_last_one_is_heard() -> None:
    devices = [[replace(frame(i), session=session) for i in range(60)] for session in "abc"]
    sequencer = Sequencer("ward/a")
    found = steps([one for together in zip(*devices, strict=True) for one in together], sequencer)
    assert len([s for s in found if isinstance(s, Stay)]) <= 3
    assert sum(isinstance(step, Chunk) for step in found) >= 60
    assert sequencer.dropped_s > 100
    assert "ended" in sequencer.dropped_for


def test_a_device_whose_session_had_ended_is_heard_again_when_nobody_else_sends() -> None:
    old = [frame(i) for i in range(200)]
    new = [replace(frame(i), session="t", sequence=i - 100) for i in range(100, 110)]
    sequencer = Sequencer("ward/a")
    found = steps([*old[:100], *new, *old[110:]], sequencer)
    assert sequencer.dropped_s <= 6
    assert sequencer.until_s == pytest.approx(200)
    assert len([s for s in found if isinstance(s, Stay)]) == 1


@pytest.mark.parametrize("lead", ["II", "V5"])
def test_a_device_that_sends_its_leads_by_turns_makes_no_stay_after_stay(lead: str) -> None:
    sent = [replace(frame(i), leads=("II",) if i % 2 else (lead,)) for i in range(60)]
    sequencer = Sequencer("ward/a")
    assert len([s for s in steps(sent, sequencer) if isinstance(s, Stay)]) == 1
    assert (sequencer.dropped_s > 10) == (lead == "V5")


def test_the_state_stays_small_whatever_is_set_aside() -> None:
    wide = np.zeros((2000, 2), np.float32) + 0.1
    sequencer = Sequencer("ward/a")
    for i in range(40):
        sent = Frame.of("ward/a", "s", (i * 7919) % 100_000, T0 + i * 1_000_000, 1000.0, ("II", "V1"), wide[:700] + i)
        for _ in sequencer.push(sent):
            pass
        assert len(sequencer.snapshot()) < 32_000
