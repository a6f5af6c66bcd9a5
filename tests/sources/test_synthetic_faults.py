from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import welch

from pipeline.sources.synthetic import Episode, Scenario, SyntheticRecord, synthesise
from pipeline.sources.synthetic.notes import quality_subtype


def record_of(*episodes: Episode, seconds: float = 60.0, fs: float = 360.0, **who: float) -> SyntheticRecord:
    scenario = Scenario("patient", episodes, **who)
    return synthesise(scenario, name="synth/patient", fs=fs, seconds=seconds, seed=1)


def signal_of(record: SyntheticRecord) -> NDArray[np.float64]:
    return np.concatenate([chunk.signal for chunk in record.chunks()]).astype(np.float64)


def notes(record: SyntheticRecord, symbol: str) -> list[tuple[float, str]]:
    annotations = record.annotations()
    return [
        (s / annotations.fs, aux)
        for s, y, aux in zip(annotations.sample, annotations.symbol, annotations.aux_note, strict=True)
        if y == symbol
    ]


CLEAN = signal_of(record_of())
TIME_S = np.arange(len(CLEAN)) / 360.0
DURING = (TIME_S >= 20.0) & (TIME_S < 30.0)


@pytest.mark.parametrize("kind", ["off", "missing", "saturation", "inverted", "wander", "muscle", "motion", "hum"])
@pytest.mark.parametrize("lead", [0, 1])
def test_a_fault_touches_its_lead_while_it_lasts_and_nothing_else(kind: str, lead: int) -> None:
    faulty = signal_of(record_of(Episode(kind, 20.0, 30.0, level=0.2, lead=lead)))
    np.testing.assert_array_equal(faulty[:, 1 - lead], CLEAN[:, 1 - lead])
    np.testing.assert_array_equal(faulty[~DURING, lead], CLEAN[~DURING, lead])
    assert (faulty[DURING, lead] != CLEAN[DURING, lead]).mean() > (0.02 if kind == "saturation" else 0.5)


def test_a_lead_that_is_off_is_constant_and_missing_samples_are_nan() -> None:
    off = signal_of(record_of(Episode("off", 20.0, 30.0, level=-1.5)))
    assert (off[DURING] == -1.5).all()
    missing = signal_of(record_of(Episode("missing", 20.0, 30.0)))
    assert np.isnan(missing[DURING]).all()
    assert np.isfinite(missing[~DURING]).all()


def test_saturation_clips_inversion_negates_and_a_swap_exchanges() -> None:
    clipped = signal_of(record_of(Episode("saturation", level=0.4)))
    np.testing.assert_array_equal(clipped, np.clip(CLEAN, -0.4, 0.4).astype(np.float32))
    quiet = signal_of(record_of(noise_mv=0.0))
    inverted = signal_of(record_of(Episode("inverted"), noise_mv=0.0))
    swapped = signal_of(record_of(Episode("swap"), noise_mv=0.0))
    assert np.corrcoef(quiet[:, 0], inverted[:, 0])[0, 1] < -0.8
    assert np.corrcoef(quiet[:, 0], swapped[:, 1])[0, 1] > 0.8


def test_amplitude_drifts_to_the_level_ordered() -> None:
    record = record_of(Episode("amplitude", 60.0, 240.0, level=0.5, ramp_s=60.0), seconds=240.0)
    signal, (sample, _) = signal_of(record)[:, 0], record.annotations().beats()
    height, time_s = signal[sample], sample / 360.0
    before, after = height[time_s < 55.0].mean(), height[(time_s > 125.0) & (time_s < 175.0)].mean()
    assert after / before == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize(
    ("kind", "level", "low_hz", "high_hz"),
    [("wander", 0.5, 0.0, 0.7), ("muscle", 0.1, 15.0, 160.0), ("motion", 0.3, 0.0, 8.0), ("hum", 0.1, 49.0, 51.0)],
)
def test_noise_has_its_level_and_its_band(kind: str, level: float, low_hz: float, high_hz: float) -> None:
    clean = signal_of(record_of(seconds=300.0))
    noise = signal_of(record_of(Episode(kind, level=level, ramp_s=0.0), seconds=300.0)) - clean
    expected = {"wander": 0.6, "hum": 2**-0.5}.get(kind, 1.0) * level
    assert noise[:, 0].std() == pytest.approx(expected, rel=0.25)
    frequency, power = welch(noise[:, 0], 360.0, nperseg=4096)
    inside = (frequency >= low_hz) & (frequency <= high_hz)
    assert power[inside].sum() > 0.9 * power.sum()


def test_hum_above_half_the_sampling_rate_is_left_out_instead_of_aliased() -> None:
    hum = signal_of(record_of(Episode("hum"), fs=100.0, mains_hz=60.0))
    np.testing.assert_array_equal(hum, signal_of(record_of(fs=100.0, mains_hz=60.0)))


def test_signal_quality_is_annotated_per_lead() -> None:
    record = record_of(
        Episode("muscle", 5.0, 15.0, lead=0),
        Episode("off", 10.0, 20.0, lead=1),
        Episode("missing", 12.0, 14.0, lead=0),
        Episode("wander", 20.0, 30.0),
    )
    assert notes(record, "~") == [
        (5.0, "nc"),
        (10.0, "nU"),
        (12.0, "UU"),
        (14.0, "nU"),
        (15.0, "cU"),
        (20.0, "nn"),
        (30.0, "cc"),
    ]


def test_quality_notes_have_the_subtype_of_the_wfdb_library() -> None:
    codes = {"cc": 0, "nc": 1, "cn": 2, "nn": 3, "Uc": 17, "cU": 34, "UU": 51}
    assert {aux: quality_subtype(aux) for aux in codes} == codes


def test_beats_that_no_lead_shows_are_not_annotated() -> None:
    whole, _ = record_of().annotations().beats()
    hidden, _ = record_of(Episode("off", 20.0, 30.0), Episode("missing", 40.0, 45.0)).annotations().beats()
    inside = ((whole >= 7200) & (whole < 10800)) | ((whole >= 14400) & (whole < 16200))
    assert inside.sum() > 10
    np.testing.assert_array_equal(hidden, whole[~inside])
    one_lead, _ = record_of(Episode("off", 20.0, 30.0, lead=0)).annotations().beats()
    np.testing.assert_array_equal(one_lead, whole)


def test_st_changes_and_wrong_electrodes_are_annotated() -> None:
    record = record_of(
        Episode("st", 10.0, 30.0, level=-0.25, ramp_s=5.0),
        Episode("inverted", 40.0, 50.0, lead=1),
        Episode("swap", 55.0),
    )
    assert notes(record, "s") == [(10.0, "(ST0-"), (15.0, "AST0-250"), (30.0, "ST0-)")]
    assert notes(record, '"') == [(40.0, "inverted lead 1"), (50.0, "inverted lead 1 ends"), (55.0, "swap")]


def test_annotations_are_in_order_and_within_the_record() -> None:
    for seconds in (0.5, 7.7, 60.0):
        annotations = record_of(Episode("motion", 3.0), Episode("pvc", level=20.0), seconds=seconds).annotations()
        assert (np.diff(annotations.sample) >= 0).all()
        assert ((annotations.sample >= 0) & (annotations.sample < seconds * 360.0)).all()
        sample, _ = annotations.beats()
        assert (np.diff(sample) > 0).all()
