"""The parts of the pipeline, each measured alone."""

from __future__ import annotations

from pipeline.bench.kernels.measure import SECTIONS, bench_kernels
from pipeline.bench.kernels.row import Row

__all__ = ["SECTIONS", "Row", "bench_kernels"]
