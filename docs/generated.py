"""The reference pages that are written from the code: commands, settings, alarm rules, formats."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import click
from click.testing import CliRunner
from pydantic import BaseModel
from pydantic.fields import FieldInfo

__all__ = ["commands_page", "formats_page", "pages", "rules_page", "settings_page"]

WIDTH = 100  # columns of a help text
SHOWN = {"cache_dir": "the user's cache folder", "state_dir": "the user's state folder", "database_url": "a file there"}
LIMITS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}

COMMANDS = """
# Commands

What `ecg-anomaly COMMAND --help` says, of every command.
"""
SETTINGS = """
# Settings

Later ones win: the default, then `ecg-anomaly.toml` (or the file that `ECG_SETTINGS` names), then the environment, then
arguments. The file has a table for each section: `fetch.timeout_s` is `timeout_s` under `[fetch]`. A name that is no
setting is refused in the file, and told of in the environment.
"""
VARIABLES = """
## Read where they are needed

`ECG_MONITOR_TOKEN` is the page's token, `ECG_BROKER_TOKEN` that of nats-server, `ECG_REPORTS_URL` says where Prefect's
pages find reports, `ECG_SETTINGS` names the file of settings.

Where nobody else can write to it, compiled loops lie under `machine-code` in `cache_dir`. Published models lie in
`state_dir`.
"""
RULES = """
# Alarm rules

When a person is told, with the default settings; `ecg-anomaly rules` shows the rules as your settings have them, and
its `--help` how one is changed. Rules of one cause share an episode. *Calm*: the episode ends when its condition has
been gone for so long. *Refractory*: it goes on, and nobody is told anew, if the condition is back so soon after.
"""
FORMATS = """
# Formats

What `ecg-anomaly formats` lists; it also says which libraries are missing (`pip install 'ecg-anomaly[formats]'`). Any
of them may be compressed with gzip. *In folders*: files with these endings count in a folder without being named. How
to read them: [Read any format](../how-to/formats.md).
"""


def pages() -> dict[str, str]:
    """Return the text of each page by its path in ``docs``."""
    return {
        "reference/commands.md": commands_page(),
        "reference/settings.md": settings_page(),
        "reference/rules.md": rules_page(),
        "reference/formats.md": formats_page(),
    }


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def commands_page() -> str:
    """Return what ``--help`` says of each command."""
    from pipeline.cli import main

    parts = (f"\n## {name}\n\n```text\n{text}\n```\n" for name, text in _helps(main, "ecg-anomaly", None))
    return COMMANDS + "".join(parts)


def _helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None and not found.hidden:
                yield from _helps(found, inner, context)


def settings_page() -> str:
    """Return all settings, as they are declared."""
    from pipeline.settings import Settings

    fields = Settings.model_fields
    sections = {
        name: field.annotation
        for name, field in fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
    general = {name: field for name, field in fields.items() if name not in sections}
    parts = [SETTINGS, "\n## General\n", _settings_table("", general)]
    for name, section in sections.items():
        what = " ".join((section.__doc__ or "").split())
        parts += [f"\n## {name.capitalize()}\n\n{what}\n", _settings_table(f"{name}.", section.model_fields)]
    return "".join([*parts, VARIABLES])


def _settings_table(prefix: str, fields: dict[str, FieldInfo]) -> str:
    from pipeline.setting_names import variable_of

    return _table(
        ("setting", "environment", "default", "what it is"),
        (
            (f"`{prefix}{name}`", f"`{variable_of(prefix + name)}`", _default(name, field), _what(field))
            for name, field in fields.items()
        ),
    )


def _default(name: str, field: FieldInfo) -> str:
    if name in SHOWN:
        return SHOWN[name]
    value = field.get_default(call_default_factory=True)
    return "none" if value in (None, {}) else f"`{value}`"


def _what(field: FieldInfo) -> str:
    limits = [
        f"{word} {getattr(one, sign):g}"
        for one in field.metadata
        for sign, word in LIMITS.items()
        if getattr(one, sign, None) is not None
    ]
    choices = [one for one in getattr(field.annotation, "__args__", ()) if isinstance(one, str)]
    told = "; ".join([*limits, *([", ".join(choices)] if choices else [])])
    return f"{field.description} ({told})" if told else field.description or ""


def rules_page() -> str:
    """Return the alarm rules with the default settings."""
    from pipeline.detection import rules
    from pipeline.settings import AlarmSettings

    defaults = AlarmSettings()
    numbers = defaults.model_dump()
    parts = [RULES]
    for about, title in ((True, "heart"), (False, "signal")):
        rows = (
            (
                kind,
                rule.priority,
                rule.cause,
                f"{rule.calm_s:g}",
                f"{rule.refractory_s:g}",
                rule.meaning.format(**numbers),
            )
            for kind, rule in rules.rules_in_force(defaults).items()
            if rule.physiological is about
        )
        head = ("rule", "priority", "cause", "calm, s", "refractory, s", "raised")
        parts += [f"\n## About the {title}\n", _table(head, rows)]
    return "".join(parts)


def formats_page() -> str:
    """Return the formats that are read."""
    from pipeline.cli import main

    rows = json.loads(CliRunner().invoke(main, ["formats", "--json"], catch_exceptions=False).stdout)["formats"]
    return FORMATS + _table(
        ("format", "endings", "read by", "kept beside the signal", "in folders"),
        (
            (
                row["name"],
                " ".join(f"`{ending}`" for ending in row["endings"]),
                row["library"],
                row["keeps"],
                "yes" if row["in_folders"] else "where it is named",
            )
            for row in rows
        ),
    )
