from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prefect import flow

from flows.score import score_one
from pipeline.errors import PipelineError, RecordNotFound, SourceUnavailable
from pipeline.scoring import Job
from pipeline.settings import FetchSettings, Settings

NOBODY_LISTENS = "http://127.0.0.1:9/"
EMPTY_FOLDER = ""


@pytest.mark.parametrize(
    ("url", "error", "tries"), [(NOBODY_LISTENS, SourceUnavailable, 4), (EMPTY_FOLDER, RecordNotFound, 1)]
)
def test_only_what_may_pass_is_tried_again(
    url: str, error: type[PipelineError], tries: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    fetch = FetchSettings(timeout_s=0.5, retries=0, backoff_s=0, requests_per_s=1000)
    settings = Settings(physionet_url=url or str(tmp_path), cache_dir=tmp_path / "cache", fetch=fetch)
    ends: list[tuple[int, type]] = []

    def note(_task: Any, run: Any, state: Any) -> None:
        ends.append((run.run_count, type(state.result(raise_on_failure=False))))

    patient = score_one.with_options(retry_delay_seconds=0, retry_jitter_factor=0, on_failure=[note])

    @flow
    def fetch_one() -> Any:
        return patient(Job("mitdb/208", tmp_path / "out", settings), return_state=True)

    state: Any = fetch_one(return_state=True)
    assert state.is_failed()
    assert ends == [(tries, error)]
