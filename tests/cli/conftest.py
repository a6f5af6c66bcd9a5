from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import wfdb
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.live.broker import Broker
from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb
from tests.services import NatsServer

COMMAND = str(Path(sys.executable).with_name("ecg-anomaly"))


@pytest.fixture(scope="session")
def command() -> str:
    """The installed command."""
    return COMMAND


@pytest.fixture
def ecg() -> Iterator[Callable[..., Result]]:
    """Run the command in this process; what is not one of its own errors is raised."""
    before = signal.getsignal(signal.SIGTERM)
    yield lambda *arguments: CliRunner().invoke(main, [str(word) for word in arguments], catch_exceptions=False)
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command as a person does."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        words = [COMMAND, *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, timeout=250, check=False)

    return run


@pytest.fixture(scope="session")
def unprivileged() -> list[str]:
    """Words before a command that must not get past the modes of files, as root does."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root reads every file: run as another user, or install util-linux")
    rights = "-dac_override,-dac_read_search"
    return ["setpriv", f"--inh-caps={rights}", f"--bounding-set={rights}"]


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good records, ``sinus`` and ``ventricular``, among every kind of bad one."""
    folder = tmp_path_factory.mktemp("data") / "ward"
    for name, seconds in (("sinus", 60.0), ("ventricular", 330.0)):
        write_wfdb(synthesise(demo_ward(seconds)[f"synth/{name}"], name=name, seconds=seconds, seed=3), folder)
    (folder / "RECORDS").unlink()
    hea, dat, atr = ((folder / f"sinus.{ending}").read_bytes() for ending in ("hea", "dat", "atr"))
    broken = {
        "cutdat": (hea, dat[:-1001], atr),
        "flipped": (hea, dat[:5000] + b"\x55" * 100 + dat[5100:], atr),
        "cutatr": (hea, dat, atr[:-2]),
        "emptyhea": (b"", dat, atr),
        "emptydat": (hea, b"", atr),
        "format": (hea.replace(b".dat 16", b".dat 999"), dat, atr),
        "rate": (hea.replace(b" 360", b" 40"), dat, atr),
    }
    for name, files in broken.items():
        for ending, content in zip(("hea", "dat", "atr"), files, strict=True):
            is_header = ending == "hea"
            written = content.replace(b"sinus", name.encode()) if is_header else content
            (folder / f"{name}.{ending}").write_bytes(written)
    with np.errstate(invalid="ignore"):
        wfdb.wrsamp(
            "nothing", 360, ["mV", "mV"], ["MLII", "V1"], np.full((7200, 2), np.nan), fmt=["16", "16"],
            adc_gain=[200, 200], baseline=[0, 0], write_dir=str(folder),
        )  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def long_ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight records, ``p0`` to ``p7``, that take a while to score."""
    folder = tmp_path_factory.mktemp("data") / "long"
    write_wfdb(synthesise(demo_ward(600.0)["synth/ventricular"], name="p0", seconds=600.0, seed=1), folder)
    (folder / "RECORDS").unlink()
    for path in list(folder.iterdir()):
        content = path.read_bytes()
        for name in (f"p{i}" for i in range(1, 8)):
            is_header = path.suffix == ".hea"
            path.with_stem(name).write_bytes(content.replace(b"p0", name.encode()) if is_header else content)
    return folder


@pytest.fixture(scope="session")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker's address, with half a minute of two patients in its stream; who reads it changes nothing there."""
    server = NatsServer(tmp_path_factory.mktemp("stream"))
    server.start()
    try:
        with Broker([server.url]) as broker:
            broker.make_stream()
        words = ["replay", "--ward", "2", "--minutes", "0.5", "--speed", "10", "--to", server.url]
        ran = CliRunner().invoke(main, words, catch_exceptions=False)
        assert ran.exit_code == 0, ran.output
        yield server.url
    finally:
        server.kill()
