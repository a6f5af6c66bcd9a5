from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

Process = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    "words",
    [
        ("fhir",),
        ("models", "list"),
        ("monitor", "--demo", "--tui"),
        ("monitor", "--demo", "--port", "0", "--no-browser"),
        ("monitor", "--metrics", "0"),
    ],
)
def test_settings_that_name_no_database_are_a_usage_error(
    process: Process, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("ECG_DATABASE_URL", "foo://user:secret@x")
    ran = process(*words)
    assert ran.returncode == 2
    assert "ECG_DATABASE_URL" in ran.stderr
    assert "sqlite:///FILE" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "secret" not in ran.stdout + ran.stderr
