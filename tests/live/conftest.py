from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from pipeline.live.faults import Faults
from pipeline.live.frames import Frame
from pipeline.live.replay import play, synthetic_ward
from pipeline.records import Record
from pipeline.sources.synthetic import SyntheticRecord

BEGAN_US = 1_750_000_000_000_000

Played = Callable[..., Iterator[list[Frame]]]


@pytest.fixture(scope="session")
def ward_records() -> list[SyntheticRecord]:
    """Four patients, two minutes of each."""
    return synthetic_ward(4, seconds=120.0, seed=5)


@pytest.fixture(scope="session")
def played() -> Played:
    """Play records as fast as they are taken, always in the same session."""

    def run(
        records: Sequence[Record], faults: Faults | None = None, *, frame_s: float = 1.0, began_us: int = BEGAN_US
    ) -> Iterator[list[Frame]]:
        return play(
            records,
            session="s",
            began_us=began_us,
            speed=math.inf,
            clock=time.monotonic,
            wait=time.sleep,
            frame_s=frame_s,
            faults=faults,
        )

    return run
