from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.records import Chunk, Record
from pipeline.web.expectation import beat_shapes
from pipeline.web.hub import Hub
from tests.web.conftest import RUN, monitored, tell

STOP = 60 * 360


class Lifted:
    """A record on an amplifier with an offset."""

    def __init__(self, record: Record, mv: float) -> None:
        self._record, self._mv = record, np.float32(mv)
        self.name, self.fs, self.leads, self.n_samples = record.name, record.fs, record.leads, record.n_samples

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        for one in self._record.chunks(seconds):
            yield Chunk(one.record, one.start, one.fs, one.leads, one.signal + self._mv)

    def annotations(self) -> None:
        return None


def array(leads: list[list[int | None]]) -> NDArray[np.float64]:
    return np.array([[np.nan if value is None else value for value in lead] for lead in leads])


def test_what_was_seen_lies_on_the_signal_as_it_came(hub: Hub) -> None:
    (patient,) = hub.patients()
    shapes = beat_shapes(patient, 35 * 360, 39 * 360)  # the usual rhythm, past the learning of it
    assert len(shapes) >= 3
    for shape in shapes:
        times = shape["start_s"] + np.arange(110) / shape["fs"]
        position, steps = patient.signal(0, STOP)
        raw = np.stack([np.interp(times, (position + np.arange(len(steps))) / 360, lead) for lead in steps.T])
        # The expectation of a usual beat is the beat itself, where it stands: within 0.1 mV rms of a QRS of 1 mV.
        error = array(shape["on_strip"]) - raw
        assert np.sqrt(np.mean(error**2)) < 100
        assert array(shape["seen"]).shape == array(shape["expected"]).shape == (2, 110)


def test_an_offset_of_the_amplifier_lifts_the_expectation_with_the_signal(hub: Hub, run_record: Record) -> None:
    other = Hub()
    tell(other, monitored(Lifted(run_record, 5.0), 60.0))
    plain, lifted = (beat_shapes(one.patients()[0], 30 * 360, 40 * 360) for one in (hub, other))
    assert [shape["beat"] for shape in plain] == [shape["beat"] for shape in lifted]
    for a, b in zip(plain, lifted, strict=True):
        assert np.allclose(array(b["on_strip"]) - array(a["on_strip"]), 5000, atol=60)


def test_beats_that_are_not_kept_have_no_shape() -> None:
    assert Hub().patients() == []
    hub = Hub()
    hub.signal(Chunk(RUN, 0, 360.0, ("MLII", "V1"), np.zeros((360, 2), dtype=np.float32)))
    assert beat_shapes(hub.patients()[0], 0, 360) == []


def test_a_beat_that_cannot_be_scored_has_nothing_to_expect(hub: Hub) -> None:
    (patient,) = hub.patients()
    first = beat_shapes(patient, 0, 5 * 360)[0]
    assert np.isnan(array(first["on_strip"])).all()
    assert np.isfinite(array(first["seen"])).any()


@pytest.mark.parametrize("around", [(50.0, 53.0), (59.0, 60.0)])
def test_gaps_and_the_newest_edge_do_no_harm(hub: Hub, around: tuple[float, float]) -> None:
    (patient,) = hub.patients()
    beat_shapes(patient, round(around[0] * 360), round(around[1] * 360))
