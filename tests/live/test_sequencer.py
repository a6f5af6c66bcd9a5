from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.errors import FrameError
from pipeline.live.frames import Frame
from pipeline.live.sequencer import Ended, Sequencer, Stay, Step
from pipeline.records import Chunk, Gap

T0 = 1_750_000_000_000_000
FS = 250.0


def frame(number: int, *, session: str = "s", true_fs: float = FS, t0: int = T0, size: int = 250) -> Frame:
    """Frame number so and so of a signal whose samples count upwards."""
    first = number * size
    signal = (np.arange(first, first + size) / 200 % 100).astype(np.float32)[:, None]
    return Frame.of("ward/a", session, number, t0 + round(first / true_fs * 1e6), FS, ("II",), signal)


def steps(frames: Iterable[Frame], sequencer: Sequencer | None = None) -> list[Step]:
    sequencer = sequencer or Sequencer("ward/a")
    return [step for sent in frames for step in sequencer.push(sent)]


def signal_of(found: list[Step]) -> NDArray[np.float32]:
    """The signal, NaN in the holes; every chunk must follow the one before."""
    parts, at = [], 0
    for step in found:
        if isinstance(step, Chunk):
            parts.append(np.full((step.start - at, 1), np.nan, np.float32))
            parts.append(step.signal)
            at = step.stop
    return np.concatenate(parts)[:, 0]


WHOLE = signal_of(steps(frame(i) for i in range(20)))


@given(orders=st.lists(st.permutations(range(3)), min_size=4, max_size=4), twice=st.lists(st.integers(0, 11)))
def test_frames_in_another_order_and_twice_make_the_same_signal(orders: list[list[int]], twice: list[int]) -> None:
    numbers = [3 * block + i for block, order in enumerate(orders) for i in order]
    sent = [number for number in numbers for _ in range(1 + (number in twice))]
    sequencer = Sequencer("ward/a")
    got = signal_of(steps(map(frame, [*sent, *twice]), sequencer))
    np.testing.assert_array_equal(got, WHOLE[: 12 * 250])
    assert sequencer.counts.doubled == len(set(twice)) + len(twice)
    assert sequencer.counts.lost == sequencer.counts.late == 0


def test_a_frame_that_never_comes_is_a_hole_of_its_length_and_counted() -> None:
    sequencer = Sequencer("ward/a")
    found = steps((frame(i) for i in range(20) if i not in (5, 6, 12)), sequencer)
    assert [step for step in found if isinstance(step, Gap)] == [
        Gap("ward/a", 5.0, 7.0, "lost"),
        Gap("ward/a", 12.0, 13.0, "lost"),
    ]
    got = signal_of(found)
    there = ~np.isnan(got)
    np.testing.assert_array_equal(got[there], WHOLE[there])
    assert (~there).sum() == 3 * 250
    assert (sequencer.counts.lost, sequencer.counts.lost_s) == (3, 3.0)


def test_what_comes_after_it_was_given_up_is_late() -> None:
    sequencer = Sequencer("ward/a")
    steps(map(frame, [0, 1, 3, 4, 5, 6, 2, 6]), sequencer)
    assert (sequencer.counts.late, sequencer.counts.doubled) == (1, 1)


@pytest.mark.parametrize("true_fs", [244.0, 250.0, 256.5])
def test_the_true_rate_is_followed_and_a_hole_has_its_true_length(true_fs: float) -> None:
    sequencer = Sequencer("ward/a")
    sent = [frame(i, true_fs=true_fs) for i in range(400)]
    # The device loses 20 s of its own without counting them.
    later = [replace(f, sequence=f.sequence - 20) for f in sent[320:]]
    found = steps(sent[:300] + later, sequencer)
    assert sequencer.true_fs == pytest.approx(true_fs, rel=1e-3)
    (gap,) = [step for step in found if isinstance(step, Gap)]
    assert (gap.stop_s - gap.start_s) * FS == pytest.approx(20 * 250, abs=3)
    assert sequencer.counts.jumps == 1


@given(jitter=st.lists(st.integers(-60_000, 60_000), min_size=200, max_size=200))
def test_times_that_jitter_make_no_hole(jitter: list[int]) -> None:
    sequencer = Sequencer("ward/a")
    sent = [replace(frame(i), time_us=frame(i).time_us + off) for i, off in enumerate(jitter)]
    found = steps((f for f in sent if f.sequence != 100), sequencer)
    assert all(gap.stop_s - gap.start_s == pytest.approx(1.0, abs=0.2) for gap in found if isinstance(gap, Gap))
    assert len([step for step in found if isinstance(step, Gap)]) == 1


def test_a_clock_that_is_set_back_makes_no_hole() -> None:
    sent = [frame(i, t0=T0 - (i >= 10) * 3_600_000_000) for i in range(20)]
    sequencer = Sequencer("ward/a")
    np.testing.assert_array_equal(signal_of(steps(sent, sequencer)), WHOLE)
    assert sequencer.counts.jumps == 1


def test_a_device_that_starts_anew_goes_on_after_a_hole() -> None:
    again = [replace(frame(i + 15), session="t", sequence=i) for i in range(5)]
    found = steps([*map(frame, range(10)), *again, frame(9)])
    assert [step for step in found if isinstance(step, Gap | Ended)] == [Gap("ward/a", 10.0, 15.0, "lost")]
    got = signal_of(found)
    np.testing.assert_array_equal(got[15 * 250 :], WHOLE[15 * 250 :])


def test_a_device_that_counts_anew_under_its_old_name_loses_nothing() -> None:
    again = [replace(frame(i + 15), sequence=i) for i in range(5)]
    got = signal_of(steps([*map(frame, range(10)), *again]))
    np.testing.assert_array_equal(got[15 * 250 :], WHOLE[15 * 250 :])


