"""Power by band and atrial fibrillation, on intervals whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.annotations import Annotations
from pipeline.holter.beats import HolterBeats, reference_beats
from pipeline.holter.fibrillation import fibrillation
from pipeline.holter.spectrum import BANDS_HZ, spectrum


def modulated(*tones: tuple[float, float], seconds: float = 1200.0, mean_s: float = 0.8) -> HolterBeats:
    """Return normal beats whose interval is a mean and sinusoids of (frequency in Hz, amplitude in s) of its end."""
    times = [0.0]
    while times[-1] < seconds:
        at = times[-1] + mean_s
        for _ in range(20):  # the interval depends on where it ends
            at = times[-1] + mean_s + sum(a * math.sin(2 * math.pi * f * at) for f, a in tones)
        times.append(at)
    time_s = np.array(times[:-1])
    return HolterBeats(time_s, np.diff(time_s, prepend=np.nan), np.full(len(time_s), "N"))


@pytest.mark.parametrize(("hz", "band"), [(0.02, "vlf"), (0.1, "lf"), (0.25, "hf")])
def test_a_sinusoid_has_half_its_amplitude_squared_in_its_own_band(hz: float, band: str) -> None:
    beats = modulated((hz, 0.03))
    found = spectrum(beats, beats.nn_s, 1200.0)
    assert (found.segments, found.of_segments) == (4, 4)
    powers = {name: getattr(found, name) for name in BANDS_HZ}
    assert powers.pop(band) == pytest.approx(450.0, rel=0.05)  # 30 ms: 900 / 2 ms2
    assert max(powers.values()) < 0.05 * 450.0
    assert found.total == pytest.approx(450.0, rel=0.05)


def test_two_sinusoids_have_the_ratio_of_their_squares() -> None:
    beats = modulated((0.1, 0.04), (0.25, 0.02))
    found = spectrum(beats, beats.nn_s, 1200.0)
    assert found.lf_hf == pytest.approx(4.0, rel=0.1)


def test_ectopic_beats_here_and_there_change_little() -> None:
    whole = modulated((0.1, 0.03), (0.25, 0.03))
    kind = whole.kind.copy()
    kind[7::25] = "V"  # each takes the interval before it and the one after
    holed = HolterBeats(whole.time_s, whole.rr_s, kind)
    found, clean = spectrum(holed, holed.nn_s, 1200.0), spectrum(whole, whole.nn_s, 1200.0)
    assert found.segments == 4
    assert found.lf == pytest.approx(clean.lf, rel=0.15)
    assert found.hf == pytest.approx(clean.hf, rel=0.15)


def test_segments_with_holes_ectopy_or_fibrillation_are_left_out_and_counted() -> None:
    beats = modulated((0.1, 0.03))
    nn = beats.nn_s
    second, third, fourth = ((beats.time_s >= 300 * k) & (beats.time_s < 300 * (k + 1)) for k in (1, 2, 3))
    nn[second & (beats.time_s > 400) & (beats.time_s < 412)] = np.nan  # a hole of 12 s
    nn[np.flatnonzero(third)[::4]] = np.nan  # each fourth interval
    irregular = HolterBeats(beats.time_s, beats.rr_s, beats.kind, fourth)
    found = spectrum(irregular, nn, 1200.0)
    assert (found.segments, found.of_segments) == (1, 4)
    nothing = spectrum(irregular, np.full(len(nn), np.nan), 1200.0)
    assert nothing.segments == 0
    assert math.isnan(nothing.lf_hf)


def test_a_rest_of_the_record_is_no_segment() -> None:
    beats = modulated((0.1, 0.03), seconds=590.0)
    assert spectrum(beats, beats.nn_s, 590.0).of_segments == 1


def test_burden_and_episodes_are_those_worked_out_by_hand() -> None:
    time_s = np.arange(401, dtype=np.float64) * 0.5
    rr = np.concatenate([[np.nan], np.diff(time_s)]).astype(np.float64)
    inside = (time_s >= 20) & (time_s <= 80) | (time_s >= 100) & (time_s <= 129) | (time_s >= 150)
    rr[np.searchsorted(time_s, 190.0)] = np.nan  # signal was missing before this beat
    found = fibrillation(HolterBeats(time_s, rr, np.full(401, "N"), inside), 160.0)
    assert found is not None
    # 20 to 80 s; 29 s are too short; 150 to 189.5 s, and from 190 s on 10 s.
    assert (found.episodes, found.seconds) == (2, 60.0 + 39.5)
    assert found.burden == pytest.approx(100 * 99.5 / 160)
    assert (found.longest_s, found.longest_at_s) == (60.0, 20.0)


def test_fibrillation_of_the_reference_is_known_where_rhythms_are_annotated() -> None:
    sample = np.arange(100) * 100
    symbol, notes = np.full(100, "N"), [""] * 100
    plain = reference_beats(Annotations(sample, symbol, tuple(notes), 100.0), [])
    assert fibrillation(plain, 100.0) is None
    symbol[10], notes[10] = "+", "(AFIB"
    symbol[60], notes[60] = "+", "(N"
    found = fibrillation(reference_beats(Annotations(sample, symbol, tuple(notes), 100.0), []), 100.0)
    assert found is not None
    assert (found.episodes, found.longest_at_s, found.seconds) == (1, 11.0, 48.0)
