from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

pytestmark = pytest.mark.slow

Run = Callable[..., Result]


def readme(folder: Path, name: str) -> Path:
    path = folder / "README.md"
    path.write_text(f"above\n<!-- {name}:begin -->\nWHAT STOOD\n<!-- {name}:end -->\nbelow\n")
    return path


def test_backfill_shows_keeps_and_inserts_the_same_figures(ecg: Run, ward: Path, tmp_path: Path) -> None:
    page = readme(tmp_path, "bench:backfill")
    ran = ecg(
        "bench", "backfill", "sinus", "ventricular", "--data-dir", ward, "--json",
        "--insert", page, "bench:backfill", "--no-progress",
    )  # fmt: skip
    assert ran.exit_code == 0
    document = json.loads(ran.stdout)
    assert document["machine"]["threads"] == 1
    assert document["machine"]["versions"]["torch"]
    assert [record["record"] for record in document["records"]] == ["ward/sinus", "ward/ventricular"]
    assert document["hours"] == pytest.approx(390 / 3600)
    assert document["stages"]
    text = page.read_text()
    assert "WHAT STOOD" not in text
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert f"| times real time | {document['times_real_time']:,.0f} |" in text
    assert document["machine"]["processor"] in text
    assert "bench backfill sinus ventricular" not in ran.stdout.replace(document["command"], "")


def test_backfill_prints_tables(ecg: Run, ward: Path) -> None:
    ran = ecg("bench", "backfill", "sinus", "--data-dir", ward, "--no-stages")
    assert ran.exit_code == 0
    assert max(map(len, ran.stdout.splitlines())) <= 120
    for words in ("24 h of signal in", "most memory over that", "ward/sinus", "thread a process", "torch"):
        assert words in ran.stdout
    assert "Where the time goes" not in ran.stdout


def test_growth_writes_its_figure_and_its_tables(ecg: Run, tmp_path: Path) -> None:
    page = readme(tmp_path, "bench:growth")
    ran = ecg(
        "bench", "growth", "--quick", "--only", "rates", "--figure", tmp_path / "growth.png",
        "--insert", page, "bench:growth", "--no-progress",
    )  # fmt: skip
    assert ran.exit_code == 0
    assert "Growth: cost ~ size" in ran.stdout
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")
    assert "| rates | 128 to 1,000 |" in page.read_text()
    assert "| 360 |" in page.read_text()


def test_kernels_are_measured_on_a_record(ecg: Run, ward: Path) -> None:
    ran = ecg("bench", "kernels", "ventricular", "--data-dir", ward, "--only", "state", "--json")
    rows = {row["name"]: row for row in json.loads(ran.stdout)["rows"]}
    assert rows["snapshot"]["unit"] == "KB"
    assert 1.0 < rows["snapshot"]["value"] <= 64.0


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("peers", "--rival", "unheard of"), "sleepecg"),
        (("kernels", "--only", "network", "--device", "nothing"), "--device"),
        (("growth", "--figure", "growth.jpeg.txt"), "--figure"),
        (("backfill", "--workers", "0"), "--workers"),
    ],
)
def test_a_call_that_makes_no_sense_is_told_what_would(ecg: Run, words: tuple[str, ...], hint: str) -> None:
    ran = ecg("bench", *words)
    assert ran.exit_code == 2
    assert hint in ran.stderr


def test_a_record_that_is_not_there_is_one_line(ecg: Run, ward: Path) -> None:
    ran = ecg("bench", "backfill", "ghost", "--data-dir", ward)
    assert ran.exit_code == 1
    assert "ghost" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_live_shows_keeps_and_inserts_the_same_figures(ecg: Run, tmp_path: Path) -> None:
    page = readme(tmp_path, "bench:live")
    ran = ecg(
        "bench",
        "live",
        "--patients",
        "3",
        "--patients",
        "80",
        "--seconds",
        "3",
        "--json",
        "--insert",
        page,
        "bench:live",
    )
    assert ran.exit_code == 0
    document = json.loads(ran.stdout)
    few, more = document["runs"]
    assert (few["patients"], more["patients"]) == (3, 80)
    assert few["beats"] > 3
    assert 0 < more["p50_ms"] <= more["p99_ms"] <= more["max_ms"]
    assert 0 < few["state_bytes"] <= 64 * 1024
    assert not few["stages"]  # told apart once, for the most patients
    assert sum(more["stages"].values()) > 0
    text = page.read_text()
    assert f"| 80 | {more['beats']:,} |" in text
    assert "Where the time of 80 patients goes" in text


def test_the_group_names_what_can_be_measured(ecg: Run) -> None:
    ran = ecg("bench", "--help")
    for name in ("backfill", "endurance", "growth", "kernels", "live", "peers", "soak"):
        assert f"  {name}  " in ran.stdout
