"""Which settings there are by name, and which variables of the environment name none of them."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel

from pipeline.settings import Settings

__all__ = ["OTHER_VARIABLES", "setting_paths", "unknown_variables", "variable_of"]

PREFIX = "ECG_"

OTHER_VARIABLES = frozenset(
    {
        "ECG_SETTINGS",
        "ECG_MONITOR_TOKEN",
        "ECG_MONITOR_VIEWER_TOKEN",
        "ECG_BROKER_TOKEN",
        "ECG_GATEWAY_TOKEN",
        "ECG_REPORTS_URL",
        "ECG_TEST_PEERS",
    }
)
"""Variables that are read where they are needed, and are no settings."""


def setting_paths() -> list[str]:
    """Return the paths of all settings, such as ``threshold.alpha``."""
    paths: list[str] = []
    for name, field in Settings.model_fields.items():
        section = _section(field.annotation)
        paths += [name] if section is None else [f"{name}.{inner}" for inner in section.model_fields]
    return paths


def variable_of(path: str) -> str:
    """Return the variable of the environment that sets a path.

    >>> variable_of("threshold.alpha")
    'ECG_THRESHOLD__ALPHA'
    """
    return PREFIX + path.upper().replace(".", "__")


def unknown_variables(names: Iterable[str]) -> list[str]:
    """Return those of the environment's variables that begin like settings and set nothing.

    What is unknown inside a section, such as ``ECG_THRESHOLD__ALHPA``, is not among them: reading the settings fails.
    """
    return [name for name in names if name.upper().startswith(PREFIX) and not _is_read(name.upper())]


def _is_read(name: str) -> bool:
    first, _, inner = name.removeprefix(PREFIX).partition("__")
    field = Settings.model_fields.get(first.lower())
    if field is None:
        return name in OTHER_VARIABLES
    return not inner or _section(field.annotation) is not None


def _section(annotation: object) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
