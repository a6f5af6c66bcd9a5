"""Which patients a worker monitors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

__all__ = ["ALL", "Partitions"]

MOST = 1024


@dataclass(frozen=True, slots=True)
class Partitions:
    """Some of the partitions that patients are spread over.

    Attributes
    ----------
    first, last : int
        The first and the last of them.
    of : int
        How many there are.
    """

    first: int
    last: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``--partitions`` says.

        Raises
        ------
        ValueError
            If it is not written like ``0-31/64`` or ``7/64``.

        >>> Partitions.parse("0-31/64")
        Partitions(first=0, last=31, of=64)
        """
        match = re.fullmatch(r"(\d+)(?:-(\d+))?/(\d+)", text)
        if match is None:
            raise ValueError(f"partitions {text!r}: write them like 0-31/64")
        first, last, of = int(match[1]), int(match[2] or match[1]), int(match[3])
        if not first <= last < of <= MOST:
            raise ValueError(f"partitions {text!r}: the first to the last of up to {MOST}, counted from 0")
        return cls(first, last, of)

    @property
    def numbers(self) -> range:
        """All of them."""
        return range(self.first, self.last + 1)

    def __str__(self) -> str:
        return f"{self.first}-{self.last}/{self.of}"


ALL = Partitions(0, 63, 64)
