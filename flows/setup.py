"""What Prefect's server is told once: limits, variables, automations. Telling it again changes nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.automations import Automation
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events import EventTrigger
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import AutomationCore, Posture
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.variables import Variable

from flows.check_monitor import URL_VARIABLE
from flows.deployments import FILE, load_deployments
from flows.limits import LIMITS, ensure_limits
from flows.server import answers
from pipeline.announcing import DriftEvent
from pipeline.announcing.events import RECORD_RESOURCE
from pipeline.errors import PipelineError

__all__ = ["DRIFTS", "RETRAIN", "WITHIN", "automations", "check_server", "set_up"]

RETRAIN = "retrain-on-drift/drift"
DRIFTS, WITHIN = 20, timedelta(days=1)
"""So many drift events in so long a time start a retraining: one patient's drift is that patient's threshold's work."""

SILENCE = timedelta(minutes=7)
"""A run whose process has not been heard of for so long is dead.

Served runs are heard of every 30 s, those of a worker, of a person and of other projects on the same server every
180 s, which is Prefect's default: two may be missed.
"""


def check_server() -> None:
    """Make sure that there is a standing server, and that it answers.

    Raises
    ------
    PipelineError
        If there is none, or it does not.
    """
    url = PREFECT_API_URL.value()
    if url is not None and not answers(url):
        raise PipelineError(f"Prefect's server does not answer at {url}: start it, or correct PREFECT_API_URL")
    if url is None:
        raise PipelineError(
            "there is no Prefect server to set up: start one with `prefect server start` and set "
            "PREFECT_API_URL=http://127.0.0.1:4200/api, or let `make serve` do both"
        )


def set_up(file: Path = FILE) -> dict[str, str]:
    """Declare limits, variables and automations; return each with what was done: ``made``, ``kept`` or ``updated``.

    A variable that is there keeps its value and a limit its number. An automation is brought up to date and stays
    switched off where somebody has done so.

    Raises
    ------
    PipelineError
        If there is no standing server, or it does not answer.
    """
    check_server()
    done: dict[str, str] = {}
    with get_client(sync_client=True) as client:
        made = ensure_limits(client)
        done |= {f"limit {name}": "made" if name in made else "kept" for name in (limit.name for limit in LIMITS)}
        done[f"variable {URL_VARIABLE}"] = _variable(URL_VARIABLE, "")
        for automation in automations(_deployment_id(client, file)):
            done[f"automation {automation.name}"] = _automation(client, automation)
    return done


def automations(retrain: UUID) -> list[Automation]:
    """Return the automations, given the number of the deployment that retrains."""
    # Templates render as text. This renders as JSON and is parsed, so a number arrives as a number.
    template = {"__prefect_kind": "jinja", "template": "{{ event.payload | tojson }}"}
    payload = {"__prefect_kind": "json", "value": template}
    heartbeat = "prefect.flow-run.heartbeat"
    ends = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed")}
    return [
        Automation(
            name="ecg-retrain-on-drift",
            description=f"{DRIFTS} drift events within {WITHIN} start {RETRAIN}.",
            trigger=EventTrigger(
                expect={DriftEvent.name},
                match={"prefect.resource.id": f"{RECORD_RESOURCE}*"},
                posture=Posture.Reactive,
                threshold=DRIFTS,
                within=WITHIN,
            ),
            actions=[RunDeployment(deployment_id=retrain, parameters={"drift": payload})],
        ),
        Automation(
            name="ecg-mark-dead-runs",
            description="A flow run whose process has died without a word is marked as crashed.",
            trigger=EventTrigger(
                after={heartbeat},
                expect={heartbeat, *ends},
                match={"prefect.resource.id": "prefect.flow-run.*"},
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=SILENCE,
            ),
            actions=[ChangeFlowRunState(state=StateType.CRASHED, message="its process has not been heard of")],
        ),
    ]


def _deployment_id(client: SyncPrefectClient, file: Path) -> UUID:
    """Return the number of the deployment that retrains, registering it where nobody has yet."""
    try:
        return client.read_deployment_by_name(RETRAIN).id
    except ObjectNotFound:
        for deployment in load_deployments(file):
            if f"{deployment.flow_name}/{deployment.name}" == RETRAIN:
                made: Any = deployment.apply()
                return UUID(str(made))
        raise PipelineError(f"{file} declares no deployment {RETRAIN}") from None


def _variable(name: str, value: str) -> str:
    if Variable.get(name) is not None:
        return "kept"
    Variable.set(name, value)
    return "made"


def _automation(client: SyncPrefectClient, wanted: Automation) -> str:
    core = AutomationCore.model_validate(wanted.model_dump(exclude={"id", "owner_resource"}))
    there = client.read_automations_by_name(wanted.name)
    if not there:
        client.create_automation(core)
        return "made"
    old = AutomationCore.model_validate(there[0].model_dump(exclude={"id", "owner_resource"}))
    core = core.model_copy(update={"enabled": old.enabled})
    if core == old:
        return "kept"
    client.update_automation(there[0].id, core)
    return "updated"
