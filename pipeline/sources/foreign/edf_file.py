"""European Data Format: EDF, EDF+C and BDF."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RecordCorrupt, RecordUnsupported
from pipeline.sources.leads import MAX_LEADS, choose_leads, millivolts_per_unit, unique_names

__all__ = ["read_edf"]

_COUNT = slice(236, 244)  # bytes of the header that say how many data records follow; -1 while it is being recorded


def read_edf(
    path: Path, *, units: str | None = None, leads: Sequence[str] | None = None
) -> tuple[float, list[str], NDArray[np.float64]]:
    """Read the ECG signals of an EDF or BDF file.

    Parameters
    ----------
    path : Path
        The file, ``.edf`` or ``.bdf``.
    units, leads
        As :func:`pipeline.sources.foreign.read_recording` takes them.

    Returns
    -------
    fs : float
        Rate in Hz.
    leads : list of str
        Names.
    signal : ndarray, shape (samples, leads)
        In mV.

    Raises
    ------
    RecordCorrupt, RecordUnsupported
        As :func:`read_recording`.
    """
    import edfio

    try:
        with path.open("rb") as head:
            declared = int(head.read(_COUNT.stop)[_COUNT])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that it is cut, which is an error here
            file = edfio.read_bdf(path) if path.suffix.lower() == ".bdf" else edfio.read_edf(path, lazy_load_data=False)
        signals: list[edfio.EdfSignal | edfio.BdfSignal] = [*file.signals]
        names = unique_names([signal.label for signal in signals])
        per_unit = [millivolts_per_unit(signal.physical_dimension or units or "mV") for signal in signals]
    except (ValueError, KeyError, IndexError, EOFError, OSError) as error:
        raise RecordCorrupt(f"{path.name}: it cannot be read as EDF ({error})") from error
    if declared > file.num_data_records:
        raise RecordCorrupt(
            f"{path.name} is cut: it holds {file.num_data_records} of {declared} data records; export or copy it again"
        )
    chosen = choose_leads(path.name, names, [unit is not None for unit in per_unit], leads, MAX_LEADS)
    rates = sorted({signals[i].sampling_frequency for i in chosen})
    if len(rates) > 1:
        said = " and ".join(f"{rate:g}" for rate in rates)
        raise RecordUnsupported(f"{path.name}: its leads have {said} Hz: choose some of one rate with --leads")
    columns = [np.asarray(signals[i].data, dtype=np.float64) * (per_unit[i] or 1.0) for i in chosen]
    return float(rates[0]), [names[i] for i in chosen], np.column_stack(columns)
