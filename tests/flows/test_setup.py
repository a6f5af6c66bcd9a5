from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.events.schemas.automations import AutomationCore
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.settings.models.flows import FlowsSettings
from prefect.variables import Variable

from flows.check_monitor import URL_VARIABLE
from flows.deployments import FILE, load_deployments
from flows.limits import PHYSIONET
from flows.serve import HEARTBEAT_S
from flows.setup import SILENCE, set_up
from pipeline.cli import main as cli
from pipeline.errors import PipelineError
from tests.prefect_server import ROOT, PrefectServer
from tests.services import free_port

NAMES = {
    "check-monitor/monitor",
    "evaluate/ds2",
    "report/weekly",
    "retrain-on-drift/drift",
    "score/mitdb",
    "sync-records/mitdb",
    "train/ds1",
}


def test_setting_up_again_changes_nothing_that_somebody_has_set(prefect: PrefectServer) -> None:
    set_up()
    assert set(set_up().values()) == {"kept"}
    variable: Any = Variable
    variable.set(URL_VARIABLE, "http://127.0.0.1:8080", overwrite=True)
    with get_client(sync_client=True) as client:
        client.update_global_concurrency_limit(PHYSIONET, GlobalConcurrencyLimitUpdate(limit=9))
        (automation,) = client.read_automations_by_name("ecg-retrain-on-drift")
        older = {"enabled": False, "description": "of an older version"}
        changed = AutomationCore.model_validate({**automation.model_dump(exclude={"id", "owner_resource"}), **older})
        client.update_automation(automation.id, changed)
        done = set_up()
        assert done["automation ecg-retrain-on-drift"] == "updated"
        (after,) = client.read_automations_by_name("ecg-retrain-on-drift")
        assert (after.enabled, after.description) == (False, automation.description)
        assert client.read_global_concurrency_limit_by_name(PHYSIONET).limit == 9
    assert variable.get(URL_VARIABLE) == "http://127.0.0.1:8080"
    variable.set(URL_VARIABLE, "", overwrite=True)
    assert set(set_up().values()) == {"kept"}


def test_no_living_run_is_silent_for_as_long_as_a_dead_one() -> None:
    default = FlowsSettings.model_fields["heartbeat_frequency"].default
    assert SILENCE.total_seconds() > 2 * max(HEARTBEAT_S, default)


def test_the_command_sets_up_and_says_what_it_did(prefect: PrefectServer) -> None:
    ran = CliRunner().invoke(cli, ["setup-prefect", "--json"], catch_exceptions=False)
    assert ran.exit_code == 0
    assert {name.partition(" ")[0] for name in json.loads(ran.stdout)} == {"limit", "variable", "automation"}
    assert "setup-prefect" in CliRunner().invoke(cli, ["--help"]).stdout


def test_a_schedule_in_a_zone_whose_clocks_change_is_warned_of(prefect: PrefectServer, tmp_path: Path) -> None:
    text = FILE.read_text().replace("entrypoint: ", f"entrypoint: {ROOT}/")
    (tmp_path / "prefect.yaml").write_text(text.replace("timezone: Etc/UTC", "timezone: America/New_York", 1))
    ran = CliRunner().invoke(cli, ["setup-prefect", "--file", str(tmp_path / "prefect.yaml")], catch_exceptions=False)
    assert ran.exit_code == 0
    (line,) = [line for line in ran.stderr.splitlines() if "America/New_York: clocks change there" in line]
    assert line.startswith("Warning: schedule of ")
    assert "Etc/UTC" not in ran.stderr


def test_without_a_server_it_says_how_to_get_one() -> None:
    with temporary_settings({PREFECT_API_URL: None}), pytest.raises(PipelineError, match="make serve"):
        set_up()
    nobody = f"http://127.0.0.1:{free_port()}/api"
    with temporary_settings({PREFECT_API_URL: nobody}), pytest.raises(PipelineError, match="does not answer"):
        set_up()


def test_every_deployment_is_described_and_its_parameters_are_valid() -> None:
    deployments = load_deployments()
    assert {f"{one.flow_name}/{one.name}" for one in deployments} == NAMES
    for one in deployments:
        assert one.description
        assert "ecg" in one.tags
        assert one.enforce_parameter_schema
        schema = one._parameter_openapi_schema
        assert set(one.parameters) <= set(schema.properties)
        assert set(schema.required) - set(one.parameters) <= {"drift"}  # which the event brings
    schedules: list[Any] = [each.schedule for one in deployments for each in one.schedules or ()]
    assert {type(schedule).__name__ for schedule in schedules} == {"CronSchedule", "IntervalSchedule"}
    assert all(schedule.timezone for schedule in schedules)


def test_a_file_without_deployments_says_so(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"nothing\.yaml"):
        load_deployments(tmp_path / "nothing.yaml")


@pytest.mark.slow
def test_every_deployment_of_the_file_goes_into_a_work_pool_and_a_worker_runs_them(
    prefect: PrefectServer, state_dir: Path
) -> None:
    environment = {"PWD": str(ROOT), "ECG_STATE_DIR": str(state_dir)}
    prefect.post("/work_pools/", {"name": "ecg", "type": "process"})
    said = prefect.run(
        "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", FILE, environment=environment
    )
    assert "error" not in said.lower(), said
    there = prefect.ask("/deployments/filter", work_pools={"name": {"any_": ["ecg"]}})
    assert len(there) == len(NAMES)
    assert all(one["description"] and one["enforce_parameter_schema"] for one in there)
    assert {one["pull_steps"][0]["prefect.deployments.steps.set_working_directory"]["directory"] for one in there} == {
        str(ROOT)
    }
    (check,) = (one for one in there if one["name"] == "monitor")
    run = prefect.ask(f"/deployments/{check['id']}/create_flow_run", parameters={})
    prefect.run("-m", "prefect", "worker", "start", "--pool", "ecg", "--run-once", environment=environment)
    (after,) = prefect.ask("/flow_runs/filter", flow_runs={"id": {"any_": [run["id"]]}})
    assert after["state"]["name"] == "NothingToCheck", after["state"]  # no monitor is named
    assert "no monitor; `prefect variable set" in after["state"]["message"]
