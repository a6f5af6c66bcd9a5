"""The detector beside a slow, plain one that follows the same description with whole arrays at hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from pipeline.signals.resample import FS
from pipeline.signals.rpeak_decision import FEATURES, LOWEST, ODDS, describe, read_weights
from pipeline.signals.rpeak_search import HEARD, LOOK, PARAMETERS, REFRACTORY, RING, RRS, START
from pipeline.signals.rpeaks import RPeakDetector

Array = NDArray[np.float64]


def envelopes(seconds: float, leads: int, seed: int = 0, noise: float = 0.05) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Envelopes of beats with T waves, some early and some low, on a floor of noise; a lead is bad for a while."""
    rng = np.random.default_rng(seed)
    n = int(seconds * FS)
    t = np.arange(n)
    e, h = noise * np.abs(rng.normal(size=(leads, n))), 0.5 * noise * np.abs(rng.normal(size=(leads, n)))
    at = 1.0
    while at < seconds - 1:
        height = rng.uniform(0.5, 1.3)
        for lead in range(leads):
            size = height * (1.0 - 0.4 * lead)
            e[lead] += size * np.exp(-0.5 * ((t - at * FS) / 8) ** 2) + 0.3 * size * np.exp(
                -0.5 * ((t - (at + 0.3) * FS) / 14) ** 2
            )
            h[lead] += 0.8 * size * np.exp(-0.5 * ((t - at * FS) / 5) ** 2)
        at += rng.choice([0.8, 0.8, 0.8, 0.45, 1.3])
    bad = np.zeros((leads, n), dtype=np.bool_)
    bad[-1, int(20 * FS) : int(24 * FS)] = True
    return e, h, bad


