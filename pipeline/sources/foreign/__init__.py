"""Recordings in other formats than WFDB: read whole, checked, and written as a WFDB record."""

from __future__ import annotations

from pipeline.sources.foreign.csv_file import read_csv
from pipeline.sources.foreign.edf_file import read_edf
from pipeline.sources.foreign.recording import Recording, read_recording, write_recording

__all__ = ["Recording", "read_csv", "read_edf", "read_recording", "write_recording"]
