"""Real records where they can be had, synthetic patients elsewhere: what notebooks and examples run on."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.errors import SourceError
from pipeline.records import Record
from pipeline.settings import Settings
from pipeline.sources.catalog import open_record

__all__ = ["records_at_hand"]

WAIT_S = 4.0  # nobody waits long for a network that is not there


def records_at_hand(
    names: Sequence[str], instead: Sequence[str], *, seconds: float = 900.0, settings: Settings | None = None
) -> list[Record]:
    """Return records of PhysioNet or its mirror, or synthetic patients if one of them cannot be had.

    Parameters
    ----------
    names : sequence of str
        Such as ``mitdb/208``.
    instead : sequence of str
        Synthetic patients, such as ``synth/ventricular``; see :func:`pipeline.sources.synthetic.demo_ward`.
    seconds : float
        Length of the synthetic ones in s.
    settings : Settings, optional
        Where records come from; read from the environment by default, with little patience.
    """
    if settings is None:
        settings = Settings()
        impatient = settings.fetch.model_copy(update={"timeout_s": WAIT_S, "retries": 0})
        settings = settings.model_copy(update={"fetch": impatient})
    try:
        return [open_record(name, settings=settings) for name in names]
    except SourceError:
        from pipeline.sources.synthetic import demo_ward, synthesise  # numba is large: only where it is needed

        ward = demo_ward(seconds)
        return [synthesise(ward[name], name=name, seconds=seconds, seed=1) for name in instead]
