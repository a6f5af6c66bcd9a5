from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.sources.synthetic import demo_ward, synthesise

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "pipeline").rglob("*.py"))
FLOWS = sorted((ROOT / "flows").rglob("*.py"))
LAYERS = ("sources", "signals", "detection", "storage")


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def layer(path: Path) -> str:
    return path.relative_to(ROOT / "pipeline").parts[0]


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 50


def test_pipeline_never_imports_flows_or_prefect() -> None:
    assert [path for path in MODULES if roots(path) & {"flows", "prefect"}] == []


def test_the_four_layers_never_import_each_other() -> None:
    wrong = [
        (path, name)
        for path in MODULES
        if layer(path) in LAYERS
        for name in imports(path)
        for other in LAYERS
        if other != layer(path) and (name == f"pipeline.{other}" or name.startswith(f"pipeline.{other}."))
    ]
    assert wrong == []


def test_only_sources_and_the_annotation_file_know_wfdb() -> None:
    allowed = {"sources", "storage"}
    assert [path for path in MODULES if "wfdb" in roots(path) and layer(path) not in allowed] == []


def test_only_detection_knows_torch() -> None:
    assert [path for path in MODULES if "torch" in roots(path) and layer(path) != "detection"] == []


def test_flows_hold_no_science() -> None:
    science = {"torch", "river", "wfdb", "scipy", "numba", "sklearn"}
    assert [path for path in FLOWS if roots(path) & science] == []


def test_nothing_is_ever_pickled() -> None:
    assert [path for path in MODULES if roots(path) & {"pickle", "cloudpickle", "joblib", "dill"}] == []


@pytest.mark.parametrize("statement", ["import pipeline", "import pipeline.cli"])
def test_importing_the_package_is_light(statement: str) -> None:
    code = f"{statement}; import sys; print(*sorted(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not set(loaded.stdout.split()) & {"torch", "numba", "wfdb", "prefect", "river", "pandas"}


def test_the_public_names_are_exactly_these() -> None:
    import pipeline

    assert set(pipeline.__all__) == {
        "Alarm", "BeatModel", "Chunk", "Drift", "Findings", "Gap", "Monitor", "Record", "ScoredBeat", "Settings",
        "Ward", "open_record", "score_array", "score_record",
    }  # fmt: skip
    assert all(getattr(pipeline, name) is not None for name in pipeline.__all__)


def test_scoring_waits_for_neither_torch_nor_prefect() -> None:
    code = """
import sys
from pipeline import Monitor
from pipeline.sources.synthetic import demo_ward, synthesise
record = synthesise(demo_ward(60.0)["synth/ventricular"], name="synth/ventricular", seconds=60.0, seed=1)
assert len(list(Monitor.pretrained().run(record))) > 20
found = sorted(sys.modules.keys() & {"torch", "prefect"})
sys.exit(repr(found) if found else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


# Each takes a second or 70 MB or more to import.
HEAVY = {
    "torch", "prefect", "sklearn", "scipy.signal", "scipy.stats", "scipy.special", "river.anomaly", "river.drift",
    "river.datasets", "river.stream", "matplotlib", "duckdb", "fastapi", "uvicorn",
}  # fmt: skip
SCORE = """
import sys
import numpy as np
from pipeline.detection.model import BeatModel
from pipeline.monitor import Monitor
from pipeline.records import Chunk
for file in sys.argv[1:]:
    signal, fs = np.load(file), float(file.split("-")[-2])
    monitor = Monitor(BeatModel.pretrained())
    leads, size = ("MLII", "V1")[: signal.shape[1]], round(7.5 * fs)
    parts = [
        monitor.process(Chunk("r", at, fs, leads, signal[at : at + size])) for at in range(0, len(signal), size)
    ]
    assert sum(len(part) for part in parts) > 20
"""


@pytest.fixture(scope="module")
def signals(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Signals of one and two leads, at rates with and without the search for pacing spikes."""
    out, name = [], "synth/ventricular"
    record = synthesise(demo_ward(60.0)[name], name=name, seconds=60.0, seed=1)
    whole = np.concatenate([chunk.signal for chunk in record.chunks()]).astype(np.float32)
    for leads, fs in ((2, record.fs), (1, record.fs), (2, 128.0), (1, 128.0)):
        at = np.round(np.arange(round(60.0 * fs)) * record.fs / fs).astype(int)
        file = tmp_path_factory.mktemp("signals") / f"{leads}-{fs:g}-.npy"
        np.save(file, np.asfortranarray(whole[np.minimum(at, len(whole) - 1), :leads]))
        out.append(str(file))
    return out


def test_scoring_imports_nothing_that_it_does_not_use(signals: list[str]) -> None:
    code = (
        SCORE
        + f"""
assert not sys.modules.keys() & {HEAVY | {"pandas", "pyarrow", "sqlalchemy", "wfdb", "requests"}}, "of a monitor"
import pipeline.scoring.batch
assert not sys.modules.keys() & {HEAVY | {"sqlalchemy"}}, "of a scoring process"
import pipeline.live.worker
found = sorted(sys.modules.keys() & {HEAVY})
sys.exit(repr(found) if found else 0)
"""
    )
    done = subprocess.run([sys.executable, "-c", code, signals[0]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_kind_of_stream_runs_the_same_machine_code(signals: list[str]) -> None:
    """A second layout or type of an argument would be compiled anew, in the middle of a patient's signal."""
    code = (
        SCORE
        + """
found = {
    f"{module.__name__}.{name}": len(value.signatures)
    for module in list(sys.modules.values()) if getattr(module, "__name__", "").startswith("pipeline.")
    for name, value in vars(module).items() if len(getattr(value, "signatures", [])) > 1
}
sys.exit(repr(found) if found else 0)
"""
    )
    done = subprocess.run([sys.executable, "-c", code, *signals], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_page_waits_for_no_torch_either() -> None:
    """It explains beats, and holds hundreds of megabytes less."""
    code = """
import sys
from functools import partial
from pipeline.detection.model import BeatModel
from pipeline.explain.witness import Witness
from pipeline.live.engine import Engine
from pipeline.web.app import create_app
from pipeline.web.desk import AlarmDesk
from pipeline.web.hub import Hub
from pipeline.sources.synthetic import demo_ward, synthesise
record = synthesise(demo_ward(60.0)["synth/ventricular"], name="synth/ventricular", seconds=60.0, seed=1)
witness = Witness(BeatModel.pretrained(), gates=False)
beats = [beat for found in witness.stream(record, seconds=0.2) for beat in found]
assert witness.explain(beats[-3].beat, gates=False).words
found = sorted(sys.modules.keys() & {"torch", "prefect"})
sys.exit(repr(found) if found else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
