"""How cost grows: with patients, with hours, with leads, with the sampling rate."""

from __future__ import annotations

from pipeline.bench.growth.measure import AXES, QUICK, Sizes, bench_growth
from pipeline.bench.growth.series import LINEAR, Point, Series

__all__ = ["AXES", "LINEAR", "QUICK", "Point", "Series", "Sizes", "bench_growth"]
