"""The command line. Each module of :mod:`pipeline.cli.commands` is a command; adding one is adding a file there.

What takes long to import (torch, numba, wfdb) is imported by the functions that need it, so that ``--help`` is there at
once.
"""

from __future__ import annotations

from pipeline.cli.group import main

__all__ = ["main"]
