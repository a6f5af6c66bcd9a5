"""Prefect flows over the pipeline: scheduling, retries, caching and artifacts, and no science.

Importing this package sets what Prefect reads from the environment where nobody has set it: nothing is reported to
anybody, and a server that Prefect starts by itself has time to create its database on a slow machine.
"""

from __future__ import annotations

import os

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
