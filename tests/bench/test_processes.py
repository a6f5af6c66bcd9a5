from __future__ import annotations

import os
import sys
import time

import numpy as np
import pytest

from pipeline.bench.alone import Alone, alone, shared_out
from pipeline.bench.machine import THREADS, one_thread_each, this_machine
from pipeline.bench.memory import held_mb, peak_mb, reset_peak, resident_mb
from pipeline.errors import RecordNotFound

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")


def facts() -> tuple[int, int, str | None]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return os.getpid(), cores, os.environ.get("OMP_NUM_THREADS")


def fails() -> None:
    raise RecordNotFound("no such record")


def pid_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


@linux_only
def test_a_function_runs_in_a_process_of_its_own_on_one_core_with_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = os.sched_getaffinity(0)
    pid, cores, threads = alone(facts)
    assert pid != os.getpid()
    assert (cores, threads) == (1, "1")
    assert os.sched_getaffinity(0) == before
    assert "OMP_NUM_THREADS" not in os.environ


def test_what_is_raised_there_is_raised_here() -> None:
    with pytest.raises(RecordNotFound, match="no such record"):
        alone(fails)


def test_nobody_waits_for_a_measurement_that_was_stopped() -> None:
    def stopped() -> None:
        with Alone() as process:
            process.start(pid_after, 900.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()  # and not after a quarter of an hour


def test_calls_are_shared_out_and_each_comes_back_once() -> None:
    with Alone(0) as one, Alone(1) as other:
        pids = {one.run(os.getpid), other.run(os.getpid)}
        done = dict(shared_out([one, other], pid_after, [(0.2,), (0.2,), (0.0,), (0.0,), (0.0,)]))
    assert sorted(done) == [0, 1, 2, 3, 4]
    assert set(done.values()) == pids


def test_one_thread_each_leaves_the_environment_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with one_thread_each():
        assert {os.environ[name] for name in THREADS} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert "MKL_NUM_THREADS" not in os.environ


@linux_only
def test_the_peak_counts_from_its_reset() -> None:
    block = np.ones(10_000_000)  # 80 MB
    del block
    reset_peak()
    held = resident_mb()
    assert peak_mb() - held < 20.0
    block = np.ones(10_000_000)
    del block
    assert peak_mb() - held > 60.0


@linux_only
def test_what_is_held_leaves_out_what_was_freed() -> None:
    before = held_mb()
    blocks = [np.ones(2000) for _ in range(5000)]  # 80 MB in pieces that the allocator keeps when they are freed
    assert held_mb() - before > 60.0
    del blocks
    assert held_mb() - before < 20.0


def test_the_machine_is_stated() -> None:
    machine = this_machine()
    assert machine.cores >= 1
    assert machine.memory_gb > 0.1
    line = machine.line()
    for word in (machine.processor, "thread", "Python 3.", "torch", "wfdb", "numpy"):
        assert word in line
