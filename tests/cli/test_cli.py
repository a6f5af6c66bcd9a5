from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb

from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb
from pipeline.storage import read_beats, read_summary

COMMANDS = ("demo", "fetch", "report", "score", "synth", "train")
GOOD = ("sinus", "ventricular")


def ecg(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=250, cwd=cwd, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good records among every kind of bad one."""
    folder = tmp_path_factory.mktemp("data") / "ward"
    for name in GOOD:
        write_wfdb(synthesise(demo_ward(60.0)[f"synth/{name}"], name=name, seconds=60.0, seed=3), folder)
    (folder / "RECORDS").unlink(missing_ok=True)
    good = {suffix: (folder / f"sinus{suffix}").read_bytes() for suffix in (".hea", ".dat", ".atr")}

    def broken(name: str, **files: bytes) -> None:
        for suffix, content in good.items():
            content = files.get(suffix[1:], content)
            if suffix == ".hea":
                content = content.replace(b"sinus", name.encode())
            (folder / f"{name}{suffix}").write_bytes(content)

    broken("cutdat", dat=good[".dat"][:-1001])
    broken("flipped", dat=good[".dat"][:5000] + b"\x55" * 100 + good[".dat"][5100:])
    broken("cutatr", atr=good[".atr"][:-2])
    broken("emptyhea", hea=b"")
    broken("format", hea=good[".hea"].replace(b".dat 16", b".dat 999"))
    broken("rate", hea=good[".hea"].replace(b" 360", b" 50"))
    seconds = np.full((360 * 20, 2), np.nan)
    with np.errstate(invalid="ignore"):
        wfdb.wrsamp("nothing", 360, ["mV", "mV"], ["MLII", "V1"], seconds, fmt=["16", "16"], adc_gain=[200, 200],
                    baseline=[0, 0], write_dir=str(folder))  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def mixed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    out = tmp_path_factory.mktemp("out")
    return ecg("score", "--data-dir", folder, "--out", out, "--json"), out


def test_good_records_are_scored_among_bad_ones(mixed: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    ran, out = mixed
    assert ran.returncode == 1
    document: dict[str, Any] = json.loads(ran.stdout)
    assert [row["record"] for row in document["records"]] == [f"ward/{name}" for name in GOOD]
    for name in GOOD:
        assert len(read_beats(out, f"ward/{name}")) > 40
    assert set(read_summary(out).failed) == {row["record"] for row in document["failed"]}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cutdat", "RecordCorrupt"),
        ("flipped", "RecordCorrupt"),
        ("cutatr", "RecordCorrupt"),
        ("emptyhea", "RecordCorrupt"),
        ("format", "Record"),
        ("rate", "RecordUnsupported"),
        ("nothing", "RecordUnsupported"),
    ],
)
def test_a_bad_record_is_one_clear_line_and_leaves_nothing_behind(
    mixed: tuple[subprocess.CompletedProcess[str], Path], name: str, kind: str
) -> None:
    ran, out = mixed
    (row,) = [row for row in json.loads(ran.stdout)["failed"] if row["record"] == f"ward/{name}"]
    assert row["kind"].startswith(kind)
    assert name in row["error"]
    assert "\n" not in row["error"]
    assert f"Error: {row['error']}" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not [path for path in out.rglob(f"*{name}*") if path.is_file()]


def test_the_files_are_what_other_tools_open(mixed: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, out = mixed
    (written,) = (out / "annotations" / "ward").glob("ventricular.*")
    annotation = wfdb.rdann(str(written.with_suffix("")), written.suffix[1:])
    beats = read_beats(out, "ward/ventricular")
    np.testing.assert_array_equal(annotation.sample, beats["r_peak"])
    assert {"record", "beat", "r_peak", "time_s", "rr_s", "score", "threshold", "is_anomaly", "drift", "quality",
            "symbol", "aami"} <= set(beats.columns)  # fmt: skip
    assert "ward/ventricular" in (out / "report.html").read_text()
    assert (out / "alarms.parquet").is_file()


def test_a_second_run_scores_nothing_again(folder: Path, mixed: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, out = mixed
    again = json.loads(ecg("score", *GOOD, "--data-dir", folder, "--out", out, "--json").stdout)
    assert [row["is_new"] for row in again["records"]] == [False, False]
    other = json.loads(ecg("score", "sinus", "--data-dir", folder, "--out", out, "--json", "--alpha", "0.05").stdout)
    assert [row["is_new"] for row in other["records"]] == [True]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["score"], "name a record"),
        (["score", "x", "--alpha", "2"], "alpha"),
        (["score", "../../etc/passwd"], "passwd"),
        (["score", "x", "--leads", "MLII,,V1"], "leads"),
        (["nonsense"], "nonsense"),
    ],
)
def test_a_bad_argument_is_exit_code_2_or_1_and_says_what_is_wrong(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    ran = ecg(*arguments, cwd=tmp_path)
    assert ran.returncode in {1, 2}
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr


def test_an_unknown_record_names_itself(folder: Path, tmp_path: Path) -> None:
    ran = ecg("score", "ghost", "--data-dir", folder, "--out", tmp_path)
    assert ran.returncode == 1
    assert "ghost" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_missing_lead_names_those_there_are(folder: Path, tmp_path: Path) -> None:
    ran = ecg("score", "sinus", "--data-dir", folder, "--out", tmp_path, "--leads", "aVR")
    assert ran.returncode == 1
    assert "MLII" in ran.stderr


def test_an_output_folder_that_cannot_be_written_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    ran = ecg("score", "sinus", "--data-dir", folder, "--out", tmp_path / "file" / "out")
    assert ran.returncode in {1, 2}
    assert "file" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_ctrl_c_leaves_whole_files_and_the_next_run_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "long"
    names = [f"p{i}" for i in range(6)]
    for name in names:
        write_wfdb(synthesise(demo_ward(600.0)["synth/ventricular"], name=name, seconds=600.0, seed=1), folder)
    out = tmp_path / "out"
    command = [sys.executable, "-c", "from pipeline.cli import main; main()"]
    arguments = ["score", *names, "--data-dir", str(folder), "--out", str(out), "--json"]
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(4800):
        if list((out / "beats").rglob("*.parquet")):
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    done = {path.stem for path in (out / "beats").rglob("*.parquet")}
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert 0 < len(done) < len(names)
    assert all(len(read_beats(out, f"long/{name}")) > 500 for name in done)
    rerun = json.loads(ecg(*arguments).stdout)
    assert {row["record"] for row in rerun["records"] if not row["is_new"]} >= {f"long/{name}" for name in done}
    assert len(rerun["records"]) == len(names)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_examples(command: str) -> None:
    ran = ecg(command, "--help")
    assert ran.returncode == 0
    assert f"ecg-anomaly {command}" in ran.stdout
    assert "Example" in ran.stdout
    assert max(map(len, ran.stdout.splitlines())) <= 100


def test_help_takes_less_than_a_second() -> None:
    best = min(_timed() for _ in range(3))
    assert best < 1.0


def _timed() -> float:
    start = time.perf_counter()
    ecg("--help")
    return time.perf_counter() - start


def test_the_demo_scores_ten_patients_and_says_where_the_report_is(tmp_path: Path) -> None:
    ran = ecg("demo", "--minutes", "6", "--out", tmp_path / "demo")
    assert ran.returncode == 0, ran.stderr
    assert "Warning" not in ran.stderr
    assert ran.stdout.count("synth/") >= 8
    assert str(tmp_path / "demo" / "report.html") in ran.stdout.replace("\n", "")
    assert max(map(len, ran.stdout.splitlines()[:14])) <= 80
