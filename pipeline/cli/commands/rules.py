"""``ecg-anomaly rules``."""

from __future__ import annotations

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import json_option, read_settings

EPILOG = """
Examples:
  ecg-anomaly rules
  ECG_ALARMS__TACHY_BPM=140 ecg-anomaly rules
  ecg-anomaly rules --json

A rule is changed in ecg-anomaly.toml:
  [alarms]
  k = 3                         # a number that rules share
  [alarms.rules.couplet]
  enabled = false
  [alarms.rules."ventricular run"]
  refractory_s = 10
"""


@click.command("rules", cls=PipelineCommand, epilog=EPILOG)
@json_option
def command(as_json: bool) -> None:
    """Show when a person is told: the alarm rules as the settings have them.

    Rules of one cause share an episode, which is told again only at a higher priority. It ends when its condition has
    been gone for so long; if it is back so soon after, it goes on and nobody is told anew.
    """
    from rich.table import Table

    from pipeline.cli.display import show_json, show_table
    from pipeline.detection.rules import RULES, rules_in_force

    alarms = read_settings().alarms
    try:
        in_force = rules_in_force(alarms)
    except ValueError as error:
        raise click.UsageError(f"setting alarms.rules: {error}") from error
    numbers = alarms.model_dump()
    rows = [
        {
            "rule": kind,
            "priority": in_force[kind].priority if kind in in_force else "off",
            "about": "heart" if rule.physiological else "signal",
            "cause": rule.cause,
            "calm_s": in_force[kind].calm_s if kind in in_force else None,
            "refractory_s": in_force[kind].refractory_s if kind in in_force else None,
            "raised": rule.meaning.format(**numbers),
        }
        for kind, rule in RULES.items()
    ]
    if as_json:
        show_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("rule", "priority", "about", "ends", "back", "raised at"):
        table.add_column(name, overflow="fold", no_wrap=name == "rule")
    for row in rows:
        ends, back = ("" if row[name] is None else f"{row[name]:g} s" for name in ("calm_s", "refractory_s"))
        words = (str(row[name]) for name in ("rule", "priority", "about"))
        table.add_row(*words, ends, back, str(row["raised"]))
    show_table(table)
