"""A stretch of a patient's signal to take along: for paper, as a picture, as numbers, as WFDB and as EDF."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.records import KINDS
from pipeline.web.patient import Patient
from pipeline.web.ring import MISSING, UNIT_MV

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FORMS", "export"]

PNG_DPI = 150
EDF_LIMIT_UV = 32767.0


class _Stretch:
    """What is exported."""

    def __init__(self, patient: Patient, start: int, stop: int) -> None:
        self.patient = patient
        self.first, steps = patient.signal(start, stop)
        self.signal: NDArray[np.float64] = np.where(steps == MISSING, np.nan, steps * UNIT_MV)
        rows = patient.beats(start, stop)
        at = (row["r_peak"] / patient.fs for row in rows)
        kinds = (KINDS[row["kind"]] for row in rows)
        self.beats = [(float(t), k, bool(row["is_anomaly"])) for t, k, row in zip(at, kinds, rows, strict=True)]

    @property
    def start_s(self) -> float:
        return self.first / self.patient.fs

    @property
    def began(self) -> datetime | None:
        """When its first sample was taken; None where nobody knows."""
        began_us = self.patient.status.began_us
        return datetime.fromtimestamp(began_us / 1e6 + self.start_s, UTC) if began_us else None

    @property
    def name(self) -> str:
        """A name for files: letters, digits, - and _ alone."""
        plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in self.patient.name)
        return f"{plain}-{round(self.start_s)}s"


def export(patient: Patient, start: int, stop: int, form: str) -> tuple[bytes, str, str]:
    """Return a stretch of signal in a form, its media type, and a name for the file.

    Parameters
    ----------
    patient : Patient
        Whose.
    start, stop : int
        From and to, in samples of the record; what is no longer kept is left out.
    form : str
        One of ``FORMS``.

    Raises
    ------
    ValueError
        If there is no such form, or no signal of that time is kept.
    """
    if form not in FORMS:
        raise ValueError(f"there is no form {form!r}; there are {', '.join(FORMS)}")
    stretch = _Stretch(patient, start, stop)
    if not len(stretch.signal):
        raise ValueError("no signal of that time is kept")
    media_type, ending, write = FORMS[form]
    return write(stretch), media_type, f"{stretch.name}{ending}"


def _pages(stretch: _Stretch) -> list[Figure]:
    """Return A4 pages with the stretch at 25 mm/s and 10 mm/mV, line below line."""
    from pipeline.figures.paper import HEAD_MM, HEIGHT_MM, LEAD_MM, LONGEST_S, MARGIN_MM, draw_strip, new_page

    fs, leads = stretch.patient.fs, stretch.patient.leads
    began = stretch.began
    size = round(LONGEST_S * fs)
    pages: list[Figure] = []
    top_mm = HEIGHT_MM
    for at in range(0, len(stretch.signal), size):
        if top_mm + HEAD_MM + LEAD_MM * len(leads) > HEIGHT_MM - MARGIN_MM:
            pages.append(new_page())
            top_mm = MARGIN_MM
        start_s = stretch.start_s + at / fs
        when = f"{start_s:.1f} s" if began is None else f"{began:%Y-%m-%d %H:%M:%S} UTC, +{at / fs:.1f} s"
        title = f"{stretch.patient.name}    {when}    25 mm/s, 10 mm/mV"
        part = stretch.signal[at : at + size].T
        top_mm = 4.0 + draw_strip(
            pages[-1], part, fs, leads, title=title, top_mm=top_mm, start_s=start_s, beats=stretch.beats
        )
    return pages


def _pdf(stretch: _Stretch) -> bytes:
    from matplotlib.backends.backend_pdf import PdfPages

    out = io.BytesIO()
    with PdfPages(out, metadata={"Title": f"ECG of {stretch.patient.name}"}) as pdf:
        for page in _pages(stretch):
            pdf.savefig(page)
    return out.getvalue()


def _png(stretch: _Stretch) -> bytes:
    """Return the first page as a picture of 150 dots an inch, which also says so."""
    out = io.BytesIO()
    _pages(stretch)[0].savefig(out, format="png", dpi=PNG_DPI)
    return out.getvalue()


def _csv(stretch: _Stretch) -> bytes:
    lines = [",".join(["time_s", *(f"{lead} (mV)" for lead in stretch.patient.leads)])]
    for i, row in enumerate(stretch.signal):
        values = ("" if np.isnan(value) else f"{value:.3f}" for value in row)
        lines.append(",".join([f"{(stretch.first + i) / stretch.patient.fs:.6f}", *values]))
    return ("\n".join(lines) + "\n").encode()


def _edf(stretch: _Stretch) -> bytes:
    """Return EDF+ in microvolts; what is missing is 0, as EDF knows no missing sample, and annotated as such."""
    from edfio import Edf, EdfAnnotation, EdfSignal

    signals = [
        EdfSignal(
            np.clip(np.nan_to_num(lead * 1000.0), -EDF_LIMIT_UV, EDF_LIMIT_UV),
            sampling_frequency=stretch.patient.fs,
            label=f"ECG {name}"[:16],
            physical_dimension="uV",
            physical_range=(-EDF_LIMIT_UV - 1, EDF_LIMIT_UV),
        )
        for name, lead in zip(stretch.patient.leads, _whole_records(stretch).T, strict=True)
    ]
    missing = np.isnan(stretch.signal).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
    notes = [
        EdfAnnotation(a / stretch.patient.fs, (b - a) / stretch.patient.fs, "missing")
        for a, b in edges.reshape(-1, 2).tolist()
    ]
    began = stretch.began
    edf = Edf(
        signals,
        starttime=None if began is None else began.time().replace(tzinfo=None),
        annotations=notes,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "strip.edf"
        edf.write(path)
        return path.read_bytes()


def _whole_records(stretch: _Stretch) -> NDArray[np.float64]:
    """Return the signal filled up to whole seconds, as EDF's data records ask for."""
    size = round(stretch.patient.fs)
    lacking = -len(stretch.signal) % size
    return np.concatenate([stretch.signal, np.full((lacking, stretch.signal.shape[1]), np.nan)])


def _wfdb(stretch: _Stretch) -> bytes:
    from pipeline.sources.foreign import Recording, write_recording

    out = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        write_recording(
            Recording(stretch.patient.fs, stretch.patient.leads, stretch.signal.astype(np.float32)),
            Path(folder),
            stretch.name,
        )
        for path in sorted(Path(folder).iterdir()):
            archive.write(path, path.name)
    return out.getvalue()


FORMS: dict[str, tuple[str, str, Callable[[_Stretch], bytes]]] = {
    "pdf": ("application/pdf", ".pdf", _pdf),
    "png": ("image/png", ".png", _png),
    "csv": ("text/csv; charset=utf-8", ".csv", _csv),
    "edf": ("application/octet-stream", ".edf", _edf),
    "wfdb": ("application/zip", ".zip", _wfdb),
}
"""Media type, ending and maker of each form."""
