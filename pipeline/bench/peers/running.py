"""Rivals on one record, in their own interpreter."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.bench.machine import one_thread_each
from pipeline.errors import SourceUnavailable

__all__ = ["run_rivals"]

SCRIPT = Path(__file__).with_name("rivals.py")


def run_rivals(python: Path, spec: Mapping[str, Any], signal: NDArray[np.float32], fs: float) -> dict[str, Any]:
    """Let an interpreter that has the rivals measure one record.

    Parameters
    ----------
    python : Path
        The interpreter.
    spec : mapping
        What is measured, see :mod:`pipeline.bench.peers.rivals`.
    signal : ndarray of float32, shape (samples, leads)
        The record in mV.
    fs : float
        Its rate in Hz.

    Returns
    -------
    dict
        ``found``, by rival, and ``versions``.

    Raises
    ------
    SourceUnavailable
        If a rival fails.
    """
    with tempfile.TemporaryDirectory(prefix="ecg-bench-") as temporary, one_thread_each():
        stored, file = Path(temporary) / "signal.npy", Path(temporary) / "spec.json"
        np.save(stored, signal.astype(np.float64), allow_pickle=False)
        file.write_text(json.dumps({**spec, "signal": str(stored), "fs": fs}))
        done = subprocess.run(  # noqa: S603 - our own script
            [python, "-W", "ignore", SCRIPT, file], capture_output=True, text=True, check=False, cwd=temporary
        )
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise SourceUnavailable(f"a rival failed ({why}); --rebuild makes its environment anew")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
