"""How tests are spread over processes: by file, the flows together, the longest first, machine code before all."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.compiling import compile_all
from pipeline.detection.shipped import SHIPPED

# All of them report to one Prefect server: spread, each process would start one.
FLOWS = "tests/flows"

# In the order in which they begin. Whatever is not named comes after them, as it was collected.
LONGEST = (
    FLOWS,
    "tests/web/test_page.py",
    "tests/live/test_worker.py",
    "tests/cli/test_monitor.py",
    "tests/cli/test_evaluate.py",
    "tests/cli/test_bench.py",
    "tests/cli/test_interrupt.py",
    "tests/web/test_readable.py",
    "tests/bench/test_peers.py",
    "tests/bench/test_growth.py",
    "tests/bench/test_kernels.py",
    "tests/cli/test_tui.py",
    "tests/detection/test_training.py",
    "tests/detection/test_training_options.py",
    "tests/learning/test_promotion.py",
    "tests/live/test_engine.py",
    "tests/web/test_alarm_list.py",
    "tests/web/test_acknowledging.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Compile what scores before the processes start: else each would, in tests that wait for a page or a process."""
    for kind in SHIPPED:
        compile_all(kind)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Spread files as told above, where files are what is to be spread."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class LongestFirst(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return FLOWS if nodeid.startswith(f"{FLOWS}/") else str(super()._split_scope(nodeid))

        def _assign_work_unit(self, node: Any) -> None:
            for scope in LONGEST:
                if scope in self.workqueue:
                    self.workqueue.move_to_end(scope, last=False)
                    break
            super()._assign_work_unit(node)

    config.option.loadscopereorder = False
    return LongestFirst(config, log)
