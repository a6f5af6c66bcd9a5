"""The group of commands, which finds them, and the base of them all, which turns errors into lines and exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Any

import click

from pipeline import __version__
from pipeline.cli import commands
from pipeline.cli.extras import advice
from pipeline.cli.stopping import listen
from pipeline.errors import PipelineError

__all__ = ["INTERRUPTED", "PipelineCommand", "bad_arguments", "main"]

ENTRY_POINTS = "ecg_anomaly.commands"
INTERRUPTED = 130  # what shells expect of a program that Ctrl-C has ended


def _own_commands() -> dict[str, str]:
    """Return the modules of the commands by name: `import_` is called `import`, which no module can be, and _ is -."""
    return {
        module.name.rstrip("_").replace("_", "-"): f"{commands.__name__}.{module.name}"
        for module in iter_modules(commands.__path__)
    }


class _BadArgument(Exception):
    """Carries a :class:`PipelineError` about an argument, as its cause."""


@contextmanager
def bad_arguments() -> Iterator[None]:
    """Count what is wrong in this block as a bad argument: nothing has been done yet, and the exit code is 2."""
    try:
        yield
    except PipelineError as error:
        raise _BadArgument from error


class _Failure(click.ClickException):
    """A line on standard error, exit code 1 and, under ``--json``, a document on standard output."""

    exit_code = 1

    def __init__(self, ctx: click.Context, error: BaseException | None) -> None:
        line = " ".join(str(error).split())
        super().__init__(line)
        if ctx.params.get("as_json"):
            click.echo(json.dumps({"error": line, "kind": type(error).__name__}, indent=2))


class _Refusal(_Failure):
    """The same with exit code 2."""

    exit_code = 2


class PipelineCommand(click.Command):
    """A command whose errors are one line each.

    A :class:`PipelineError` ends it with exit code 1 and, under ``--json``, is the document on standard output; a bad
    argument (see :func:`bad_arguments`) ends it with 2; Ctrl-C with 130. Anything else is a defect and keeps its
    traceback.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except PipelineError as error:
            raise _Failure(ctx, error) from error
        except _BadArgument as error:
            raise _Refusal(ctx, error.__cause__) from error
        except ModuleNotFoundError as error:
            words = advice(error)
            if words is None:
                raise
            raise _Refusal(ctx, PipelineError(words)) from error
        except KeyboardInterrupt:
            click.echo("\nStopped. What was finished is kept whole; run the same command again to go on.", err=True)
            ctx.exit(INTERRUPTED)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the epilog as it stands: examples keep their lines."""
        if self.epilog:
            formatter.write_paragraph()
            for line in self.epilog.strip().splitlines():
                formatter.write(f"{line}\n")


def _absent(name: str, words: str) -> click.Command:
    """Return what stands for a command of a package that lacks something: it says so, and the list has it."""

    def tell(**_: Any) -> None:
        raise click.UsageError(words)

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=tell, context_settings=settings, short_help=words, add_help_option=False)


class _Commands(click.Group):
    """The modules of :mod:`pipeline.cli.commands`, and what other packages add; imported when they are named.

    A package adds a command by an entry point of the group ``ecg_anomaly.commands``: so do the flows, which this
    package does not know.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*_own_commands(), *entry_points(group=ENTRY_POINTS).names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name, or None."""
        command: click.Command
        if cmd_name in _own_commands():
            command = import_module(_own_commands()[cmd_name]).command
            return command
        for added in entry_points(group=ENTRY_POINTS, name=cmd_name):
            try:
                command = added.load()
            except ModuleNotFoundError as error:
                if (words := advice(error)) is None:
                    raise
                return _absent(cmd_name, words)
            return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant; what is none is told with what is near.

        Raises
        ------
        click.UsageError
            If there is no such command.
        """
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = get_close_matches(name, self.list_commands(ctx), n=1)
            what = f"did you mean {near[0]!r}?" if near else "`ecg-anomaly --help` lists them"
            ctx.fail(f"there is no command {name!r}; {what}")
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the epilog as it stands."""
        PipelineCommand.format_epilog(self, ctx, formatter)  # type: ignore[arg-type]  # both have an epilog


EPILOG = """
Examples:
  ecg-anomaly demo --out demo-out
  ecg-anomaly score mitdb/208 mitdb/119 --out results
  ecg-anomaly score --data-dir my-records --out results --json

Exit codes:
  0    all is well
  1    some or all records failed; the others were still scored
  2    a bad argument or setting; nothing was done
  130  stopped with Ctrl-C; the next run goes on

Settings come from ecg-anomaly.toml (or the file named by ECG_SETTINGS), then from
the environment, such as ECG_PHYSIONET_URL, ECG_CACHE_DIR, ECG_THRESHOLD__ALPHA.
"""


@click.group(cls=_Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ecg-anomaly")
def main() -> None:
    """Find anomalous heartbeats in ECG records. Not a medical device."""
    listen()
