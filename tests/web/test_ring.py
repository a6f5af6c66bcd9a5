from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.web.ring import MISSING, SignalRing, to_steps

Writes = list[tuple[int, int]]


@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.integers(-10, 60), st.integers(0, 70)), max_size=12),
    st.integers(-5, 200),
    st.integers(0, 120),
)
def test_a_ring_holds_what_a_dictionary_would(capacity: int, writes: Writes, start: int, length: int) -> None:
    ring, kept, stop, rng = SignalRing(capacity, 2), dict[int, list[int]](), None, np.random.default_rng(0)
    for skip, n in writes:
        at = max(0, (0 if stop is None else stop) + skip)
        signal = (rng.integers(-3000, 3000, (n, 2)) / 1000).astype(np.float32)
        ring.write(at, signal)
        first = at if stop is None else stop
        for position in range(first, at):
            kept[position] = [MISSING, MISSING]
        for i, row in enumerate(to_steps(signal).tolist()):
            if at + i >= first:
                kept[at + i] = row
        stop = max(first, at + n) if n and at + n > first else first
        kept = {position: row for position, row in kept.items() if stop - capacity <= position < stop}
    position, steps = ring.read(start, start + length)
    wanted = {at: row for at, row in kept.items() if start <= at < start + length}
    assert dict(enumerate(steps.tolist(), position)) == wanted


def test_microvolts_keep_what_is_missing_and_clip_what_is_too_large() -> None:
    steps = to_steps(np.array([[0.001, np.nan], [40.0, -40.0]], dtype=np.float32))
    assert steps.tolist() == [[1, MISSING], [32767, -32767]]


def test_a_ring_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="a ring of 0 samples"):
        SignalRing(0, 1)
