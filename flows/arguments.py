"""What a flow is given on the command line, checked before anything is started for it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

__all__ = ["check_arguments"]


def check_arguments(parser: argparse.ArgumentParser, flow: Any, options: Mapping[str, Any]) -> None:
    """End with a usage error (exit code 2) where the flow would refuse a parameter.

    The flow itself would tell as much, but only once it has a server, and at length.
    """
    hints = get_type_hints(flow.fn, include_extras=True)
    for name, value in options.items():
        try:
            TypeAdapter(hints[name]).validate_python(value)
        except ValidationError as error:
            parser.error(f"--{name.replace('_', '-')} {value}: {error.errors()[0]['msg']}")
