"""What came out for one record, in figures."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["RecordSummary"]


class RecordSummary(BaseModel):
    """What came out for one record.

    Attributes
    ----------
    record : str
        Its name.
    minutes : float
        Its length in min.
    beats, scored, anomalies : int
        Beats found, those that could be scored, and those flagged.
    reference_anomalies : int or None
        Annotated beats of AAMI class S, V or F from 5:00 on; None where nobody annotated the record.
    flagged : int or None
        Flagged beats that are held against them; None where nobody annotated the record or an earlier version wrote it.
    sensitivity, precision : float or None
        Share of them that was flagged, and share of the flagged beats that are of them, from 5:00 on; None where there
        are none of them, or nothing was flagged.
    promised : bool or None
        Whether the declared false-alarm rate is promised for it, that is, at most twice of it; a remark says why not.
        None where an earlier version wrote it.
    alarms, drifts, gaps : int
        How many there were.
    gap_s : float
        Length of all gaps in s.
    times_real_time : float or None
        Length of the record over the time it took.
    remarks : tuple of str
        What a person should know of how the record was read, a line each.
    metadata : dict of str
        Model, settings and package versions that the results depend on.
    """

    model_config = ConfigDict(frozen=True)

    record: str
    minutes: float
    beats: int
    scored: int
    anomalies: int
    reference_anomalies: int | None = None
    flagged: int | None = None
    sensitivity: float | None = None
    precision: float | None = None
    promised: bool | None = None
    alarms: int = 0
    drifts: int = 0
    gaps: int = 0
    gap_s: float = 0.0
    times_real_time: float | None = None
    remarks: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
