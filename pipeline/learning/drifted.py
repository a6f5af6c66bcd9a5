"""Records that a retraining may learn from because their scores have drifted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.evaluation import DS2, PACED
from pipeline.record_name import RecordName
from pipeline.settings import Settings
from pipeline.sources import is_here, open_record
from pipeline.storage import PlaceLike, read_events

__all__ = ["records_that_drifted"]

MOST_ADDED = 50  # more would crowd out what the model knows


def records_that_drifted(
    names: Sequence[str],
    results: PlaceLike | None,
    settings: Settings,
    *,
    data_dir: Path | None = None,
    known: Sequence[str] = (),
    most: int = MOST_ADDED,
) -> list[str]:
    """Return records that drifted and can be learnt from: those that lie here, in the order in which they came.

    Left out are the known ones, those of the test set, paced ones, and what is no record here, such as a bed of a ward
    whose signal was not kept.

    Parameters
    ----------
    names : sequence of str
        As the results call them: ``mitdb/208``, or with ``data_dir`` the folder's name and the record's.
    results : path, optional
        A folder of results, or its URL; what drifted in it comes after the names.
    settings : Settings
        Where records come from.
    data_dir : Path, optional
        A folder of WFDB records, in place of PhysioNet.
    known : sequence of str
        Records that are trained on already, or must not be, as :func:`pipeline.sources.open_record` takes them.
    most : int
        How many at the most.
    """
    drifted = [] if results is None else read_events(results, "drifts")["record"].to_list()
    left_out = set(known) | ({*DS2, *PACED} if data_dir is None else set())
    out: list[str] = []
    for name in dict.fromkeys([*names, *drifted]):
        wanted = name if data_dir is None else name.removeprefix(f"{RecordName.in_folder(data_dir, '')}/")
        if len(out) == most or wanted in left_out:
            continue
        try:
            # A patient's name is no business of PhysioNet's: what is not here is not asked for.
            if data_dir is None and not is_here(wanted, settings):
                continue
            open_record(wanted, data_dir=data_dir, settings=settings)
        except PipelineError:
            continue
        out.append(wanted)
    return out
