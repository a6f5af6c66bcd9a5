"""The samples of one stored WFDB segment, decoded by wfdb, in mV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import wfdb
from numpy.typing import NDArray

from pipeline.errors import RecordCorrupt, RecordUnsupported, SourceUnavailable
from pipeline.sources.header import Channel, Header, undated
from pipeline.sources.leads import millivolts_per_unit
from pipeline.sources.signal_kind import signal_kind

__all__ = ["SignalReader"]

_MODULUS = 65536


class SignalReader:
    """Reads chosen channels of a segment from front to back and sums them on the way.

    Parameters
    ----------
    path : Path
        The segment's path without extension.
    record : str
        Name of the record, for messages.
    header : Header
        The segment's header.
    channels : sequence of Channel
        What to read, in this order: voltages, and pulse waves, which are returned in their own unit.
    per_frame : int
        Samples to return for a frame; further samples that a channel has are averaged.

    Raises
    ------
    RecordUnsupported
        If a channel is no voltage, or stored in a way that cannot be read in parts.
    RecordCorrupt
        If a channel has another number of samples in a frame than the record's others.
    """

    def __init__(self, path: Path, record: str, header: Header, channels: Sequence[Channel], per_frame: int) -> None:
        self._path = str(path.absolute())  # wfdb takes the folder from it
        self._record = record
        self._header = header
        self._channels = list(channels)
        self._per_frame = per_frame
        self._sums = [0] * len(channels)
        self._last = [channel.initial for channel in channels]
        self._scales: list[float] = []
        for channel in channels:
            scale = 1.0 if signal_kind(channel.name) == "pulse" else millivolts_per_unit(channel.units)
            if scale is None:
                raise RecordUnsupported(
                    f"record {record!r}: {channel.name} is in {channel.units}, not mV, in {path.name}"
                )
            if (channel.fmt == "8" and channel.skew) or (channel.fmt == "61" and channel.per_frame > 1):
                raise RecordUnsupported(
                    f"record {record!r}: {channel.name} in {path.name} is stored in a rare way (format {channel.fmt} "
                    "with skew or several samples a frame); convert it to format 16"
                )
            if channel.per_frame % per_frame:
                raise RecordCorrupt(f"record {record!r}: {channel.name} in {path.name} changes its samples a frame")
            self._scales.append(scale)

    def read(self, first: int, last: int) -> NDArray[np.float32]:
        """Return frames ``first`` to ``last`` in mV, shape ((last - first) * per_frame, channels)."""
        out = np.full(((last - first) * self._per_frame, len(self._channels)), np.nan, dtype=np.float32)
        # Leads that were stored late (skew) are read from further on, all others in one go.
        for skew in sorted({channel.skew for channel in self._channels}):
            columns = [i for i, channel in enumerate(self._channels) if channel.skew == skew]
            start, stop = first + skew, last + skew
            if self._header.length is not None:
                stop = min(stop, self._header.length)
            if stop > start:
                self._read_into(out, columns, start, stop)
        return out

    def wrong_sums(self) -> list[str]:
        """Return the channels whose samples, all read, do not add up to their header's checksum."""
        return [
            channel.name
            for channel, total in zip(self._channels, self._sums, strict=True)
            if channel.checksum is not None and not channel.skew and (channel.checksum - total) % _MODULUS
        ]

    def _read_into(self, out: NDArray[np.float32], columns: list[int], start: int, stop: int) -> None:
        # wfdb's matrix takes twice the time of its list of leads, which fails for the big-endian format 61.
        as_list = all(self._channels[i].fmt != "61" for i in columns)
        block = self._decode([self._channels[i].index for i in columns], start, stop, as_list)
        digital = block.e_d_signal if as_list else block.d_signal.T
        for k, i in enumerate(columns):
            if self._channels[i].fmt == "8":  # differences: wfdb begins each read at the initial value again
                digital[k] += self._last[i] - self._channels[i].initial
                self._last[i] = int(digital[k][-1])
        sums = block.calc_checksum(expanded=as_list)
        analogue = block.dac(expanded=as_list, return_res=64)
        volts = analogue if as_list else analogue.T
        for k, i in enumerate(columns):
            self._sums[i] += sums[k]
            lead = volts[k] if self._scales[i] == 1.0 else volts[k] * self._scales[i]
            average = self._channels[i].per_frame // self._per_frame
            lead = lead if average == 1 else lead.reshape(-1, average).mean(axis=1)
            out[: len(lead), i] = lead[: len(out)]

    def _decode(self, indices: list[int], start: int, stop: int, as_list: bool) -> Any:
        if not self._header.is_undated:
            return self._decode_at(self._path, indices, start, stop, as_list)
        with undated(Path(self._path)) as copy:
            return self._decode_at(str(copy), indices, start, stop, as_list)

    def _decode_at(self, path: str, indices: list[int], start: int, stop: int, as_list: bool) -> Any:
        try:
            return wfdb.rdrecord(
                path,
                sampfrom=start,
                sampto=None if self._header.length is None else stop,
                channels=indices,
                physical=False,
                smooth_frames=not as_list,
                ignore_skew=True,
                return_res=32,
            )
        except OSError as error:
            raise SourceUnavailable(f"record {self._record!r}: {self._path} cannot be read ({error})") from error
        except (ValueError, IndexError, KeyError, TypeError, RuntimeError) as error:  # wfdb's and libsndfile's
            raise RecordCorrupt(
                f"record {self._record!r}: signals of {Path(self._path).name} are damaged ({error}); "
                "delete and fetch them again"
            ) from error
