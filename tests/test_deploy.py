"""What ships to operate it by: commands, settings and metrics that it names are those that there are."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from pipeline.cli import main
from pipeline.detection.rules import RULES
from pipeline.setting_names import unknown_variables
from pipeline.web.metrics import Metrics

DEPLOY = Path(__file__).parents[1] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "ecg-monitor.json").read_text())
RUNBOOK = (DEPLOY / "RUNBOOK.md").read_text()


def metrics() -> set[str]:
    """Return the names that ``/metrics`` has, those of a histogram's parts among them."""
    text = Metrics().render().decode()
    names = set(re.findall(r"^# TYPE (\S+) ", text, flags=re.MULTILINE))
    return names | set(re.findall(r"^(ecg_\w+)", text, flags=re.MULTILINE))


def taken(words: list[str]) -> None:
    """Parse the words of a command of this project as it would."""
    command: click.Command = main
    context = click.Context(command, info_name="ecg-anomaly")
    name, found, rest = main.resolve_command(context, words)
    assert found is not None
    found.make_parser(click.Context(found, info_name=name, parent=context)).parse_args(list(rest))


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
def test_the_dashboard_asks_for_metrics_that_there_are(panel: dict[str, Any]) -> None:
    asked = {name for target in panel["targets"] for name in re.findall(r"\becg_\w+", target["expr"])}
    assert asked
    known = metrics()
    assert {name.removesuffix("_bucket") for name in asked} <= known | {f"{name}_total" for name in known}


def test_the_runbook_knows_every_metric_and_every_technical_alarm() -> None:
    families = set(re.findall(r"^# TYPE (\S+) ", Metrics().render().decode(), flags=re.MULTILINE))
    families = {name for name in families if not name.endswith("_created")}
    assert {name for name in families if f"`{name}`" not in RUNBOOK} == set()
    assert {rule.kind for rule in RULES.values() if not rule.physiological and f"`{rule.kind}`" not in RUNBOOK} == set()
    assert set(re.findall(r"`(ecg_\w+)`", RUNBOOK)) <= families  # and no other


def test_compose_runs_commands_and_settings_that_there_are() -> None:
    for name, service in COMPOSE["services"].items():
        environment = service.get("environment", {})
        assert unknown_variables(environment) == [], name
        if service["image"] == "ecg-anomaly" and "entrypoint" not in service:
            taken([re.sub(r"\$\{\w+[^}]*\}", "x" * 20, word) for word in service["command"]])
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"]), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / source).exists(), volume
    # What is reached from elsewhere asks for a token; the rest is on loopback alone.
    beyond = {port for one in COMPOSE["services"].values() for port in one.get("ports", ()) if "127.0.0.1" not in port}
    assert beyond == {"4222:4222", "1883:1883"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_starts_a_command_that_there_is_and_is_fenced_in(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text()
    (start,) = re.findall(r"^ExecStart=(.*)$", text, flags=re.MULTILINE)
    program, *words = shlex.split(start)
    if program.endswith("ecg-anomaly"):
        taken(words)
    else:
        assert words == ["-m", "flows.serve"]
    (environment,) = re.findall(r"^Environment=(.*)$", text, flags=re.MULTILINE)
    assert unknown_variables(pair.split("=")[0] for pair in environment.split()) == []
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    # As on a machine where the program is installed.
    copy = tmp_path / unit.name
    copy.write_text(text.replace(program, "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if unit.name in line] == []


def test_the_image_holds_what_its_steps_copy() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    root = DEPLOY.parent
    for line in re.findall(r"^COPY (.*)$", text, flags=re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (root / source).exists(), source
    environment = re.findall(r"\b(ECG_\w+)=", text)
    assert environment
    assert unknown_variables(environment) == []
