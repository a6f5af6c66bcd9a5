"""A record read to its end for its summary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from pipeline.detection.model import BeatModel
from pipeline.errors import RecordUnsupported
from pipeline.explain.witness import Witness
from pipeline.holter.beats import found_beats, reference_beats
from pipeline.holter.st import StCollector, StTrend
from pipeline.holter.summary import DEFINITIONS, Summary, summarise
from pipeline.records import Findings, Gap, Record
from pipeline.report import ReportCollector
from pipeline.report.record import Event, RecordReport
from pipeline.settings import Settings

__all__ = ["Holter", "holter"]

CHUNK_S = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Holter:
    """The summary of one record.

    Attributes
    ----------
    record : str
        Its name.
    leads : tuple of str
        The leads that were analysed.
    model : str
        Checksum of the model.
    found : Summary
        Figures of the beats that were found.
    reference : Summary or None
        Figures of the annotated beats; None where nobody annotated the record.
    st : tuple of StTrend
        ST level of each lead, minute by minute.
    report : RecordReport
        Trends, strips, alarms and gaps, as the report draws them.
    """

    record: str
    leads: tuple[str, ...]
    model: str
    found: Summary
    reference: Summary | None
    st: tuple[StTrend, ...]
    report: RecordReport

    @property
    def events(self) -> list[Event]:
        """What to look at first: alarms by priority, then the strangest beats."""
        return sorted(self.report.events, key=lambda event: event.beat is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, without what is drawn."""
        return {
            "record": self.record,
            "leads": list(self.leads),
            "model": self.model,
            "found": self.found.to_dict(),
            "reference": None if self.reference is None else self.reference.to_dict(),
            "st": [
                {
                    "lead": trend.lead,
                    "median_mv": trend.median_mv,
                    "minute_s": trend.time_s.tolist(),
                    "level_mv": trend.level_mv.round(4).tolist(),
                    "beats": trend.beats.tolist(),
                }
                for trend in self.st
            ],
            "definitions": DEFINITIONS,
        }


def holter(
    record: Record, model: BeatModel, settings: Settings, *, progress: Callable[[float], None] = lambda share: None
) -> Holter:
    """Read a record to its end and sum it up, in memory that grows with its beats alone.

    Parameters
    ----------
    record : Record
        What is read.
    model : BeatModel
        What scores it.
    settings : Settings
        Threshold and alarms.
    progress : callable
        Called with the share that is done, 0 to 1.

    Raises
    ------
    RecordUnsupported
        If it holds not one sample of signal.
    PipelineError
        If it cannot be read.
    """
    annotations = record.annotations()
    collector = ReportCollector(record.name, record.fs, record.leads, annotations)
    witness = Witness(model, threshold=settings.threshold, alarms=settings.alarms, gates=False)
    st = StCollector(record.fs, record.leads)
    parts: list[Findings] = []
    gaps: list[Gap] = []
    has_signal = False

    def take(findings: Findings) -> None:
        collector.add_findings(findings, why=partial(witness.explain, gates=False))
        st.add_findings(findings)
        gaps.extend(findings.gaps)
        parts.append(findings.bare())

    for chunk in record.chunks(CHUNK_S):
        has_signal = has_signal or bool(np.isfinite(chunk.signal).any())
        collector.add(chunk)
        st.add(chunk)
        take(witness.process(chunk))
        progress(chunk.stop / record.n_samples)
    if not has_signal:
        raise RecordUnsupported(f"record {record.name!r}: every sample of {', '.join(record.leads)} is missing")
    take(witness.finish())
    duration_s = record.n_samples / record.fs
    found = summarise(found_beats(parts, gaps), duration_s, gaps)
    reference = None if annotations is None else summarise(reference_beats(annotations, gaps), duration_s, gaps)
    return Holter(record.name, record.leads, model.checksum, found, reference, st.finish(), collector.finish())
