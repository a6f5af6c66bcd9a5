from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pipeline.detection.model import DEFAULT_MODEL, BeatModel
from pipeline.errors import ModelError, OutputError
from pipeline.storage.database import Database, ModelStore, current_model
from pipeline.storage.files import replace_file
from tests.waiting import PATIENCE_S


def make_model(folder: Path, value: float, *, card: str | None = None) -> Path:
    path = folder / f"model-{value}.safetensors"
    save_file({"weight": np.full(4, value, dtype=np.float32)}, path)
    if card is not None:
        path.with_suffix(".md").write_text(card)
    return path


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def store(database: Database, tmp_path: Path) -> ModelStore:
    return ModelStore(database, tmp_path / "models")


def agree(store: ModelStore) -> str:
    """Return the checksum of the current model, on which table, pointer and file agree."""
    (published,) = [version for version in store.versions() if version.state == "published"]
    path = current_model(store.folder)
    assert path is not None
    assert store.current() == published
    assert store.pointer == published.checksum == path.stem == checksum(path)
    assert (store.folder / published.key) == path
    return published.checksum


def test_a_published_model_is_the_current_one_whole_with_card_and_figures(store: ModelStore, tmp_path: Path) -> None:
    file = make_model(tmp_path, 1.0, card="# Card")
    version = store.publish(file, at_us=5, figures={"macro.auroc": 0.98})
    assert (version.figures, version.state, version.published_at_us) == ({"macro.auroc": 0.98}, "published", 5)
    assert store.versions() == [version]
    assert agree(store) == checksum(file)
    assert (store.folder / f"{version.checksum}.md").read_text() == "# Card"
    np.testing.assert_array_equal(load_file(store.folder / version.key)["weight"], np.ones(4, dtype=np.float32))


def test_the_model_that_ships_can_be_published_and_read(store: ModelStore) -> None:
    store.publish(DEFAULT_MODEL, at_us=1)
    path = current_model(store.folder)
    assert path is not None
    assert BeatModel.load(path).checksum == agree(store)


def test_without_a_published_model_there_is_none(store: ModelStore) -> None:
    assert (store.versions(), store.current(), store.pointer, current_model(store.folder)) == ([], None, None, None)


def test_exactly_one_is_current_and_an_old_one_can_be_put_back(store: ModelStore, tmp_path: Path) -> None:
    first, second, third = (store.publish(make_model(tmp_path, v), at_us=i) for i, v in enumerate((1.0, 2.0, 3.0)))
    assert agree(store) == third.checksum
    restored = store.restore(first.checksum[:8].upper(), at_us=10)
    assert agree(store) == restored.checksum == first.checksum
    assert [(v.checksum, v.state) for v in store.versions()] == [
        (first.checksum, "published"),
        (third.checksum, "archived"),
        (second.checksum, "archived"),
    ]


def test_publishing_the_same_model_again_makes_no_second_version(store: ModelStore, tmp_path: Path) -> None:
    file = make_model(tmp_path, 1.0)
    store.publish(file, at_us=1, figures={"auroc": 0.1})
    store.publish(make_model(tmp_path, 2.0), at_us=2)
    store.publish(file, at_us=3, figures={"auroc": 0.2})
    assert [version.figures for version in store.versions()] == [{"auroc": 0.2}, {}]
    assert agree(store) == checksum(file)


def test_a_checksum_that_names_none_or_is_too_short_is_refused(store: ModelStore, tmp_path: Path) -> None:
    version = store.publish(make_model(tmp_path, 1.0), at_us=1)
    for wrong in ("", version.checksum[:3], "0" * 64, "%", "nonsense"):
        with pytest.raises(ModelError, match="models list"):
            store.restore(wrong, at_us=2)


