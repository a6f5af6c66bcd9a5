"""What README and pages show can be pasted: their Python runs, their commands are commands with these options."""

from __future__ import annotations

import re
import shlex
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import edfio
import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.settings import Settings
from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (*sorted(ROOT.glob("*.md")), ROOT / "deploy" / "RUNBOOK.md", *sorted((ROOT / "docs").rglob("*.md")))
}
ELSEWHERE = {
    "docs/recipes.md"
}  # its Python takes what users have: tests/test_recipes.py runs it and looks at what comes
PYTHON = {
    name: blocks
    for name, text in PAGES.items()
    if name not in ELSEWHERE and (blocks := re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE))
}
LINES = {
    name: [shlex.split(line, comments=True) for line in lines]
    for name, text in PAGES.items()
    if (lines := re.findall(r"^ *\$ (.*)$", text, flags=re.MULTILINE))
}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def commands(name: str) -> list[list[str]]:
    """Return what follows ``ecg-anomaly`` in the lines of a page."""
    lines = [[Path(words[0]).name, *words[1:]] for words in LINES[name]]
    return [words[1:] for words in lines if words[0] == "ecg-anomaly"]


def write_files(folder: Path) -> None:
    """Write the files that the examples name: two leads of a minute, as a table and as EDF."""
    patient = synthesise(demo_ward(60.0)["synth/sinus"], name="synth/sinus", seconds=60.0, seed=1, fs=250.0)
    signal = np.concatenate([chunk.signal for chunk in patient.chunks()]).astype(np.float64)
    pd.DataFrame(signal, columns=["II", "V1"]).to_csv(folder / "ecg.csv", index=False)
    leads = [
        edfio.EdfSignal(signal[:, i], 250.0, label=f"ECG {name}", physical_dimension="mV", physical_range=(-40, 40))
        for i, name in enumerate(("II", "V1"))
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        edfio.Edf(leads).write(folder / "night.edf")


def test_there_are_pages_with_examples() -> None:
    assert {"README.md", "docs/tutorial.md", "docs/how-to/own-records.md"} <= PYTHON.keys()
    assert sum(map(len, LINES.values())) > 60


@pytest.mark.parametrize("name", PYTHON)
def test_python_of_a_page_runs(
    name: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if any("mitdb/" in source for source in PYTHON[name]):
        request.getfixturevalue("mirror")
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    for source in PYTHON[name]:
        exec(compile(source, name, "exec"), {"__name__": name})  # noqa: S102 - the page's own code
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("name", LINES)
def test_commands_of_a_page_are_taken(name: str) -> None:
    for words in commands(name):
        command: click.Command = main
        context = click.Context(command, info_name="ecg-anomaly")
        rest = list(words)
        while isinstance(command, click.Group):
            inner, found, rest = command.resolve_command(context, rest)
            assert found is not None
            command = found
            context = click.Context(command, info_name=inner, parent=context)
        command.make_parser(context).parse_args(rest)
    for program, *rest in LINES[name]:
        if program == "make":
            assert {word for word in rest if "=" not in word} <= TARGETS
        if rest[:1] == ["-m"]:
            assert find_spec(rest[1]) is not None


def test_the_format_of_the_page_reads_its_file(tmp_path: Path) -> None:
    from pipeline.sources.foreign.base import ReadOptions

    (source,) = PYTHON["docs/how-to/new-format.md"]
    space: dict[str, Any] = {"__name__": "page"}
    exec(compile(source, "new-format.md", "exec"), space)  # noqa: S102 - the page's own code
    path = tmp_path / "bed.raw16"
    path.write_bytes(np.array([1000, -32768, -7], dtype="<i2").tobytes())
    opened = space["open_raw16"](path, ReadOptions())
    (block,) = opened.blocks([0])
    np.testing.assert_array_equal(block[:, 0], [1000.0, np.nan, -7.0])
    assert (opened.signals[0].units, opened.signals[0].fs) == ("uV", 250.0)
    assert space["RAW16"].function == "open_raw16"


def explained(name: str) -> list[dict[str, Any]]:
    """Return the options of the examples of ``explain`` on a page."""
    from pipeline.cli.commands.explain import command

    shown = [command.make_context("explain", words[1:]).params for words in commands(name) if words[0] == "explain"]
    assert shown
    return shown


def test_the_explained_beat_is_an_anomaly(mirror: Settings) -> None:
    """A newcomer who pastes an example of `explain` learns why a beat was flagged, not that it was not."""
    from pipeline import open_record
    from pipeline.explain.replay import explain

    for options in explained("docs/how-to/why.md"):
        told = explain(open_record(options["record"], settings=mirror), options["beat"], time_s=options["time_s"])
        assert told.scored.is_anomaly


def test_the_explained_beat_of_the_tutorial_is_an_anomaly_of_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline import open_record
    from pipeline.cli.commands.demo import command
    from pipeline.explain.replay import explain

    demo = command.make_context("demo", []).params
    monkeypatch.chdir(tmp_path)
    seconds = 60.0 * demo["minutes"]
    name = "synth/ventricular"
    patient = synthesise(demo_ward(seconds)[name], name=name, fs=360.0, seconds=seconds, seed=demo["seed"])
    write_wfdb(patient, demo["out"] / "records" / "synth")  # as the demo does
    for options in explained("docs/tutorial.md"):
        told = explain(open_record(options["record"], data_dir=options["data_dir"]), time_s=options["time_s"])
        assert told.scored.is_anomaly
        assert not told.scored.learning
