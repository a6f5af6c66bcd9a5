"""DICOM waveforms: resting, general and ambulatory electrocardiograms."""

from __future__ import annotations

import re
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RecordUnsupported
from pipeline.sources.foreign.base import ArrayFile, ReadOptions, Signal

__all__ = ["open_dicom"]


def open_dicom(path: Path, options: ReadOptions) -> ArrayFile:
    """Open a DICOM file with a waveform; of several groups of channels the longest is read, which no mean beat is.

    Sensitivity, its correction and the baseline of each channel count, and its padding value is a missing sample
    (DICOM PS3.3, C.10.9).

    Raises
    ------
    RecordUnsupported
        If it holds no waveform.
    """
    del options
    import pydicom
    from pydicom.waveforms.numpy_handler import multiplex_array

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds: Any = pydicom.dcmread(path, force=False)
        groups = list(ds.get("WaveformSequence", []))
        if not groups:
            raise RecordUnsupported(f"{path.name}: it is a DICOM file without a waveform")
        longest = max(range(len(groups)), key=lambda i: _seconds(groups[i]))
        raw: NDArray[np.float64] = np.asarray(multiplex_array(ds, longest, as_raw=True), dtype=np.float64)
        group = groups[longest]
        fs = float(group.SamplingFrequency)
        signals, columns = [], []
        for i, channel in enumerate(group.ChannelDefinitionSequence):
            values = raw[:, i]
            padding = _padding(channel, group)
            if padding is not None:
                values = np.where(values == padding, np.nan, values)
            values = _in_time(values, channel, fs)
            units, flaw = None, ""
            if "ChannelSensitivity" in channel:
                gain = float(channel.ChannelSensitivity) * float(channel.get("ChannelSensitivityCorrectionFactor", 1.0))
                values = values * gain + float(channel.get("ChannelBaseline", 0.0))
                units = str(channel.ChannelSensitivityUnitsSequence[0].CodeValue)
            else:
                flaw = "it gives no sensitivity to turn its values into a voltage"
            signals.append(Signal(_name(channel, i), units, fs, flaw))
            columns.append(values)
        start = _moment(ds)
        device = " ".join(str(ds.get(key, "")) for key in ("Manufacturer", "ManufacturerModelName")).strip()
    notes = [] if len(groups) == 1 else [f"the longest of {len(groups)} groups of channels is read"]
    return ArrayFile(signals, columns, start, notes, {"device": device} if device else {})


def _seconds(group: Any) -> float:
    return float(group.NumberOfWaveformSamples) / float(group.SamplingFrequency)


def _name(channel: Any, index: int) -> str:
    label = str(channel.get("ChannelLabel", "") or "").strip()
    source = channel.get("ChannelSourceSequence", [])
    meaning = str(source[0].get("CodeMeaning", "")).strip() if source else ""
    name = meaning or label or f"channel {index + 1}"
    return name.removesuffix("(Einthoven)").strip()


def _in_time(values: NDArray[np.float64], channel: Any, fs: float) -> NDArray[np.float64]:
    """Return a channel in time with the others, to the next whole sample, where it says by how much it is late."""
    late = float(channel.get("ChannelSampleSkew", 0.0) or 0.0) + float(channel.get("ChannelTimeSkew", 0.0) or 0.0) * fs
    by = round(late)
    if not 0 < abs(by) < len(values):
        return values
    gap = np.full(abs(by), np.nan)
    return np.concatenate([gap, values[:-by]] if by > 0 else [values[-by:], gap])


def _padding(channel: Any, group: Any) -> float | None:
    """Return the value that stands for no sample."""
    value = group.get("WaveformPaddingValue")
    if value is None:
        return None
    if isinstance(value, bytes):
        is_signed = str(group.get("WaveformSampleInterpretation", "SS")).startswith("S")
        return float(int.from_bytes(value, "little", signed=is_signed))
    return float(value)


def _moment(ds: Any) -> datetime | None:
    """Return when the waveform was acquired, with fractions of a second and the zone where they are given."""
    zone = str(ds.get("TimezoneOffsetFromUTC", "") or "").strip()
    for text in (
        str(ds.get("AcquisitionDateTime", "") or ""),
        str(ds.get("AcquisitionDate", "") or "") + str(ds.get("AcquisitionTime", "") or ""),
        str(ds.get("ContentDate", "") or "") + str(ds.get("ContentTime", "") or ""),
    ):
        match = re.fullmatch(r"(\d{14})(?:\.(\d{1,6}))?([+-]\d{4})?", text.strip())
        if match is None:
            continue
        fraction, offset = (match[2] or "0").ljust(6, "0"), match[3] or zone
        for form, digits in (
            ("%Y%m%d%H%M%S%f%z", match[1] + fraction + offset),
            ("%Y%m%d%H%M%S%f", match[1] + fraction),
        ):
            try:
                return datetime.strptime(digits, form)
            except ValueError:
                continue
    return None
