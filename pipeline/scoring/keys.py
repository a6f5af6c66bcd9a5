"""What a record's results depend on, as one key."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pipeline import __version__
from pipeline.settings import Settings

__all__ = ["result_key", "settings_version"]


def settings_version(settings: Settings) -> str:
    """Return 16 hexadecimal digits that change with every setting that has a say in a result.

    Where records come from and how they are fetched has none: the checksum of the record stands for that.
    """
    text = settings.threshold.model_dump_json() + settings.alarms.model_dump_json()
    if settings.device != "cpu":  # its results are near, and not the same bits
        text += settings.device
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def result_key(checksum: str, model_checksum: str, leads: Sequence[str], settings: Settings) -> str:
    """Return 64 hexadecimal digits that name the results of one record: equal keys, equal results.

    Parameters
    ----------
    checksum : str
        Of the record, see :func:`pipeline.sources.record_checksum`.
    model_checksum : str
        Of the model's file.
    leads : sequence of str
        Names of the leads that are scored, in order.
    settings : Settings
        Threshold and alarms count.
    """
    parts = (__version__, checksum, model_checksum, ",".join(leads), settings_version(settings))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
