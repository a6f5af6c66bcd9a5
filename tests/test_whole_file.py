"""Files appear whole whoever writes them at once, and folders of patients' data are one user's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.detection.model_file import read_model_file, write_model_file
from pipeline.detection.shipped import DEFAULT_MODEL
from pipeline.live.aside import Aside
from pipeline.settings import Settings
from pipeline.storage.database import Database, ModelStore
from pipeline.whole_file import private_folder, write_whole

WRITER = """
import os, sys, pathlib
from pipeline.whole_file import write_whole
path, letter = pathlib.Path(sys.argv[1]), sys.argv[2].encode()
for _ in range(40):
    write_whole(path, letter * 300_000)
"""


def test_processes_that_write_one_file_at_once_leave_one_of_theirs_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), letter]) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            data = path.read_bytes()
            assert data in (b"a" * 300_000, b"b" * 300_000)
            seen.add(data[:1])
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen
    assert list(tmp_path.iterdir()) == [path]


def test_a_model_is_written_by_no_name_that_another_writer_has(tmp_path: Path) -> None:
    model, path = read_model_file(Path(DEFAULT_MODEL)), tmp_path / "model.safetensors"
    theirs = tmp_path / f".{path.name}.part"
    theirs.write_bytes(b"half of theirs")
    write_model_file(path, model)
    assert theirs.read_bytes() == b"half of theirs"
    assert read_model_file(path).kind == model.kind
    assert sorted(tmp_path.iterdir()) == [theirs, path]


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"kept")
    (tmp_path / "file").symlink_to(tmp_path / "theirs")
    write_whole(tmp_path / "file", b"mine")
    assert (tmp_path / "theirs").read_bytes() == b"kept"
    assert not (tmp_path / "file").is_symlink()


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(TypeError):
        write_whole(tmp_path / "file", "text")  # type: ignore[arg-type]  # no bytes: it fails half-way
    assert (tmp_path / "file").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def _open_database(settings: Settings) -> None:
    Database.open(settings.database).close()


def _publish(settings: Settings) -> None:
    with Database.open(f"sqlite:///{settings.state_dir.parent / 'elsewhere' / 'ecg.db'}") as database:
        ModelStore(database, settings.models).publish(DEFAULT_MODEL, at_us=1)


def _set_aside(settings: Settings) -> None:
    assert Aside(settings.state_dir / "set-aside").keep("ward/a", ValueError("no"), b"state", at_us=1)


@pytest.mark.parametrize(
    ("use", "folder"), [(_open_database, "."), (_publish, "models"), (_set_aside, "set-aside")], ids=lambda value: ""
)
def test_folders_of_state_are_one_users(tmp_path: Path, use: Callable[[Settings], None], folder: str) -> None:
    before = os.umask(0o022)
    try:
        use(Settings(state_dir=tmp_path / "state"))
    finally:
        os.umask(before)
    assert (tmp_path / "state" / folder).stat().st_mode & 0o777 == 0o700


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(0o755)
    private_folder(tmp_path / "shared")
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o755
