from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

import pipeline
from pipeline.bench.stages import OTHER, StageSampler, stage_of
from pipeline.detection.model import BeatModel
from pipeline.monitor import Monitor
from pipeline.sources.synthetic import demo_ward, synthesise

ROOT = Path(pipeline.__file__).parent


def test_every_module_on_the_way_of_a_beat_belongs_to_a_stage() -> None:
    folders = ("sources", "signals", "detection", "storage", "scoring")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    files += [ROOT / f"{name}.py" for name in ("monitor", "ward", "timeline", "records", "annotations")]
    assert len(files) > 60
    assert [path for path in files if stage_of(str(path)) is None] == []


@pytest.mark.parametrize(
    ("module", "stage"),
    [
        ("signals/rpeaks.py", "R peaks"),
        ("signals/beats.py", "windows"),
        ("detection/network.py", "network"),
        ("detection/thresholds.py", "thresholds"),
        ("detection/templates.py", "context, templates, score"),
        ("storage/writer.py", "writing"),
    ],
)
def test_a_module_belongs_to_its_stage(module: str, stage: str) -> None:
    assert stage_of(str(ROOT / module)) == stage


def test_code_from_elsewhere_belongs_to_none() -> None:
    assert stage_of(np.__file__) is None
    assert stage_of(__file__) is None


def test_the_time_of_scoring_is_found_in_its_stages(model: BeatModel) -> None:
    record = synthesise(demo_ward(300.0)["synth/ventricular"], name="synth/ventricular", seconds=900.0, seed=1)
    chunks = list(record.chunks())
    Monitor(model).process(chunks[0])  # machine code
    began = time.thread_time()  # the process's clock moves in ticks while the sampler's timer runs
    with StageSampler() as sampler:
        while time.thread_time() - began < 1.0:
            monitor = Monitor(model)
            for chunk in chunks:
                monitor.process(chunk)
    spent = time.thread_time() - began
    found = sum(sampler.seconds.values())
    assert 0.9 * spent < found <= spent
    assert sampler.seconds["network"] > 0.02 * spent
    assert sampler.seconds["filters"] > 0.02 * spent
    assert sampler.seconds.get("reading", 0.0) == 0.0
    assert sampler.looks > 10
    assert sampler.own_s < 0.05 * spent


def test_a_long_call_into_compiled_code_counts_whole_for_who_made_it() -> None:
    numbers = np.random.default_rng(0).standard_normal(2_000_000)
    with StageSampler() as sampler:
        began = time.thread_time()
        while time.thread_time() - began < 0.3:
            np.sort(numbers)
        spent = time.thread_time() - began
    assert set(sampler.seconds) == {OTHER}
    assert sampler.seconds[OTHER] > 0.6 * spent


def test_only_the_main_thread_can_be_looked_at() -> None:
    errors: list[str] = []

    def elsewhere() -> None:
        try:
            with StageSampler():
                pass
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert len(errors) == 1
    assert "main thread" in errors[0]