@pytest.mark.parametrize(
    "other",
    [
        replace(frame(0, t0=T0 + 7 * 3_600_000_000), session="t"),
        replace(frame(0), session="t", time_us=T0 - 10_000_000),
        replace(frame(20), session="t", fs=500.0, sequence=0),
        replace(frame(20), session="t", leads=("V5",), sequence=0),
    ],
)
def test_what_cannot_continue_a_stay_begins_another(other: Frame) -> None:
    found = steps([*map(frame, range(10)), other])
    kinds = [kind.__name__ for kind, _ in groupby(found, type)]
    assert kinds == ["Stay", "Chunk", "Ended", "Stay", "Chunk"]
    (_, second) = [step for step in found if isinstance(step, Stay)]
    assert (second.began_us, second.fs, second.leads) == (other.time_us, other.fs, other.leads)


def test_a_device_that_sends_something_else_begins_another_stay_and_one_frame_of_it_alone_does_not() -> None:
    other = [replace(frame(i), fs=500.0, time_us=T0 + 5_000_000 + i * 500_000) for i in (10, 11, 12)]
    found = steps([*map(frame, range(10)), *other])
    kinds = [kind.__name__ for kind, _ in groupby(found, type)]
    assert kinds == ["Stay", "Chunk", "Ended", "Stay", "Chunk"]
    assert sum(isinstance(step, Chunk) for step in found) == 13
    found = steps([*map(frame, range(10)), other[0], *map(frame, range(10, 20))])
    assert [type(step).__name__ for step in found] == ["Stay"] + 20 * ["Chunk"]


def test_the_last_frame_ends_the_stay_and_what_was_sent_before_it_is_late() -> None:
    sequencer = Sequencer("ward/a")
    nothing = replace(frame(3), samples=np.empty((0, 1), np.int16), last=True)
    found = steps([*map(frame, range(3)), nothing, nothing, frame(2)], sequencer)
    assert isinstance(found[-1], Ended)
    assert (sequencer.counts.late, sequencer.counts.sessions) == (2, 1)
    assert isinstance(steps([replace(frame(9), session="t")], sequencer)[0], Stay)


@given(at=st.integers(0, 30), seed=st.integers(0, 1000))
def test_a_restored_state_goes_on_as_if_nothing_had_happened(at: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = np.argsort(np.arange(30) + 2.5 * rng.random(30))
    sent = [frame(int(i)) for i in numbers if rng.random() > 0.1]
    sent += [replace(frame(40 + i), session="t", sequence=i) for i in range(10)]
    whole = Sequencer("ward/a")
    expected = steps(sent, whole)
    first, second = Sequencer("ward/a"), Sequencer("ward/a")
    found = steps(sent[:at], first)
    state = first.snapshot()
    second.restore(state)
    found += steps(sent[at:], second)
    np.testing.assert_array_equal(signal_of(found), signal_of(expected))
    assert [s for s in found if not isinstance(s, Chunk)] == [s for s in expected if not isinstance(s, Chunk)]
    assert second.counts == whole.counts
    assert second.snapshot() == whole.snapshot()
    assert len(state) < 10_000


def test_the_leads_that_are_scored_are_chosen_by_name_and_come_in_mv() -> None:
    samples = np.array([[1000, 7, 2, 300]], np.int16)
    mixed = Frame(
        "ward/a", "s", 0, T0, FS, ("V1", "RESP", "pressure", "II"), ("uV", "mV", "mmHg", "mV"), samples,
        (1.0, 200.0, 1.0, 100.0),
    )  # fmt: skip
    stay, chunk = steps([mixed])
    assert isinstance(stay, Stay)
    assert isinstance(chunk, Chunk)
    assert stay.leads == chunk.leads == ("II", "V1")
    np.testing.assert_allclose(chunk.signal, [[3.0, 1.0]], rtol=1e-6)


def test_a_frame_without_a_lead_is_refused_and_the_next_goes_on() -> None:
    sequencer = Sequencer("ward/a")
    with pytest.raises(FrameError, match="no ECG lead"):
        steps([replace(frame(0), leads=("RESP",))], sequencer)
    assert len(steps([frame(0)], sequencer)) == 2


def test_pulse_waves_come_and_go_beside_the_leads_and_begin_no_other_stay() -> None:
    def with_wave(number: int) -> Frame:
        sent = frame(number)
        wave = np.full((250, 1), 80.0 + number, np.float32)
        signal = np.concatenate([wave, sent.samples / np.float32(200.0)], axis=1).astype(np.float32)
        units = ("mmHg", "mV")
        return Frame("ward/a", "s", number, sent.time_us, FS, ("ABP", "II"), units, signal)

    sent = [frame(0), with_wave(1), with_wave(2), frame(3)]
    sequencer = Sequencer("ward/a")
    found = steps([sent[0], sent[2]], sequencer)
    other = Sequencer("ward/a")
    other.restore(sequencer.snapshot())  # with a frame that waits
    found += steps([sent[1], sent[3]], other)
    assert [type(step) for step in found] == [Stay, *[Chunk] * 4]
    assert found[0] == Stay("s", T0, FS, ("II",))
    chunks = [step for step in found if isinstance(step, Chunk)]
    assert [chunk.waves for chunk in chunks] == [(), ("ABP",), ("ABP",), ()]
    assert [None if chunk.wave is None else float(chunk.wave[0, 0]) for chunk in chunks] == [None, 81.0, 82.0, None]
    np.testing.assert_allclose(signal_of(found), WHOLE[:1000], atol=1e-6)
