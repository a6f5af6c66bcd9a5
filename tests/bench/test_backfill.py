from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.bench.backfill import bench_backfill
from pipeline.bench.workload import Workload
from pipeline.storage import read_beats, read_summary

pytestmark = pytest.mark.slow


def test_all_costs_add_up_and_the_results_are_there(work: Workload, tmp_path: Path) -> None:
    told: list[float] = []
    done = bench_backfill(work, tmp_path, progress=lambda _what, share: told.append(share))
    assert told == [0.25, 0.5, 0.75, 1.0]  # two runs over two records
    assert [cost.record for cost in done.records] == [f"records/{name}" for name in work.names]
    assert done.hours == pytest.approx(0.1)
    assert done.beats == sum(summary.beats for summary in read_summary(tmp_path).records.values())
    assert len(read_beats(tmp_path, done.records[0].record)) == done.records[0].beats
    assert done.cpu_s > 0.0
    assert sum(cost.wall_s for cost in done.records) <= done.wall_s
    assert done.times_real_time == pytest.approx(360.0 / done.wall_s)
    assert done.import_mb > 50.0
    assert done.looks > 0
    document = done.to_dict()
    assert document["times_real_time"] == done.times_real_time
    assert document["records"][0]["times_real_time"] == done.records[0].times_real_time


def test_two_workers_share_the_records(work: Workload, tmp_path: Path) -> None:
    done = bench_backfill(work, tmp_path, workers=2, stages=False)
    assert [cost.record for cost in done.records] == [f"records/{name}" for name in work.names]
    assert done.stages == {}
    assert done.wall_s < done.start_s
