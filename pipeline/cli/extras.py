"""Which extra of the installation a package belongs to, for whoever asks for what is not installed."""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["advice", "is_installed"]

EXTRAS = {
    "torch": "train",
    "sqlalchemy": "database",
    "alembic": "database",
    "prefect": "flows",
    "fastapi": "flows",
    "yaml": "flows",
    "duckdb": "query",
    "httpx": "live",
    "nats": "live",
    "paho": "live",
    "prometheus_client": "live",
    "starlette": "live",
    "uvicorn": "live",
    "websockets": "live",
    "s3fs": "s3",
    "pylsl": "lsl",
    "bleak": "ble",
    "sklearn": "dev",
}


def advice(error: ModuleNotFoundError) -> str | None:
    """Return what to install where a package is missing that is one of an extra's; None where it is none of these."""
    package = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(package)
    if extra is None:
        return None
    return f"this needs {package}, which is not installed: pip install 'ecg-anomaly[{extra}]'"


def is_installed(package: str) -> bool:
    """Tell whether a package can be imported, without importing it."""
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False
