from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb
from tests.waiting import PATIENCE_S, wait_for

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("query")
    scenario = demo_ward(60.0)["synth/sinus"]
    write_wfdb(synthesise(scenario, name="sinus", seconds=60.0, seed=3), folder / "ward")
    words = ["score", "--data-dir", str(folder / "ward"), "--out", str(folder / "results"), "--no-report"]
    ran = CliRunner().invoke(main, words, catch_exceptions=False)
    assert ran.exit_code == 0, ran.stderr
    return folder / "results"


def test_the_same_answer_in_every_form(ecg: Run, results: Path) -> None:
    sql = "select beat, time_s, kind from beats order by beat limit 3"
    forms = {form: ecg("query", sql, "--out", results, "--format", form) for form in ("json", "csv", "parquet")}
    assert [ran.exit_code for ran in forms.values()] == [0, 0, 0]
    rows = json.loads(forms["json"].stdout)
    assert [row["beat"] for row in rows] == [0, 1, 2]
    assert pd.read_csv(io.StringIO(forms["csv"].stdout)).to_dict("records") == rows
    assert pd.read_parquet(io.BytesIO(forms["parquet"].stdout_bytes)).to_dict("records") == rows


def test_a_table_fits_80_columns_and_says_what_it_leaves_out(ecg: Run, results: Path) -> None:
    ran = ecg("query", "from beats order by beat", "--out", results)
    assert ran.exit_code == 0
    lines = ran.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split()[:3] == ["record", "beat", "r_peak"]
    assert len(lines) == 1 + 40
    assert "No room for" in ran.stderr
    assert "aami" in ran.stderr
    assert "The first 40 rows" in ran.stderr


def test_dates_and_missing_values_are_json(ecg: Run, results: Path) -> None:
    ran = ecg("query", "select date '2026-03-12' d, null n, 'nan'::double x", "--out", results, "--format", "json")
    assert json.loads(ran.stdout) == [{"d": "2026-03-12", "n": None, "x": None}]


def test_an_answer_without_rows_is_one(ecg: Run, results: Path) -> None:
    sql = "select beat from beats where beat < 0"
    assert json.loads(ecg("query", sql, "--out", results, "--format", "json").stdout) == []
    assert ecg("query", sql, "--out", results).stdout.split() == ["beat"]


def test_a_wrong_query_is_exit_code_2_with_the_columns_that_there_are(ecg: Run, results: Path) -> None:
    ran = ecg("query", "select scores from beats", "--out", results)
    assert ran.exit_code == 2
    assert ran.stdout == ""
    assert "beats: record, beat, r_peak" in ran.stderr
    assert ecg("query", "drop view beats", "--out", results).exit_code == 2


def test_a_folder_that_is_not_there_or_holds_nothing_is_named(ecg: Run, tmp_path: Path) -> None:
    ran = ecg("query", "from beats", "--out", tmp_path / "nowhere")
    assert (ran.exit_code, "nowhere" in ran.stderr) == (2, True)
    ran = ecg("query", "from beats", "--out", tmp_path)
    assert (ran.exit_code, "score a record" in ran.stderr) == (1, True)


def test_a_results_url_is_taken(ecg: Run) -> None:
    ran = ecg("query", "from beats", "--out", "memory://nothing/here")
    assert (ran.exit_code, "memory://nothing/here: no results" in ran.stderr) == (1, True)


def test_help_shows_examples_in_80_columns(ecg: Run) -> None:
    shown = ecg("query", "--help").stdout
    assert "Examples:\n  ecg-anomaly query" in shown
    assert max(map(len, shown.splitlines())) <= 82


def cpu_s(pid: int) -> float:
    """Return what a process has computed so far, s: a busy machine only makes it later."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks its process up in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_query_that_is_at_it_for_long_ends_on_a_signal_and_leaves_nothing(
    command: str, results: Path, tmp_path: Path, number: signal.Signals
) -> None:
    sql = "select sum(a.range * b.range) from range(10000000) a, range(10000000) b"
    words = [command, "query", sql, "--out", str(results), "--format", "csv"]
    running = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: Path(f"/proc/{running.pid}/maps").read_text().count("duckdb"), "the engine to be loaded")
        loaded_s = cpu_s(running.pid)
        wait_for(lambda: running.poll() is not None or cpu_s(running.pid) > loaded_s + 2.5, "the query to be under way")
        running.send_signal(number)
        _, errors = running.communicate(timeout=PATIENCE_S)
    finally:
        running.kill()
    assert running.returncode == (130 if number == signal.SIGINT else 143)
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []
