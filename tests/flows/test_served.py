"""Deployments that are really served: schedules fire, events start a retraining, killed runs are marked and resumed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from flows.deployments import FILE
from flows.setup import DRIFTS, RETRAIN
from pipeline.announcing import DriftEvent, EventSender
from pipeline.detection.lstm_autoencoder import LSTMAutoencoder
from pipeline.detection.model import DEFAULT_MODEL, BeatModel
from pipeline.detection.networks import save_model
from pipeline.detection.reading import Shape
from pipeline.detection.sequence.network import SequenceNetwork
from pipeline.settings import Settings
from pipeline.storage import read_summary
from pipeline.storage.database import Database, ModelStore
from tests.prefect_server import ROOT, PrefectServer
from tests.waiting import wait_for

pytestmark = pytest.mark.slow


class House:
    """A folder where deployments are served: their file, their results, and the state of the project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings(state_dir=folder / "state", database_url="")
        self.pid = 0

    def runs(self, kind: str) -> list[Any]:
        with Database.open(self.settings.database) as database:
            return database.runs.newest(kind=kind)


@pytest.fixture(scope="module")
def house(prefect: PrefectServer, site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The project's own deployments on small databases, served as `make serve` does."""
    house = House(tmp_path_factory.mktemp("house"))
    document = yaml.safe_load(FILE.read_text())
    by_name = {f"{entry['entrypoint'].partition(':')[2]}/{entry['name']}": entry for entry in document["deployments"]}
    for entry in document["deployments"]:
        entry["entrypoint"] = str(ROOT / entry["entrypoint"])
        entry["schedules"] = []
    by_name["score/mitdb"] |= {
        "parameters": {"records": ["tinydb"], "out": str(house.folder / "scheduled")},
        "schedules": [{"interval": 15, "timezone": "Europe/Berlin"}],
    }
    # One run at a time is a deployment's rule, and the schedule's runs may go on for a while after its pause: what a
    # test starts by hand has a deployment of its own.
    by_name["score/by-hand"] = {**by_name["score/mitdb"], "name": "by-hand", "schedules": []}
    by_name["retrain_on_drift/drift"]["parameters"] = {
        "records": [f"traindb/t{i}" for i in range(5)],
        "validation": ["traindb/hard"],
        "epochs": 1,
        "sequence_passes": 2,
    }
    document["deployments"] = [
        by_name[name] for name in ("score/mitdb", "score/by-hand", "retrain_on_drift/drift", "check_monitor/monitor")
    ]
    file = house.folder / "prefect.yaml"
    file.write_text(yaml.safe_dump(document))
    environment = {"ECG_STATE_DIR": str(house.settings.state_dir), "ECG_PHYSIONET_URL": str(site)}
    # The current model is a bad one, so that any training improves on it.
    torch.manual_seed(0)
    network = LSTMAutoencoder(Shape())
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(5)
    bad = house.folder / "bad.safetensors"
    save_model(bad, network.eval(), SequenceNetwork.untrained(), BeatModel.load(DEFAULT_MODEL).facts)
    with Database.open(house.settings.database) as database:
        ModelStore(database, house.settings.models).publish(bad, at_us=1)
    with (
        (house.folder / "serve.log").open("wb") as log,
        prefect.process("-m", "flows.serve", "--file", file, log=log, environment=environment) as serving,
    ):
        house.pid = serving.pid
        yield house


def ended(prefect: PrefectServer, flow: str, *states: str) -> list[dict[str, Any]]:
    return [run for run in prefect.flow_runs(flow, deployed=True) if run["state_type"] in (states or ("COMPLETED",))]


def start(prefect: PrefectServer, deployment: str, **parameters: Any) -> str:
    flow, name = deployment.split("/")
    (found,) = prefect.ask(
        "/deployments/filter", deployments={"name": {"any_": [name]}}, flows={"name": {"any_": [flow]}}
    )
    answer = prefect.ask(f"/deployments/{found['id']}/create_flow_run", parameters=parameters)
    return str(answer["id"])


def run_of(prefect: PrefectServer, number: str) -> dict[str, Any]:
    (run,) = prefect.ask("/flow_runs/filter", flow_runs={"id": {"any_": [number]}})
    return dict(run)


@pytest.fixture(scope="module")
def scheduled(prefect: PrefectServer, house: House) -> dict[str, Any]:
    """The deployment with a schedule, which rests once one of its runs is completed."""

    def fired() -> list[dict[str, Any]]:
        return [run for run in ended(prefect, "score") if run["auto_scheduled"]]

    wait_for(fired, "a scheduled run")
    (deployment,) = prefect.ask("/deployments/filter", deployments={"name": {"any_": ["mitdb"]}})
    prefect.pause(deployment["id"])
    return dict(deployment)


def test_a_schedule_really_fires_and_a_zone_whose_clocks_change_is_warned_of(
    prefect: PrefectServer, house: House, scheduled: dict[str, Any]
) -> None:
    assert sorted(read_summary(house.folder / "scheduled").records) == ["tinydb/a", "tinydb/b"]
    assert scheduled["schedules"][0]["schedule"]["timezone"] == "Europe/Berlin"
    about = "in Europe/Berlin: clocks change there: Prefect starts a night's run an hour early in spring"
    assert f"schedule of score/mitdb {about}" in (house.folder / "serve.log").read_text()
    logged = prefect.ask("/logs/filter", logs={"level": {"ge_": 30}}, limit=200)
    assert any(f"schedule of mitdb {about}" in line["message"] for line in logged)
    assert "completed" in {run.state for run in house.runs("score")}


@pytest.mark.usefixtures("scheduled")
def test_drift_events_in_numbers_start_one_retraining_with_typed_parameters(
    prefect: PrefectServer, house: House
) -> None:
    about: dict[str, Any] = {"record": "tinydb/b", "source": "score", "before": 0.25, "after": None}
    events = [DriftEvent(**about, count=i + 1, time_s=i + 0.5) for i in range(DRIFTS)]
    with EventSender(prefect.url) as sender:
        for event in events:
            sender.send(event)
    assert sender.sent == DRIFTS
    wait_for(lambda: ended(prefect, RETRAIN.split("/")[0], "COMPLETED", "FAILED", "CRASHED"), "a retraining")
    (run,) = prefect.flow_runs("retrain-on-drift")
    assert run["state_type"] == "COMPLETED", run["state"]
    # Not the last one for certain: the scheduled runs have told of drift as well.
    assert run["parameters"]["drift"] in [event.model_dump() for event in events]
    assert run["parameters"]["epochs"] == 1
    (noted,) = house.runs("retrain")
    assert (noted.state, noted.facts["added"], noted.figures["published"]) == ("completed", ["tinydb/b"], True)
    with Database.open(house.settings.database) as database:
        current = ModelStore(database, house.settings.models).current()
    assert current is not None
    assert current.figures["macro.auprc"] > current.figures["before"]
    assert (house.settings.models / f"{current.checksum}.md").is_file()


def test_a_killed_run_is_marked_and_the_next_one_goes_on_with_what_is_left(
    prefect: PrefectServer, house: House
) -> None:
    out = house.folder / "killed"
    wanted = {"records": ["longdb"], "out": str(out), "workers": 1}
    first = start(prefect, "score/by-hand", **wanted)

    def written() -> list[Path]:
        state = run_of(prefect, first)["state"]
        assert state["type"] in ("SCHEDULED", "PENDING", "RUNNING"), state
        return list(out.glob("beats/**/*.parquet"))

    wait_for(written, "the first record")
    victim = next(pid for pid in children(house.pid) if first in command_of(pid))
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: run_of(prefect, first)["state_type"] == "CRASHED", "the mark")
    finished = {path: path.stat().st_mtime_ns for path in out.glob("beats/**/*.parquet")}
    assert 1 <= len(finished) < 6
    second = start(prefect, "score/by-hand", **wanted)
    wait_for(lambda: run_of(prefect, second)["state_type"] == "COMPLETED", "the second run")
    assert len(read_summary(out).records) == 6
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    by_number = {run.id: run for run in house.runs("score")}
    assert by_number[first].state == "crashed"
    assert by_number[second].figures["new"] == 6 - len(finished)


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text().split()]
    return found + [grand for child in found for grand in children(child)]


def command_of(pid: int) -> str:
    """What tells a flow run's process: Prefect puts the run's number into its environment."""
    return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
