from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pipeline.detection.lstm_autoencoder import LSTMAutoencoder
from pipeline.detection.model import DEFAULT_MODEL, BeatModel
from pipeline.detection.networks import save_model
from pipeline.detection.reading import Shape
from pipeline.detection.sequence.network import SequenceNetwork
from pipeline.errors import ModelError, PipelineError
from pipeline.learning.drifted import records_that_drifted
from pipeline.learning.promotion import (
    TRAINING_RECORDS,
    VALIDATION_RECORDS,
    compare,
    model_in_use,
    train_and_promote,
)
from pipeline.scoring import plan, run_jobs
from pipeline.settings import Settings
from pipeline.storage.database import Database, ModelStore
from tests.databases import write_database

pytestmark = pytest.mark.slow

KINDS = ("sinus", "ventricular", "bigeminy", "atrial", "afib")
TRAINING = [f"db/t{i}" for i in range(5)]
NOW = 1_795_531_736_000_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    write_database(root / "db" / "1.0.0", 480.0, {**{f"t{i}": kind for i, kind in enumerate(KINDS)}, "hard": "atrial"})
    return root


@pytest.fixture
def settings(site: Path, tmp_path: Path) -> Settings:
    return Settings(physionet_url=str(site), state_dir=tmp_path / "state", database_url="")


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose weights mean nothing."""
    torch.manual_seed(0)
    network = LSTMAutoencoder(Shape())
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(5)
    path = tmp_path_factory.mktemp("models") / "bad.safetensors"
    save_model(path, network.eval(), SequenceNetwork.untrained(), BeatModel.load(DEFAULT_MODEL).facts)
    return path


def test_the_better_model_is_told_from_the_worse(settings: Settings, bad: Path) -> None:
    assert compare(DEFAULT_MODEL, bad, ["db/hard"], settings).is_better
    assert not compare(bad, DEFAULT_MODEL, ["db/hard"], settings).is_better
    assert not compare(DEFAULT_MODEL, DEFAULT_MODEL, ["db/hard"], settings).is_better


def test_a_better_model_is_published_an_equal_one_is_not_and_the_old_one_can_be_put_back(
    settings: Settings, bad: Path
) -> None:
    with Database.open(settings.database) as database:
        store = ModelStore(database, settings.models)
        old = store.publish(bad, at_us=NOW)
        first = train_and_promote(TRAINING, ["db/hard"], store, settings, at_us=NOW + 1, epochs=1, sequence_passes=20)
        assert first.is_published
        assert BeatModel.load(model_in_use(settings)).checksum == first.checksum
        assert (settings.models / f"{first.checksum}.md").read_text().startswith("# Model card")
        second = train_and_promote(TRAINING, ["db/hard"], store, settings, at_us=NOW + 2, epochs=1, sequence_passes=20)
        assert not second.is_published  # the same training: equal, not better
        assert second.comparison.candidate == second.comparison.current == first.comparison.candidate
        assert second.current == first.checksum
        assert [version.state for version in store.versions()] == ["published", "archived"]
        assert store.versions()[0].published_at_us == NOW + 1
        store.restore(old.checksum, at_us=NOW + 3)
    assert BeatModel.load(model_in_use(settings)).checksum == old.checksum
    assert not list(settings.state_dir.glob("training-*"))


def test_nothing_is_trained_or_chosen_on_the_test_set(settings: Settings) -> None:
    with Database.open(settings.database) as database:
        store = ModelStore(database, settings.models)
        for records, validation, word in (
            (["mitdb/100", *TRAINING], ["db/hard"], "mitdb/100"),
            (TRAINING, ["mitdb/1.0.0/232"], "mitdb/232"),
            ([*TRAINING, "mitdb/102"], ["db/hard"], "mitdb/102"),
            (TRAINING, ["db/1.0.0/t3"], "db/t3"),
            (TRAINING, [], "no records"),
        ):
            with pytest.raises(ValueError, match=word):
                train_and_promote(records, validation, store, settings, at_us=NOW)
        assert store.versions() == []
    assert not set(TRAINING_RECORDS) & set(VALIDATION_RECORDS)


def test_records_that_tell_nothing_decide_nothing(settings: Settings) -> None:
    with pytest.raises(ModelError, match="ten annotated anomalies"):
        compare(DEFAULT_MODEL, DEFAULT_MODEL, ["db/t0"], settings)
    with pytest.raises(PipelineError, match="ghost"):
        compare(DEFAULT_MODEL, DEFAULT_MODEL, ["db/hard", "db/ghost"], settings)


def test_what_drifted_is_learnt_from_if_it_lies_here_and_may_be(settings: Settings, site: Path, tmp_path: Path) -> None:
    assert not [done.error for done in run_jobs(plan(["db"], tmp_path / "out", settings).jobs) if done.error]
    found = records_that_drifted(["ward/bed-1", "db/t2", "../x", "mitdb/100"], tmp_path / "out", settings)
    assert found[0] == "db/t2"
    assert set(found) <= {f"db/{name}" for name in ("t0", "t1", "t2", "t3", "t4", "hard")}
    assert "db/t2" not in records_that_drifted(["db/t2"], None, settings, known=["db/t2"])
    assert records_that_drifted(["db/t2", "db/t3"], None, settings, most=1) == ["db/t2"]
    folder = site / "db" / "1.0.0"
    assert records_that_drifted(["1.0.0/t4", "1.0.0/ghost"], None, settings, data_dir=folder) == ["t4"]


def test_a_patients_name_is_not_asked_for_over_the_network(tmp_path: Path) -> None:
    settings = Settings(physionet_url="http://127.0.0.1:9/", cache_dir=tmp_path / "cache", state_dir=tmp_path)
    assert records_that_drifted(["ward/somebody"], None, settings) == []