@pytest.mark.parametrize("what", ["missing", "cut", "empty", "text", "pickle"])
def test_a_file_that_is_no_whole_model_is_never_published(store: ModelStore, tmp_path: Path, what: str) -> None:
    good = store.publish(make_model(tmp_path, 1.0), at_us=1)
    file = tmp_path / "bad.safetensors"
    whole = make_model(tmp_path, 2.0).read_bytes()
    contents = {"cut": whole[:-3], "empty": b"", "text": b"weights " * 9, "pickle": b"\x80\x04N."}
    if what != "missing":
        file.write_bytes(contents[what])
    with pytest.raises(ModelError, match=r"bad\.safetensors"):
        store.publish(file, at_us=2)
    assert agree(store) == good.checksum


def test_a_stored_model_that_is_gone_or_changed_is_not_put_back(store: ModelStore, tmp_path: Path) -> None:
    old = store.publish(make_model(tmp_path, 1.0), at_us=1)
    new = store.publish(make_model(tmp_path, 2.0), at_us=2)
    path = store.folder / old.key
    path.write_bytes((store.folder / new.key).read_bytes())
    with pytest.raises(ModelError, match="not those that were published"):
        store.restore(old.checksum, at_us=3)
    path.unlink()
    with pytest.raises(ModelError, match="does not exist"):
        store.restore(old.checksum, at_us=3)
    assert agree(store) == new.checksum
    (store.folder / new.key).unlink()
    with pytest.raises(ModelError, match="is gone"):
        current_model(store.folder)


def test_a_full_disk_leaves_the_current_model_current(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = store.publish(make_model(tmp_path, 1.0), at_us=1)

    def full(path: Path, write: Callable[[Path], object]) -> None:
        if path.name == "current":
            raise OSError(28, "No space left on device")
        replace_file(path, write)

    monkeypatch.setattr("pipeline.storage.database.models.replace_file", full)
    with pytest.raises(OutputError, match="No space left"):
        store.publish(make_model(tmp_path, 2.0), at_us=2)
    assert agree(store) == old.checksum


PUBLISH = """
import sys
from pathlib import Path
from pipeline.storage.database import Database, ModelStore, models
url, folder, kill, *files = sys.argv[1:]
if kill == "kill":
    original = models.replace_file
    def replace_file(path, write):
        original(path, write)
        if path.name == "current":
            import os, signal
            os.kill(os.getpid(), signal.SIGKILL)
    models.replace_file = replace_file
with Database.open(url) as database:
    for i, file in enumerate(files):
        ModelStore(database, folder).publish(file, at_us=i)
"""


def test_publishers_that_are_at_it_at_once_leave_one_current(
    url: str, tmp_path: Path, together: Callable[[str, Sequence[Sequence[str]]], None]
) -> None:
    files = [str(make_model(tmp_path, float(value))) for value in range(12)]
    together(PUBLISH, [[url, str(tmp_path / "models"), "", *files[i::3]] for i in range(3)])
    with Database(url) as database:
        store = ModelStore(database, tmp_path / "models")
        assert len(store.versions()) == 12
        agree(store)


def test_a_publisher_that_is_killed_leaves_a_whole_model_and_the_next_one_puts_all_right(
    url: str, tmp_path: Path
) -> None:
    old, new = make_model(tmp_path, 1.0), make_model(tmp_path, 2.0)
    with Database.open(url) as database:
        store = ModelStore(database, tmp_path / "models")
        store.publish(old, at_us=1)
        command = [sys.executable, "-c", PUBLISH, url, str(store.folder), "kill", str(new)]
        assert subprocess.run(command, env=os.environ, timeout=PATIENCE_S, check=False).returncode == -signal.SIGKILL
        current = store.current()
        path = current_model(store.folder)
        assert current is not None
        assert path is not None
        assert current.checksum == checksum(old)  # the table: nothing has happened
        assert store.pointer == checksum(new) == checksum(path)  # the pointer: a whole model
        store.publish(new, at_us=2)
        assert agree(store) == checksum(new)
