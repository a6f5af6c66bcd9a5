"""What a monitor keeps of the beats that it has scored, so that it can be asked why it scored them so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.context import QRS
from pipeline.detection.score_parts import ScoreParts
from pipeline.detection.scorer import Prepared
from pipeline.detection.sequence.reader import SequenceReading
from pipeline.records import Findings

__all__ = ["Remembered"]


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """Beats that follow each other, with what their scores were made of: no more than an explanation asks for.

    Attributes
    ----------
    findings : Findings
        The beats as they were told, without alarms, drifts and gaps.
    usual : ndarray of bool, shape (n,)
        True for the patient's usual beats: near a template, on time, scored and not flagged.
    brought : ndarray of float64, shape (n, 3)
        What shape, interval and P wave bring to the score.
    expected_rr, earlier : ndarray of float64, shape (n,)
        Median interval that a normal beat would have had, in s, and the share of normal beats that come as early.
    residual, error : ndarray of float32, shape (n, leads, samples of ``QRS``)
        What differed from the template, and what is left of it after the network, in units of the patient's noise.
    unit : ndarray of float32, shape (n, leads, samples of ``QRS``)
        That noise, in mV.
    distance : ndarray of float64, shape (n, leads)
        Log of the error.
    noise : ndarray of float32, shape (n, leads)
        Log of the noise around the beat over the patient's usual.
    unknown, present : ndarray of bool, shape (n, leads)
        Where a lead has no say, and where it is there.
    read_residual, read_condition : ndarray of float32 or None
        What the network read, for its gates; None where nobody will ask for them.
    """

    findings: Findings
    usual: NDArray[np.bool_]
    brought: NDArray[np.float64]
    expected_rr: NDArray[np.float64]
    earlier: NDArray[np.float64]
    residual: NDArray[np.float32]
    error: NDArray[np.float32]
    unit: NDArray[np.float32]
    distance: NDArray[np.float64]
    noise: NDArray[np.float32]
    unknown: NDArray[np.bool_]
    present: NDArray[np.bool_]
    read_residual: NDArray[np.float32] | None
    read_condition: NDArray[np.float32] | None

    @classmethod
    def of(
        cls, findings: Findings, prepared: Prepared, parts: ScoreParts, sequence: SequenceReading, *, gates: bool
    ) -> Self:
        """Keep what an explanation asks for; what the network read only if its gates may be asked for."""
        beats = prepared.beats
        unit = beats.noise[:, :, QRS] * beats.scale[:, :, None]
        return cls(
            findings=findings.without_events(),
            usual=beats.near & beats.on_time & ~findings.is_anomaly & np.isfinite(findings.score),
            brought=np.stack([sequence.shape, sequence.rhythm, sequence.p_wave], axis=1),
            expected_rr=sequence.expected_rr.copy(),  # a row of a table that would stay with it
            earlier=sequence.earlier.copy(),
            residual=beats.residual[:, :, QRS].copy(),
            error=parts.error,
            unit=np.maximum(unit, 1e-6, dtype=np.float32),
            distance=parts.distance,
            noise=parts.noise,
            unknown=parts.unknown,
            present=beats.present,
            read_residual=prepared.residual if gates else None,
            read_condition=prepared.condition if gates else None,
        )

    @classmethod
    def join(cls, blocks: Sequence[Self]) -> Self:
        """Return blocks that follow each other as one: of a beat each, their arrays' heads outweigh the numbers."""
        columns: dict[str, Any] = {"findings": Findings.concatenate([block.findings for block in blocks])}
        for field in fields(cls)[1:]:
            parts = [getattr(block, field.name) for block in blocks]
            columns[field.name] = None if parts[0] is None else np.concatenate(parts)
        return cls(**columns)

    def __len__(self) -> int:
        return len(self.findings)
