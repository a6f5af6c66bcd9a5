from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipeline.bench.peers import RIVALS, bench_peers, environment
from pipeline.bench.peers.environment import environment_at_hand
from pipeline.bench.peers.running import run_rivals
from pipeline.bench.workload import Workload
from pipeline.errors import SourceUnavailable

pytestmark = pytest.mark.slow


def wheel(folder: Path, name: str) -> Path:
    """Make a package of one module, so that pip has something to install without an index."""
    files = {
        f"{name}.py": "ANSWER = 42\n",
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for file, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{file},sha256={digest},{len(text)}\n"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        archive.writestr(f"{name}-1.0.dist-info/RECORD", record)
    return path


def test_an_environment_is_made_once_and_holds_what_it_was_asked_for(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"{wheel(tmp_path, 'tinyrival')}\n")
    assert environment_at_hand(tmp_path / "cache", requirements=requirements, unmet=None) is None
    python = environment(tmp_path / "cache", requirements=requirements, unmet=None)
    code = "import sys, tinyrival; print(tinyrival.ANSWER, sys.prefix != sys.base_prefix)"
    told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["42", "True"]
    marker = python.parent.parent / "marker"
    marker.touch()
    assert environment(tmp_path / "cache", requirements=requirements, unmet=None) == python
    assert marker.exists()
    assert environment_at_hand(tmp_path / "cache", requirements=requirements, unmet=None) == python
    requirements.write_text(f"# another\n{requirements.read_text()}")
    assert environment_at_hand(tmp_path / "cache", requirements=requirements, unmet=None) is None


def test_packages_that_cannot_be_had_are_one_line_and_leave_no_environment(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"{tmp_path / 'missing-1.0-py3-none-any.whl'}\n")
    with pytest.raises(SourceUnavailable, match=r"missing-1\.0") as error:
        environment(tmp_path / "cache", requirements=requirements, unmet=None)
    assert len(str(error.value).splitlines()) == 1
    assert environment_at_hand(tmp_path / "cache", requirements=requirements, unmet=None) is None


def test_rivals_run_in_another_interpreter_and_are_judged_like_this_project(work: Workload) -> None:
    # wfdb is installed here too, so its detectors can be run without an environment.
    rivals = ("wfdb XQRS", "wfdb gqrs")
    done = bench_peers(Path(sys.executable), work, rivals=rivals, beats=20)
    assert [one.name for one in done.detectors] == ["this project, two leads", "this project, one lead", *rivals]
    assert [one.is_causal for one in done.detectors] == [True, True, False, False]
    assert all(one.se > 0.9 and one.ppv > 0.9 and one.half_hour_s > 0.0 for one in done.detectors)
    assert done.hours == pytest.approx(0.1)
    assert done.versions["wfdb"]
    (own,) = done.ways
    assert own.weights > 1000
    assert own.times_real_time > 1.0


def test_a_rival_that_fails_is_one_line(work: Workload) -> None:
    signal = next(work.open(work.names[0]).chunks(60.0)).signal
    with pytest.raises(SourceUnavailable, match="neurokit2"):  # not installed here
        run_rivals(Path(sys.executable), {"rivals": ["neurokit2"], "place": 0}, signal, 360.0)


@pytest.mark.slow
@pytest.mark.skipif("ECG_TEST_PEERS" not in os.environ, reason="brings 1.4 GB of packages: set ECG_TEST_PEERS to ask")
@pytest.mark.timeout(1800)
def test_all_rivals_are_measured_in_their_environment(work: Workload) -> None:
    from pipeline.settings import Settings

    done = bench_peers(environment(Settings().cache_dir), work, beats=50)
    assert {one.name for one in done.detectors} >= set(RIVALS[:5])
    own, *ways = done.ways
    assert len(ways) == 2
    for way in ways:
        assert abs(way.weights - own.weights) < 0.05 * own.weights
        assert way.beat_us > own.beat_us
        assert way.learn_s > way.score_s > way.threshold_s > 0.0
