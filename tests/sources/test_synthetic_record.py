from __future__ import annotations

import doctest
import math
import time
import tracemalloc
from itertools import islice

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.records import Record
from pipeline.sources import synthetic
from pipeline.sources.synthetic import Episode, Scenario, SyntheticRecord, demo_ward, synthesise

BUSY = Scenario(
    "everything at once",
    (
        Episode("pvc", level=10.0),
        Episode("afib", 12.0, 20.0),
        Episode("wander", 5.0, 25.0),
        Episode("motion", 8.0, 14.0),
        Episode("muscle", 3.0, 22.0),
        Episode("missing", 15.0, 17.0),
        Episode("off", 26.0, 28.0, lead=1),
    ),
)


def signal_of(record: SyntheticRecord, seconds: float = 60.0) -> NDArray[np.float32]:
    return np.concatenate([chunk.signal for chunk in record.chunks(seconds)])


def test_it_is_a_record() -> None:
    record = synthesise(BUSY, name="synth/busy", fs=250.0, seconds=31.0, seed=3)
    assert isinstance(record, Record)
    assert (record.name, record.fs, record.leads, record.n_samples) == ("synth/busy", 250.0, ("MLII", "V1"), 7750)
    assert record.seconds == 31.0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.floats(0.01, 45.0))
def test_no_chunk_size_changes_a_sample(seconds: float) -> None:
    record = synthesise(BUSY, name="synth/busy", fs=128.0, seconds=33.3, seed=3)
    chunks = list(record.chunks(seconds))
    assert [chunk.start for chunk in chunks] == [0, *np.cumsum([len(chunk.signal) for chunk in chunks])[:-1]]
    assert {len(chunk.signal) for chunk in chunks[:-1]} <= {round(seconds * 128.0)}
    assert all(len(chunk.signal) > 0 and chunk.signal.dtype == np.float32 for chunk in chunks)
    np.testing.assert_array_equal(np.concatenate([chunk.signal for chunk in chunks]), signal_of(record))


def test_the_same_seed_gives_the_same_record_and_another_seed_or_name_another() -> None:
    def make(name: str, seed: int) -> tuple[NDArray[np.float32], list[int]]:
        record = synthesise(BUSY, name=name, seconds=20.0, seed=seed)
        return signal_of(record), record.annotations().sample.tolist()

    signal, beats = make("synth/a", 1)
    again, same_beats = make("synth/a", 1)
    np.testing.assert_array_equal(signal, again)
    assert beats == same_beats
    for other, other_beats in (make("synth/a", 2), make("synth/b", 1)):
        assert beats != other_beats
        assert not np.array_equal(signal, other, equal_nan=True)


def test_a_longer_record_begins_with_the_shorter_one() -> None:
    short = synthesise(BUSY, name="synth/busy", seconds=23.4, seed=5)
    long = synthesise(BUSY, name="synth/busy", seconds=61.0, seed=5)
    np.testing.assert_array_equal(signal_of(short), signal_of(long)[: short.n_samples])
    few, many = short.annotations(), long.annotations()
    np.testing.assert_array_equal(few.sample, many.sample[: len(few.sample)])


@pytest.mark.parametrize("fs", [100.0, 128.0, 257.3, 500.0, 1000.0])
def test_the_heart_does_not_depend_on_the_sampling_rate(fs: float) -> None:
    usual = synthesise(BUSY, name="synth/busy", seconds=30.0, seed=2).annotations()
    record = synthesise(BUSY, name="synth/busy", fs=fs, seconds=30.0, seed=2)
    annotations = record.annotations()
    assert annotations.symbol.tolist() == usual.symbol.tolist()
    np.testing.assert_allclose(annotations.sample / fs, usual.sample / usual.fs, atol=0.5 / fs + 0.5 / usual.fs + 1e-9)
    clean = synthesise(Scenario("clean", noise_mv=0.0), name="synth/clean", fs=fs, seconds=30.0)
    reference = synthesise(Scenario("clean", noise_mv=0.0), name="synth/clean", fs=1000.0, seconds=30.0)
    at = np.arange(clean.n_samples) / fs
    expected = np.interp(at, np.arange(reference.n_samples) / 1000.0, signal_of(reference)[:, 0])
    inside = at < 29.99
    assert np.abs(signal_of(clean)[:, 0] - expected)[inside].max() < 0.03


def test_samples_are_steps_of_a_converter() -> None:
    signal = signal_of(synthesise(BUSY, name="synth/busy", seconds=30.0)).astype(np.float64) * 200.0
    steps = signal[np.isfinite(signal)]
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)


def test_the_start_of_a_week_costs_no_more_than_a_minute() -> None:
    week = synthesise(demo_ward()["synth/bigeminy"], name="synth/bigeminy", seconds=7 * 86400.0)
    assert week.n_samples == 7 * 86400 * 360
    began = time.process_time()
    chunks = list(islice(week.chunks(10.0), 6))
    assert time.process_time() - began < 5.0
    assert [chunk.start for chunk in chunks] == [0, 3600, 7200, 10800, 14400, 18000]


def test_memory_does_not_grow_with_length() -> None:
    record = synthesise(demo_ward(60.0)["synth/artefacts"], name="synth/artefacts", fs=100.0, seconds=86400.0)
    chunks = record.chunks(5.0)
    next(chunks)
    peaks = []
    tracemalloc.start()
    try:
        for _ in range(3):
            tracemalloc.reset_peak()
            for _ in islice(chunks, 48):
                pass
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert peaks[-1] < 2_000_000
    assert peaks[-1] < 1.2 * peaks[0]


def test_what_repeats_is_still_annotated_hours_later() -> None:
    record = synthesise(demo_ward(60.0)["synth/bigeminy"], name="synth/bigeminy", seconds=7200.0)
    annotations = record.annotations()
    late = annotations.rhythms()[annotations.sample > 7000 * record.fs]
    assert {"(N", "(B"} <= set(late)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fs": 99.0}, "a rate of 99.0 Hz"),
        ({"fs": math.nan}, "a rate of nan Hz"),
        ({"fs": 1001.0}, "a rate of 1001.0 Hz"),
        ({"seconds": 0.0}, "a length of 0.0 s"),
        ({"seconds": math.inf}, "a length of inf s"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_a_record_out_of_range_is_refused_by_name(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=f"record 'synth/x': {message}"):
        synthesise(Scenario("plain"), name="synth/x", **arguments)  # type: ignore[arg-type]  # seed is an int


def test_a_chunk_without_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match=r"record 'synth/x': a chunk of 0.001 s holds no sample"):
        next(synthesise(Scenario("plain"), name="synth/x").chunks(0.001))


def test_the_example_in_the_docstring_is_true() -> None:
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    (example,) = [test for test in finder.find(synthetic.synthesise, "synthesise") if test.examples]
    assert runner.run(example).failed == 0
