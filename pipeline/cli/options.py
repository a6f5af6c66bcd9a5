"""Options that several commands share, and the settings that they change."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from pipeline.settings import Settings

__all__ = [
    "OUT",
    "annotator_option",
    "data_dir_option",
    "data_dirs_option",
    "fs_option",
    "json_option",
    "leads_option",
    "minutes_option",
    "model_option",
    "progress_option",
    "read_settings",
    "scoring_options",
    "seed_option",
    "split_leads",
    "units_option",
]

F = TypeVar("F", bound=Callable[..., Any])


class _OutFolder(click.Path):
    """A folder that can be written, or made."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        there = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            self.fail(f"{there} is no folder that can be written: choose another", param, ctx)
        return path


class _RecordFolder(click.Path):
    """A folder that holds recordings."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        from pipeline.sources.foreign.registry import is_known

        if not any(file.suffix == ".hea" or is_known(file) for file in path.rglob("*")):
            self.fail(
                f"{path} holds no recording (no WFDB record, no file of a known format): name another", param, ctx
            )
        return path


OUT = _OutFolder(file_okay=False, path_type=Path)

data_dir_option = click.option(
    "--data-dir",
    type=_RecordFolder(exists=True, file_okay=False, path_type=Path),
    help="Folder of recordings to read instead of PhysioNet; without RECORDS, all of it.",
)
data_dirs_option = click.option(
    "--data-dir",
    "data_dirs",
    multiple=True,
    type=_RecordFolder(exists=True, file_okay=False, path_type=Path),
    help="Folder of recordings to read instead of PhysioNet; without RECORDS, all of it; may be given again.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on standard output, nothing else."
)
progress_option = click.option(
    "--progress/--no-progress", default=None, help="Show progress; by default on a terminal."
)
minutes_option = click.option(
    "--minutes", type=click.FloatRange(min=1), default=10.0, show_default=True, help="Length of a record."
)
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="What chance starts from."
)


def _checked_extension(value: str) -> str:
    if not value.isalnum():
        raise click.BadParameter(f"{value!r}: write letters and digits, such as qrs")
    return value


def split_leads(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Turn ``MLII,V1`` into names."""
    if value is None:
        return None
    names = tuple(name.strip() for name in value.split(","))
    if not all(names):
        raise click.BadParameter(f"{value!r}: write names joined by commas, such as MLII,V1")
    return names


fs_option = click.option(
    "--fs", type=click.FloatRange(50, 10_000), help="Rate in Hz of a file that does not tell it, such as some tables."
)
units_option = click.option(
    "--units", type=click.Choice(["mV", "uV", "V"]), help="Unit of a file that does not tell it.  [default: mV]"
)
annotator_option = click.option(
    "--annotator",
    default="atr",
    show_default=True,
    callback=lambda _ctx, _parameter, value: _checked_extension(value),
    help="Whose annotations count: the extension of their files, such as qrs.",
)
leads_option = click.option(
    "--leads",
    callback=split_leads,
    help="Leads in order of preference, such as MLII,V1: the first two that a record has are scored.",
)


class _ModelPath(click.Path):
    """A model file, or the kind of one that ships."""

    name = "kind or file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from pipeline.detection.shipped import SHIPPED

        if isinstance(value, str) and value in SHIPPED:
            return SHIPPED[value]
        return super().convert(value, param, ctx)


model_option = click.option(
    "--model",
    type=_ModelPath(exists=True, dir_okay=False, path_type=Path),
    metavar="KIND|FILE",
    help="A model that ships, autoencoder or forecaster, or a model file.  [default: autoencoder]",
)

_SCORING = (
    leads_option,
    model_option,
    click.option(
        "--alpha",
        type=click.FloatRange(0, 0.5, min_open=True, max_open=True),
        help="Declared false-alarm rate per normal beat.  [default: 0.01]",
    ),
    click.option(
        "--device",
        help="Device on which the network runs: cpu, or a GPU as torch names it, such as cuda.  [default: cpu]",
    ),
    click.option("--force", is_flag=True, help="Score again what is scored already."),
    click.option(
        "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Records scored at the same time."
    ),
    click.option("--report/--no-report", default=True, show_default=True, help="Write report.html."),
    json_option,
    progress_option,
)


def scoring_options(command: F) -> F:
    """Add what every command that scores records takes."""
    for option in reversed(_SCORING):
        command = option(command)
    return command


def read_settings(alpha: float | None = None, device: str | None = None) -> Settings:
    """Return the settings, with what the command line says on top.

    Variables of the environment that look like settings and are none are told once.

    Raises
    ------
    click.UsageError
        If the file or the environment holds a wrong value, or what is no setting, or the file cannot be read.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from pipeline.settings import Settings

    _tell_unknown_variables()
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise click.UsageError(f"there is no such setting: {where}{_nearest(where)}") from error
        raise click.UsageError(f"setting {where}: {first['msg']} (it is {first['input']!r})") from error
    except SettingsError as error:
        raise click.UsageError(f"settings cannot be read: {error}") from error
    changed: dict[str, Any] = {}
    if alpha is not None:
        changed["threshold"] = settings.threshold.model_copy(update={"alpha": alpha})
    if device is not None:
        changed["device"] = device
    return settings.model_copy(update=changed)


def _nearest(path: str) -> str:
    """Return ``; did you mean 'threshold.alpha'?`` for ``alpha`` or ``threshold.alhpa``."""
    from pipeline.setting_names import setting_paths
    from pipeline.sources.names import did_you_mean

    paths = [known for known in setting_paths() if not path.startswith(f"{known}.")]
    same = [known for known in paths if known.rpartition(".")[2] == path.rpartition(".")[2]]
    return did_you_mean(path, paths) or (f"; did you mean {same[0]!r}?" if same else "")


def _tell_unknown_variables() -> None:
    """Say in one line, once a command, which variables begin like settings and set nothing."""
    from difflib import get_close_matches

    from pipeline.setting_names import OTHER_VARIABLES, setting_paths, unknown_variables, variable_of

    context = click.get_current_context(silent=True)
    told: set[str] = set() if context is None else context.meta.setdefault(f"{__name__}.told", set())
    unknown = set(unknown_variables(os.environ)) - told
    told |= unknown
    if not unknown:
        return
    known = [*map(variable_of, setting_paths()), *OTHER_VARIABLES]
    said = []
    for name in sorted(unknown):
        near = get_close_matches(name.upper(), known, n=1)
        said.append(f"{name} (did you mean {near[0]}?)" if near else name)
    click.echo(f"Warning: these variables of the environment set nothing: {', '.join(said)}", err=True)
