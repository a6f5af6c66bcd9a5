"""Documents of electrocardiographs, read by ecgdatakit: HL7 aECG, GE MUSE, Philips Sierra, SCP-ECG, Kardia."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np

from pipeline.errors import RecordCorrupt, RecordUnsupported
from pipeline.sources.foreign.base import ArrayFile, ReadOptions, Signal

__all__ = ["knows_aecg", "knows_kardia", "knows_muse", "knows_scp", "knows_sierra", "open_document"]


def open_document(path: Path, options: ReadOptions) -> ArrayFile:
    """Open a document of an electrocardiograph; its leads are as long as they were recorded, without mean beats.

    Raises
    ------
    RecordCorrupt
        If it is damaged.
    RecordUnsupported
        If its sort is not read.
    """
    del options
    from ecgdatakit.exceptions import ECGDataKitError, UnsupportedFormatError
    from ecgdatakit.parsing.parser import FileParser

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            record = FileParser.parse(path)
        except UnsupportedFormatError as error:
            raise RecordUnsupported(f"{path.name}: {error}") from error
        except ECGDataKitError as error:
            raise RecordCorrupt(f"{path.name}: it is damaged ({error})") from error
    signals, columns = [], []
    for lead in record.leads:
        values = np.asarray(lead.samples, dtype=np.float64)
        units, flaw = lead.units or None, ""
        if lead.is_raw:
            if lead.resolution_unit and lead.resolution:
                values, units = values * lead.resolution + lead.offset, lead.resolution_unit
            else:
                units, flaw = None, "it gives no resolution to turn its values into a voltage"
        signals.append(Signal(lead.label, units, float(lead.sampling_rate), flaw))
        columns.append(values)
    if not signals:
        raise RecordUnsupported(f"{path.name}: it holds no signal, only what was measured in it")
    device = record.recording.device
    name = " ".join(part for part in (device.manufacturer, device.model or device.name) if part)
    notes = list(dict.fromkeys(" ".join(str(warning.message).split()) for warning in told))[:5]
    return ArrayFile(signals, columns, record.recording.date, notes, {"device": name} if name else {})


def knows_aecg(head: bytes) -> bool:
    """Tell an HL7 annotated electrocardiogram by its root."""
    return re.search(r"<([A-Za-z_][\w.-]*:)?AnnotatedECG\b", _text(head)) is not None


def knows_muse(head: bytes) -> bool:
    """Tell a GE MUSE export by its root."""
    text = _text(head).upper()
    return re.search(r"<RESTINGECG[\s>]", text) is not None or "<MUSEINFO" in text


def knows_sierra(head: bytes) -> bool:
    """Tell a Philips Sierra document by its root."""
    return "<restingecgdata" in _text(head)


def knows_scp(head: bytes) -> bool:
    """Tell an SCP-ECG record by its section 0, which describes itself (EN 1064)."""
    return (
        len(head) >= 32
        and head[8:10] == b"\x00\x00"
        and head[22:24] == b"\x00\x00"
        and head[28:32] == b"\x07\x00\x00\x00"
    )


def knows_kardia(head: bytes) -> bool:
    """Tell a recording of the Kardia service by its keys."""
    text = _text(head).lstrip()
    return text.startswith("{") and '"recordedAt"' in text


def _text(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or head[1:2] == b"\x00" or head[:1] == b"\x00":
        return head.replace(b"\x00", b"").decode("latin-1")
    return head.decode("utf-8", "replace").lstrip("\ufeff")
