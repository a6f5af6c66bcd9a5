"""What a newcomer reads: suggestions where a name is mistyped, and help that is made of sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result

from pipeline.cli import main

Run = Callable[..., Result]
FRAGMENTS = re.compile(r"(And|Or|Of|In|At|By|For|From|With|Where|How|Those|This|These|Which)\b")


def options(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    context = click.Context(command)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from options(found, (*path, name))
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield " ".join((*path, parameter.opts[0])), parameter.help or ""


def test_every_option_is_explained_in_a_sentence() -> None:
    wrong = [
        f"{name}: {text}"
        for name, text in options(main)
        if not re.match(r"[A-Z]", text) or FRAGMENTS.match(text) or not re.search(r"[.)\]]$", text)
    ]
    assert wrong == []


def test_a_mistyped_command_is_told_with_what_is_near(ecg: Run) -> None:
    ran = ecg("scor", "mitdb/208")
    assert ran.exit_code == 2
    assert "there is no command 'scor'; did you mean 'score'?" in ran.stderr
    ran = ecg("xyzzy")
    assert ran.exit_code == 2
    assert "`ecg-anomaly --help` lists them" in ran.stderr


def test_a_record_without_its_database_is_a_bad_argument_that_names_it(
    ecg: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "files" / "mitdb" / "1.0.0").mkdir(parents=True)
    monkeypatch.setenv("ECG_PHYSIONET_URL", str(tmp_path / "files"))
    ran = ecg("score", "208", "--out", tmp_path / "out")
    assert ran.exit_code == 2
    assert "did you mean 'mitdb/208'?" in ran.stderr
    assert not (tmp_path / "out").exists()
