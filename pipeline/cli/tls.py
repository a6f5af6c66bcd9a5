"""Options of a service that is reached by https."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import ssl

__all__ = ["read_tls", "tls_options"]

F = TypeVar("F", bound=Callable[..., Any])

_FILE = click.Path(dir_okay=False, path_type=Path)


def tls_options(command: F) -> F:
    """Add ``--tls-cert`` and ``--tls-key``."""
    command = click.option("--tls-key", type=_FILE, help="Private key of --tls-cert (PEM, without a passphrase).")(
        command
    )
    return click.option("--tls-cert", type=_FILE, help="Certificate (PEM, its chain after it): serve https, not http.")(
        command
    )


def read_tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return what the options ask for; None where they were not given.

    Raises
    ------
    click.UsageError
        If one stands without the other, or a file is not as it should be.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise click.UsageError("--tls-cert and --tls-key go together")
    from pipeline.web.tls import tls_context

    try:
        return tls_context(certificate, key)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
