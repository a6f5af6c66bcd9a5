"""What the doors of recordings hold against a reader: it ends where its record says, however long that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.fuzzing.recordings import ENOUGH, read_all
from pipeline.records import Chunk


@dataclass
class Endless:
    """A record that goes on behind its end."""

    n_samples: int
    read: int = 0

    def chunks(self) -> Iterator[Chunk]:
        while True:
            yield Chunk("a/b", self.read, 250.0, ("II",), np.zeros((1000, 1), np.float32))
            self.read += 1000

    def annotations(self) -> None:
        return None


def test_a_record_that_goes_on_behind_its_end_is_at_fault() -> None:
    with pytest.raises(AssertionError, match="5,000"):
        read_all(Endless(5000))  # type: ignore[arg-type]  # all that is read of a record


def test_a_long_record_is_none() -> None:
    month = Endless(650_000_000)  # a hole that a wrong time makes: long, and told
    read_all(month)  # type: ignore[arg-type]
    assert ENOUGH <= month.read < ENOUGH + 2000