def plain(e: Array, h: Array, bad: NDArray[np.bool_]) -> list[int]:
    """Find R peaks sample by sample, with every past value kept and nothing clever."""
    weights, p = read_weights(), PARAMETERS
    leads, n = e.shape
    level = [0.0] * leads
    fused, fused_h = [0.0] * n, [0.0] * n
    beats: list[int] = []
    intervals: list[int] = []
    last, big, last_h, clean_from, heard_from = -1, -1, 0.0, 0, None
    for lead in range(leads):
        level[lead] = max((e[lead, now] for now in range(min(n, START)) if not bad[lead, now]), default=0.0)
    slow, floor = list(level), [0.15 * value for value in level]
    for now in range(n if n >= START else 0):
        there = [lead for lead in range(leads) if not bad[lead, now]]
        ratio = {
            k: (level[k] / max(floor[k], 0.02 * level[k] + 1e-9)) ** 2 * (p["favour"] if k == 0 else 1) for k in there
        }
        total = sum(ratio.values())
        share = {lead: value / total for lead, value in ratio.items()} if total else {}
        fused[now] = sum(share[k] * e[k, now] / max(level[k], 1e-6) for k in share)
        fused_h[now] = sum(share[k] * h[k, now] / max(level[k], 1e-6) for k in share)
        m = now - LOOK
        if m < 2:
            continue
        since = m - last
        if since > p["silence"] * FS:
            level = [v * (1 - p["fall_rate"]) if v > p["fall"] * s else v for v, s in zip(level, slow, strict=True)]
            first = max(last + REFRACTORY // 2 + 1, 2, clean_from)
            for k in range(leads):
                heard = np.where(bad[k, first : m + 1], 0.0, e[k, first : m + 1]).sum() / (m + 1 - first)
                floor[k] = min(floor[k], max(floor[k] * (1 - p["fall_rate"]), p["calm"] * level[k], heard))
        if m - big <= p["quiet"] * FS:
            heard_from = None
        elif heard_from is None:
            heard_from = now
        if heard_from is not None and now - heard_from == 3 * HEARD - 1:
            for k in range(leads):
                heard = e[k, heard_from : now + 1]
                middle = float(np.median(heard.reshape(3, HEARD).max(axis=1)))
                least = max(p["faintest"], p["peaky"] * heard.mean(), min(slow[k], p["greatest"]) / ((m - big) / FS))
                if middle > least and not bad[k, heard_from : now + 1].any():
                    level[k] = slow[k] = middle
                    floor[k] = 0.15 * middle
                    last_h, clean_from = 0.0, m + 1
            heard_from = None
        peak = fused[m]
        if (beats and since <= REFRACTORY) or not (peak > fused[m - 1] and peak >= fused[m + 1]) or peak < LOWEST:
            continue
        if max(fused[m + 1 : m + REFRACTORY + 1]) > peak:
            continue
        # Noise since the last beat: the samples from half a refractory time after it on.
        first = max(last + REFRACTORY // 2 + 1, 2, clean_from)
        clean = [np.where(bad[k, first : m + 1], 0.0, e[k, first : m + 1]) for k in range(leads)]
        units = [max(value, 1e-6) for value in level]
        present = [k for k in range(leads) if not bad[k, m] and e[k, m] > 0]
        ratio = {
            k: (level[k] / max(floor[k], 0.02 * level[k] + 1e-9)) ** 2 * (p["favour"] if k == 0 else 1) for k in present
        }
        share = {k: value / sum(ratio.values()) for k, value in ratio.items()}
        noise = sum(share[k] * floor[k] / units[k] for k in share)
        at = [e[k, m] / units[k] for k in share]
        features = np.empty(len(FEATURES))
        median = float(np.median(intervals[-RRS:])) if intervals else 0.8 * FS
        describe(
            peak,
            max(fused_h[m - 6 : m + 7]),
            last_h,
            since / FS if beats else max(since / FS, median / FS),
            median / FS,
            noise,
            sum(share[k] * clean[k].sum() / max(len(clean[k]), 1) / units[k] for k in share),
            max((fused[m - j] for j in range(REFRACTORY + 1, min(since, RING - LOOK - 2))), default=0.0),
            max(fused[m + 20 : m + LOOK + 1]),
            sum(fused[m + j] > 0.5 * peak for j in range(-20, 21)),
            min(at),
            max(at),
            features,
        )
        row = weights[0 if len(share) < 2 else 1]
        if features @ row[:-1] + row[-1] <= ODDS:
            continue
        beats.append(m)
        for k in range(leads):
            value = 0.0 if bad[k, m] else e[k, m]
            if value > 0:
                value = min(max(value, level[k] / p["level_clip"]), level[k] * p["level_clip"])
                level[k] += p["level_rate"] * (value - level[k])
                slow[k] += p["slow_rate"] * (value - slow[k])
                if median > p["fast"] * FS and len(clean[k]):
                    floor[k] += p["noise_rate"] * (clean[k].sum() / len(clean[k]) - floor[k])
        last_h = max(fused_h[m - 6 : m + 7])
        if since < 2 * FS and len(beats) > 1:
            intervals.append(since)
        last = m
        if peak > p["size"]:
            big = m
    return beats


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("noise", [0.02, 0.15])
def test_the_fast_detector_finds_what_the_plain_one_finds(leads: int, noise: float) -> None:
    e, h, bad = envelopes(90.0, leads, noise=noise)
    found = RPeakDetector(leads).process(e, h, bad).sample.tolist()
    assert len(found) > 60
    assert found == plain(e, h, bad)


@pytest.mark.slow
@pytest.mark.parametrize(("leads", "seconds"), [(1, 120.0), (2, 55.0)])
def test_the_fast_detector_finds_what_the_plain_one_finds_after_an_artefact(leads: int, seconds: float) -> None:
    e, h, bad = envelopes(seconds, leads)
    for first, second, size in ((0.5, 0.8, 15.0), (40.0, 42.0, 25.0), (80.0, 80.5, 200.0)):
        e[:, int(first * FS) : int(second * FS)] += size
        h[:, int(first * FS) : int(second * FS)] += size
    detector = RPeakDetector(leads)
    parts = [detector.process(e[:, i : i + 97], h[:, i : i + 97], bad[:, i : i + 97]) for i in range(0, e.shape[1], 97)]
    found = np.concatenate([part.sample for part in parts])
    assert found.tolist() == plain(e, h, bad)
    for from_s in [t for t in (15.0, 60.0, 100.0) if t < seconds]:  # it has come back
        assert ((found > from_s * FS) & (found < (from_s + 10.0) * FS)).sum() > 8


def test_a_level_set_anew_in_one_lead_leaves_the_noise_of_the_other_right() -> None:
    e, h, bad = envelopes(60.0, 2)
    rng = np.random.default_rng(4)
    e[0], h[0] = 0.3 + 0.1 * rng.random(e.shape[1]), 0.1 + 0.05 * rng.random(e.shape[1])  # never peaky, so never anew
    for a in (e, h):
        a[:, int(0.5 * FS) : int(0.8 * FS)] += 15.0
    bad[:] = False
    found = RPeakDetector(2).process(e, h, bad).sample
    assert found.tolist() == plain(e, h, bad)
    assert (found > 30 * FS).sum() > 20


@pytest.mark.parametrize("size", [1, 7, 180, 5000])
def test_any_chunking_finds_the_same(size: int) -> None:
    e, h, bad = envelopes(40.0, 2)
    whole = RPeakDetector(2).process(e, h, bad)
    detector = RPeakDetector(2)
    parts = [
        detector.process(e[:, i : i + size].copy(), h[:, i : i + size].copy(), bad[:, i : i + size].copy())
        for i in range(0, e.shape[1], size)
    ]
    for name in ("sample", "decided", "prominence", "quality"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, name))


def test_a_beat_is_decided_once_the_next_quarter_second_is_known() -> None:
    found = RPeakDetector(1).process(*envelopes(40.0, 1))
    early = found.sample < START - LOOK
    assert set((found.decided - found.sample)[~early].tolist()) == {LOOK}
    assert set(found.decided[early].tolist()) == {START - 1}  # the first 2 s set the level


def test_a_t_wave_is_no_beat_but_a_beat_as_early_is() -> None:
    t = np.arange(int(30 * FS))
    e, h = np.full((1, len(t)), 0.02), np.full((1, len(t)), 0.01)
    times = np.arange(0.2, 29.0, 0.8)
    for at in times:
        e[0] += np.exp(-0.5 * ((t - at * FS) / 8) ** 2) + 0.45 * np.exp(-0.5 * ((t - (at + 0.3) * FS) / 14) ** 2)
        h[0] += 0.8 * np.exp(-0.5 * ((t - at * FS) / 5) ** 2) + 0.02 * np.exp(-0.5 * ((t - (at + 0.3) * FS) / 14) ** 2)
    bad = np.zeros(e.shape, dtype=np.bool_)
    usual = RPeakDetector(1).process(e, h, bad).sample
    assert len(usual) == len(times)
    early = 20.2 + 0.33
    e[0] += 0.9 * np.exp(-0.5 * ((t - early * FS) / 8) ** 2)
    h[0] += 0.8 * np.exp(-0.5 * ((t - early * FS) / 5) ** 2)
    assert np.abs(RPeakDetector(1).process(e, h, bad).sample / FS - early).min() < 0.03


def test_candidates_are_kept_if_asked_for() -> None:
    detector = RPeakDetector(1, keep_candidates=True)
    found = detector.process(*envelopes(40.0, 1)).sample
    candidates = np.concatenate(detector.candidates)
    assert candidates.shape[1] == 1 + len(FEATURES)
    assert set(found) <= set(candidates[:, 0])
    assert len(candidates) > len(found)


def test_the_weights_that_ship_name_every_feature() -> None:
    weights = read_weights()
    assert weights.shape == (2, len(FEATURES) + 1)
    assert np.isfinite(weights).all()
    assert math.isclose(ODDS, math.log(0.06 / 0.94))


@pytest.mark.parametrize("gain", [0.3, 3.0, 20.0])
def test_a_signal_that_grows_or_shrinks_at_once_is_followed(gain: float) -> None:
    t = np.arange(int(90 * FS))
    times = np.arange(0.2, 89.0, 0.8)
    e = 0.02 + np.exp(-0.5 * ((t[:, None] - times * FS) / 8) ** 2).sum(axis=1)
    h = 0.01 + 0.8 * np.exp(-0.5 * ((t[:, None] - times * FS) / 5) ** 2).sum(axis=1)
    after = np.where(t < 30 * FS, 1.0, gain)
    found = RPeakDetector(1).process((e * after)[None], (h * after)[None], np.zeros((1, len(t)), dtype=np.bool_))
    late = times[(times > 60) & (times < 88)]
    assert all(np.abs(found.sample / FS - at).min() < 0.02 for at in late)


@pytest.mark.parametrize("rate", [150.0, 200.0, 240.0])
def test_a_fast_rhythm_is_not_taken_for_noise(rate: float) -> None:
    t = np.arange(int(120 * FS))
    times = np.concatenate([np.arange(0.2, 60.0, 0.75), np.arange(60.2, 119.0, 60.0 / rate)])
    e = 0.02 + np.exp(-0.5 * ((t[:, None] - times * FS) / 8) ** 2).sum(axis=1)
    h = 0.01 + 0.8 * np.exp(-0.5 * ((t[:, None] - times * FS) / 5) ** 2).sum(axis=1)
    bad = np.zeros((1, len(t)), dtype=np.bool_)
    found = RPeakDetector(1).process(e[None], h[None], bad).sample
    assert found.tolist() == plain(e[None], h[None], bad)
    late = times[(times > 70) & (times < 118)]
    assert np.mean([np.abs(found / FS - at).min() < 0.02 for at in late]) > 0.98


def test_a_heart_at_rest_is_left_at_rest() -> None:
    rng = np.random.default_rng(3)
    e, h, bad = envelopes(300.0, 1)
    rest = slice(int(60 * FS), int(270 * FS))
    # The envelope of noise, Rayleigh's, smoothed as the filters do: no peak stands out of it.
    parts = gaussian_filter1d(rng.normal(size=(2, e.shape[1])), 6.0, axis=1)
    noise = np.hypot(*parts / parts.std())
    e[0, rest], h[0, rest] = 0.04 * noise[rest], 0.02 * noise[rest]
    found = RPeakDetector(1).process(e, h, bad).sample / FS
    assert not ((found > 61) & (found < 269)).any()
    assert (found > 271).sum() > 20
