"""Rhythm annotations: where another rhythm begins, however the beats come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from pipeline.records import RHYTHMS
from pipeline.storage.annotation_file import EXTENSION, AnnotationFile
from pipeline.storage.rhythm_changes import UNKNOWN, RhythmChanges

NONE, SINUS, AF, SVT, BIGEMINY, TRIGEMINY, VT = range(len(RHYTHMS))
STATES = np.array(
    [NONE] * 2
    + [SINUS] * 10
    + [AF] * 2
    + [SINUS] * 5
    + [AF] * 9
    + [NONE] * 3
    + [AF] * 4
    + [VT] * 3
    + [SINUS] * 4
    + [NONE] * 6
    + [SINUS] * 5,
    dtype=np.uint8,
)
# Two beats are no fibrillation, and three of which nobody knows are no change; after six the rhythm is told again.
BEGINS = {2: SINUS, 19: AF, 35: VT, 38: SINUS, 42: UNKNOWN, 48: SINUS}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_rhythm_begins_where_it_lasts(size: int) -> None:
    changes = RhythmChanges()
    parts = [changes.advance(STATES[at : at + size]) for at in range(0, len(STATES), size)]
    parts.append(changes.advance(STATES[:0], last=True))
    begins = np.concatenate(parts)
    assert len(begins) == len(STATES)
    assert {int(i): int(begins[i]) for i in np.flatnonzero(begins)} == BEGINS


@pytest.mark.parametrize("size", [1, 5, 100])
def test_rhythms_stand_before_their_beats_in_the_file(tmp_path: Path, size: int) -> None:
    n = len(STATES)
    r_peak = 100 + 250 * np.arange(n)
    columns = {
        "r_peak": r_peak, "score": np.zeros(n), "p_value": np.ones(n), "is_anomaly": np.zeros(n, dtype=np.bool_),
        "kind": np.zeros(n, dtype=np.uint8), "state": STATES,
    }  # fmt: skip
    file = AnnotationFile(tmp_path / f"r.{EXTENSION}", 250.0)
    for at in range(0, n, size):
        file.write({name: values[at : at + size] for name, values in columns.items()})
    file.close()
    read = wfdb.rdann(str(tmp_path / "r"), EXTENSION)
    symbol = np.array(read.symbol)
    np.testing.assert_array_equal(read.sample[symbol == "N"], r_peak)
    told = {int(read.sample[i]): read.aux_note[i].rstrip("\0") for i in np.flatnonzero(symbol != "N")}
    names = {**dict(enumerate(RHYTHMS)), UNKNOWN: "rhythm not known"}
    assert told == {int(r_peak[i]): names[state] for i, state in BEGINS.items()}
    assert all(symbol[i + 1] == "N" for i in np.flatnonzero(symbol == "+"))
