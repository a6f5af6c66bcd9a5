"""An inlet of the Lab Streaming Layer: a stream of the network as one patient's frames.

Its stamps are on the sender's clock. liblsl measures the distance of that to this machine's (``proc_clocksync``), and
the distance of this machine's LSL clock to the time of day is measured once. liblsl's own smoothing of stamps is left
off: it would spread a hole over the samples around it, as pyxdf does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SourceUnavailable
from pipeline.live.frames import MAX_FS, MAX_LEADS, MIN_FS
from pipeline.live.framing import HOLE_S
from pipeline.sources.units import millivolts_per_unit

__all__ = ["LslStream", "blocks", "open_lsl"]

PULL_S = 0.25
MEASURE_S = 5.0  # between two looks at both clocks
SET_US = 1e6  # by which the time of day is another: the machine has slept, or it was set
LOOK_S, SECOND_S = 0.1, 1.0  # between looks for streams, and for another one of the same name
READS = 20  # of both clocks, of which the closest counts


@dataclass(frozen=True, slots=True)
class LslStream:
    """A stream that is listened to.

    Attributes
    ----------
    name : str
        As its sender calls it.
    fs : float
        Nominal rate in Hz.
    leads : tuple of str
        Names of the channels that are taken.
    columns : tuple of int
        Which these are.
    mv_per_unit : tuple of float
        What a step of each is in mV.
    """

    name: str
    fs: float
    leads: tuple[str, ...]
    columns: tuple[int, ...]
    mv_per_unit: tuple[float, ...]
    inlet: Any


def open_lsl(name: str, *, wait_s: float, leads: Sequence[str] | None = None, unit: str | None = None) -> LslStream:
    """Find a stream by its name, or else by its type, and open it.

    Parameters
    ----------
    name : str
        Name, or type such as ``ECG``.
    wait_s : float
        How long it is looked for, in s.
    leads : sequence of str, optional
        What its channels are called, in their order, in place of what it says itself.
    unit : str, optional
        Their unit, in place of what it says itself.

    Raises
    ------
    SourceUnavailable
        If pylsl is missing, nobody sends such a stream, or several do.
    ValueError
        If it has no channel that is a voltage, a rate that is none of an ECG's, or names and channels do not match.
    """
    pylsl = _library()
    found = _resolve(pylsl, name, wait_s)
    senders = sorted({f"{one.name()} of {one.hostname()}" for one in found})
    if len({one.uid() for one in found}) > 1:
        raise SourceUnavailable(f"LSL: {len(found)} streams are {name!r} ({', '.join(senders)}): name one of them")
    inlet = pylsl.StreamInlet(found[0], recover=True, processing_flags=pylsl.proc_clocksync)
    try:
        info = inlet.info(timeout=wait_s)
        inlet.open_stream(timeout=wait_s)
    except RuntimeError as error:  # the base of all that pylsl raises
        raise SourceUnavailable(f"LSL: stream {name!r} was found and does not answer") from error
    fs, channels = float(info.nominal_srate()), _channels(info)
    if not MIN_FS <= fs <= MAX_FS:
        raise ValueError(f"LSL stream {name!r} has {fs:g} Hz; an ECG has {MIN_FS:g} to {MAX_FS:g} Hz, at a steady rate")
    if leads is not None and len(leads) != len(channels):
        raise ValueError(f"LSL stream {name!r} has {len(channels)} channels, and {len(leads)} names are given")
    chosen = []
    for i, (label, own) in enumerate(channels):
        factor = millivolts_per_unit(unit or own) if unit or own else None
        if factor is not None:
            chosen.append((i, label if leads is None else leads[i], factor))
    if not chosen:
        told = ", ".join(f"{label} ({own or 'no unit'})" for label, own in channels)
        raise ValueError(f"LSL stream {name!r}: no channel says that it is a voltage ({told}): give the unit")
    columns, names, factors = zip(*chosen[:MAX_LEADS], strict=True)
    return LslStream(info.name(), fs, names, columns, factors, inlet)


def _resolve(pylsl: Any, name: str, wait_s: float) -> list[Any]:
    """Return all streams of a name, or where there are none, of a type."""
    looking = [pylsl.ContinuousResolver(prop=prop, value=name) for prop in ("name", "type")]
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        time.sleep(LOOK_S)
        for resolver in looking:
            if resolver.results():
                time.sleep(SECOND_S)  # one of two that have this name would be chosen by chance
                return list(resolver.results())
    raise SourceUnavailable(f"LSL: no stream has the name or type {name!r} within {wait_s:g} s: is it sent?")


def blocks(stream: LslStream, *, go_on: Callable[[], bool]) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """Yield samples as they come, in mV, with the time of the first in microseconds since 1970 UTC.

    A block ends where the stamps leave a hole or go back. An empty one comes about four times a second while nothing
    does.

    Parameters
    ----------
    stream : LslStream
        Where from.
    go_on : callable
        Asked before each wait.

    Raises
    ------
    SourceUnavailable
        If the sender is gone and says nothing by which it could be found again.
    """
    pylsl = _library()
    zero_us, measured = _zero_us(pylsl.local_clock), time.monotonic()
    columns, factors = list(stream.columns), np.array(stream.mv_per_unit)
    while go_on():
        if time.monotonic() - measured > MEASURE_S:  # the time of day may have been set, or the machine have slept
            now_us, measured = _zero_us(pylsl.local_clock), time.monotonic()
            zero_us = now_us if abs(now_us - zero_us) > SET_US else zero_us
        try:
            samples, stamps = stream.inlet.pull_chunk(timeout=PULL_S, max_samples=round(stream.fs))
        except RuntimeError as error:  # it is lost
            raise SourceUnavailable(f"LSL: stream {stream.name!r} is gone") from error
        if not len(stamps):
            yield 0.0, np.empty((0, len(columns)), dtype=np.float32)
            continue
        values = (np.asarray(samples, dtype=np.float64)[:, columns] * factors).astype(np.float32)
        at = np.asarray(stamps, dtype=np.float64)
        step = np.diff(at) - 1.0 / stream.fs
        cuts = [0, *(np.flatnonzero(np.abs(step) > HOLE_S) + 1).tolist(), len(at)]
        for first, stop in pairwise(cuts):
            yield zero_us + at[first] * 1e6, values[first:stop]


def _library() -> Any:
    try:
        import pylsl
    except (ImportError, RuntimeError) as error:  # the package, or the library that it calls
        raise SourceUnavailable("LSL: pylsl or its liblsl is missing: pip install 'ecg-anomaly[live,lsl]'") from error
    return pylsl


def _zero_us(local_clock: Callable[[], float]) -> float:
    """Return the time of day at zero of the LSL clock, in microseconds: of some reads the one in which least passed."""
    best = (float("inf"), 0.0)
    for _ in range(READS):
        before = time.time_ns()
        lsl = local_clock()
        after = time.time_ns()
        best = min(best, (after - before, (before + after) / 2e3 - lsl * 1e6))
    return best[1]


def _channels(info: Any) -> list[tuple[str, str]]:
    """Return label and unit of each channel, as its sender describes them; empty where it does not."""
    count = info.channel_count()
    found: list[tuple[str, str]] = []
    with suppress(Exception):  # what a sender writes into its description is its own
        channel = info.desc().child("channels").child("channel")
        while len(found) < count and not channel.empty():
            found.append((channel.child_value("label").strip(), channel.child_value("unit").strip()))
            channel = channel.next_sibling("channel")
    found += [("", "")] * (count - len(found))
    return [(label or ("ECG" if count == 1 else f"ECG {i + 1}"), unit) for i, (label, unit) in enumerate(found)]
