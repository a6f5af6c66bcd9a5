"""What the README shows can be pasted: its Python runs, its commands are commands with these options."""

from __future__ import annotations

import re
import shlex
import warnings
from pathlib import Path

import click
import edfio
import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.settings import Settings
from pipeline.sources.synthetic import demo_ward, synthesise

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [
    shlex.split(line, comments=True)
    for line in re.findall(r"^\$ (?:\.venv/bin/)?ecg-anomaly (.*)$", README, flags=re.MULTILINE)
]


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


@pytest.mark.parametrize("source", PYTHON, ids=range(len(PYTHON)))
def test_python_of_the_readme_runs(
    source: str, mirror: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(source, "README.md", "exec"), {})  # noqa: S102 - the README's own code
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_of_the_readme_are_taken(words: list[str]) -> None:
    command: click.Command = main
    context = click.Context(command, info_name="ecg-anomaly")
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
        context = click.Context(command, info_name=name, parent=context)
    command.make_parser(context).parse_args(list(words))


def test_the_explained_beat_is_an_anomaly(mirror: Settings) -> None:
    """A newcomer who pastes an example of `explain` learns why a beat was flagged, not that it was not."""
    from pipeline import open_record
    from pipeline.cli.commands.explain import command
    from pipeline.explain.replay import explain

    shown = [words for words in COMMANDS if words[0] == "explain"]
    assert shown
    for words in shown:
        options = command.make_context("explain", words[1:]).params
        told = explain(open_record(options["record"], settings=mirror), options["beat"], time_s=options["time_s"])
        assert told.scored.is_anomaly
