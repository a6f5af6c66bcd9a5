"""Today's other tools, in an environment of their own, measured beside this project in the same run."""

from __future__ import annotations

from pipeline.bench.peers.compare import RIVALS, Compared, DetectorCost, WayCost, bench_peers
from pipeline.bench.peers.environment import environment

__all__ = ["RIVALS", "Compared", "DetectorCost", "WayCost", "bench_peers", "environment"]
