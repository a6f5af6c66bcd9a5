"""The process in which a file is read apart: limits first, then the reader, whose findings go to a folder.

Run as ``python -P apart_child.py READER FILE FOLDER SECONDS BYTES`` by :mod:`pipeline.sources.foreign.apart`; it
imports nothing of the project. READER is a file with a function ``read(path)``, which returns what goes to FOLDER:
facts, as ``facts.json``, and arrays, as ``0.npy`` and so on. A module-level ``load()`` imports its library before
memory is limited.
"""

from __future__ import annotations

import json
import resource
import runpy
import sys
import warnings
from pathlib import Path

__all__ = ["main"]


def main() -> None:
    """Read the file within so many SECONDS of the processor and BYTES of memory, or end with one line."""
    reader, path, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    seconds, size = int(sys.argv[4]), int(sys.argv[5])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit(resource.RLIMIT_CPU, seconds)
    import numpy as np

    functions = runpy.run_path(reader)
    functions["load"]()
    _limit(resource.RLIMIT_AS, size)
    warnings.simplefilter("ignore")
    try:
        facts, columns = functions["read"](path)
        for i, column in enumerate(columns):
            np.save(folder / f"{i}.npy", column, allow_pickle=False)
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    (folder / "facts.json").write_text(json.dumps({**facts, "columns": len(columns)}))


def _limit(what: int, most: int) -> None:
    """Set a limit, or keep the lower one that somebody has set."""
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
