"""Inputs that are almost as they should be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

__all__ = ["mutated"]

NUMBERS = (b"0", b"-1", b"1e999", b"65536", b"4294967296", b"9223372036854775808", b"9" * 400, b"nan", b"null", b"true")
WORDS = (
    b"\0",
    b"\xff\xff\xff\xff",
    b"\x7f",
    b"%00",
    b"../",
    b"\\ud800",
    b"[" * 200,
    b"{}",
    b'""',
    b"\r\n",
    b"\xed\xa0\x80",
)
LONGEST = 200_000  # bytes
HEAD = 600  # bytes in which a file says what it is: half of the damage is there, however long the rest


def mutated(rng: Random, seeds: Sequence[bytes], words: Sequence[bytes] = ()) -> bytes:
    """Return one of the seeds with one to four things wrong."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 2, 4))):
        data = _WAYS[rng.randrange(len(_WAYS))](rng, data, seeds, words)
    return bytes(data[:LONGEST])


def _place(rng: Random, size: int) -> int:
    return rng.randrange(min(size, HEAD) if rng.random() < 0.5 else size)


def _flip(rng: Random, data: bytearray, _seeds: Sequence[bytes], _words: Sequence[bytes]) -> bytearray:
    for _ in range(rng.choice((1, 1, 8))):
        if data:
            data[_place(rng, len(data))] ^= 1 << rng.randrange(8)
    return data


def _replace(rng: Random, data: bytearray, _seeds: Sequence[bytes], _words: Sequence[bytes]) -> bytearray:
    if data:
        at = _place(rng, len(data))
        data[at : at + rng.choice((1, 2, 4, 8))] = bytes(
            rng.choice((0, 1, 0x7F, 0x80, 0xFF)) for _ in range(rng.choice((1, 2, 4)))
        )
    return data


def _cut(rng: Random, data: bytearray, _seeds: Sequence[bytes], _words: Sequence[bytes]) -> bytearray:
    if not data:
        return data
    at = _place(rng, len(data))
    return data[:at] if rng.random() < 0.5 else data[:at] + data[at + rng.randrange(1, 64) :]


def _repeat(rng: Random, data: bytearray, _seeds: Sequence[bytes], _words: Sequence[bytes]) -> bytearray:
    at = _place(rng, len(data) + 1)
    piece = data[at : at + rng.choice((1, 8, 64, 1024))]
    return data[:at] + piece * rng.choice((1, 2, 50)) + data[at:]


def _insert(rng: Random, data: bytearray, _seeds: Sequence[bytes], words: Sequence[bytes]) -> bytearray:
    at = _place(rng, len(data) + 1)
    return data[:at] + rng.choice((*words, *WORDS, *NUMBERS)) + data[at:]


def _word(rng: Random, data: bytearray, _seeds: Sequence[bytes], words: Sequence[bytes]) -> bytearray:
    """Put another word in the place of one that is there."""
    there = [word for word in words if word in data]
    if not there:
        return _number(rng, data, _seeds, words)
    return bytearray(
        bytes(data).replace(rng.choice(there), rng.choice((*words, *WORDS, *NUMBERS)), rng.choice((1, -1)))
    )


def _number(rng: Random, data: bytearray, _seeds: Sequence[bytes], _words: Sequence[bytes]) -> bytearray:
    found = list(re.finditer(rb"-?\d+(\.\d+)?", bytes(data[:20_000])))
    if not found:
        return data
    where = rng.choice(found)
    return data[: where.start()] + rng.choice(NUMBERS) + data[where.end() :]


def _splice(rng: Random, data: bytearray, seeds: Sequence[bytes], _words: Sequence[bytes]) -> bytearray:
    other = rng.choice(seeds)
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


_WAYS = (_flip, _replace, _cut, _repeat, _insert, _word, _number, _number, _splice)
