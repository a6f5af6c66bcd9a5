from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipeline.annotations import Annotations
from pipeline.errors import RecordUnsupported
from pipeline.evaluation.noise import NoisyRecord, noise_amplitude, qrs_amplitude
from pipeline.records import Record

FS = 100.0


@pytest.fixture
def clean(make_record: Any, make_annotations: Callable[..., Annotations]) -> Any:
    """Ten minutes of one triangular beat a second, 1 mV and 0.5 mV high."""
    signal = np.zeros((60_000, 2), dtype=np.float32)
    peaks = np.arange(50, 60_000, 100)
    for shift, height in ((-1, 0.5), (0, 1.0), (1, 0.5)):
        signal[peaks + shift] = height * np.array([1.0, 0.5])
    return make_record("db/1", FS, ("MLII", "V1"), signal, make_annotations(peaks, "N" * len(peaks)))


@pytest.fixture
def noise(make_record: Any) -> Any:
    rng = np.random.default_rng(0)
    return make_record("nstdb/em", FS, ("a", "b"), rng.normal(size=(25_000, 2)).astype(np.float32) * [0.2, 0.4])


def samples(record: Record, seconds: float = 60.0) -> np.ndarray[Any, Any]:
    return np.concatenate([chunk.signal for chunk in record.chunks(seconds)])


def test_the_ratio_is_what_was_asked_for(clean: Any, noise: Any) -> None:
    noisy = NoisyRecord(clean, noise, 12.0)
    added = (samples(noisy) - clean.signal)[30_000:42_000].astype(np.float64)
    power = np.array([1.0, 0.5]) ** 2 / 8
    ratio = 10 * np.log10(power / noise_amplitude(added, FS) ** 2)
    np.testing.assert_allclose(ratio, 12.0, atol=0.1)


def test_noise_comes_and_goes_every_two_minutes_from_five_minutes_on(clean: Any, noise: Any) -> None:
    added = samples(NoisyRecord(clean, noise, 0.0)) - clean.signal
    restless = np.abs(np.diff(added, axis=0)).reshape(-1, 1).max() > 0
    assert restless
    moves = np.abs(np.diff(added[:, 0])) > 1e-6
    assert not moves[:29_999].any()
    assert moves[30_000:41_999].mean() > 0.99
    assert not moves[42_001:53_999].any()
    assert moves[54_000:].mean() > 0.99


def test_noise_begins_and_ends_without_a_step(clean: Any, noise: Any) -> None:
    smooth = np.sin(np.arange(25_000) / 400)[:, None] * [1.0, 1.0] + 3.0
    noise.signal = smooth.astype(np.float32)
    added = samples(NoisyRecord(clean, noise, 0.0)) - clean.signal
    largest = np.abs(np.diff(samples(noise), axis=0)).max() * NoisyRecord(clean, noise, 0.0).gains.max()
    assert np.abs(np.diff(added, axis=0)).max() < 1.1 * largest


@pytest.mark.parametrize("seconds", [0.37, 10.0, 600.0])
def test_chunk_size_changes_no_sample(clean: Any, noise: Any, seconds: float) -> None:
    noisy = NoisyRecord(clean, noise, 6.0)
    np.testing.assert_array_equal(samples(noisy, seconds), samples(noisy))


def test_it_is_a_record_with_the_annotations_of_the_clean_one(clean: Any, noise: Any) -> None:
    noisy = NoisyRecord(clean, noise, -6.0)
    assert isinstance(noisy, Record)
    assert noisy.annotations() is clean.annotations()
    assert (noisy.name, noisy.fs, noisy.leads, noisy.n_samples) == ("db/1_em-6dB", FS, clean.leads, 60_000)
    assert next(iter(noisy.chunks())).record == noisy.name


def test_noise_may_stay_and_may_have_another_rate(clean: Any, noise: Any) -> None:
    noise.fs = 360.0
    added = samples(NoisyRecord(clean, noise, 6.0, start_s=0.0, clean_s=0.0)) - clean.signal
    assert (np.abs(np.diff(added[:, 0])) > 1e-6).mean() > 0.99


def test_missing_samples_stay_missing(clean: Any, noise: Any) -> None:
    clean.signal[35_000:35_100, 1] = np.nan
    out = samples(NoisyRecord(clean, noise, 6.0))
    assert np.array_equal(np.isnan(out), np.isnan(clean.signal))


def test_the_amplitude_of_a_qrs_complex_is_measured_from_peak_to_peak(clean: Any) -> None:
    np.testing.assert_allclose(qrs_amplitude(clean), [1.0, 0.5])


def test_a_record_without_beats_and_silent_noise_are_refused(clean: Any, noise: Any) -> None:
    with pytest.raises(RecordUnsupported, match="nstdb/em has no annotated normal beats"):
        NoisyRecord(noise, noise, 6.0)
    noise.signal[:] = 0.0
    with pytest.raises(RecordUnsupported, match="nstdb/em is silent"):
        NoisyRecord(clean, noise, 6.0)
    with pytest.raises(ValueError, match="no schedule"):
        NoisyRecord(clean, noise, 6.0, noisy_s=0.0)


@pytest.mark.parametrize(("number", "snr_db"), [("118e24", 24), ("118e06", 6), ("118e_6", -6)])
def test_nstdb_itself_is_reproduced(real_record: Callable[[str], Any], number: str, snr_db: int) -> None:
    clean, theirs = real_record("nstdb/118"), real_record(f"nstdb/{number}")
    ours = samples(NoisyRecord(clean, real_record("nstdb/em"), snr_db))
    for start in (300, 780, 1260):
        stretch = slice(start * 360 + 10, (start + 120) * 360 - 10)
        for lead in range(2):
            a = (ours - clean.signal)[stretch, lead]
            b = (theirs.signal - clean.signal)[stretch, lead]
            slope, _ = np.polyfit(a, b, 1)
            assert slope == pytest.approx(1.0, abs=0.02)  # nst measures in whole units of the converter
            assert np.corrcoef(a, b)[0, 1] > 0.999
