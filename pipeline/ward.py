"""Many patients: the beats of all of them go through the network in one batch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.forward import Forward
from pipeline.detection.model import BeatModel
from pipeline.errors import PipelineError
from pipeline.monitor import Monitor, Pending
from pipeline.records import Chunk, Findings
from pipeline.settings import AlarmSettings, ThresholdSettings

__all__ = ["Ward"]

logger = logging.getLogger(__name__)


class Ward:
    """Monitor many patients with one model.

    Each patient's scores are those of a :class:`Monitor` of its own, bit by bit: what the network does
    with a beat does not depend on its neighbours.

    Parameters
    ----------
    model : BeatModel
        What all patients share.
    threshold : ThresholdSettings, optional
        The declared false-alarm rate.
    alarms : AlarmSettings, optional
        When a person is told.
    watch : callable
        Returns what follows a patient: a :class:`Monitor`, or a :class:`pipeline.explain.witness.Witness`, which can
        say why a beat got its score.
    """

    def __init__(
        self,
        model: BeatModel,
        *,
        threshold: ThresholdSettings | None = None,
        alarms: AlarmSettings | None = None,
        watch: Callable[..., Monitor] = Monitor,
    ) -> None:
        self.model = model
        self._threshold = threshold
        self._alarms = alarms
        self._watch = watch
        self._monitors: dict[str, Monitor] = {}
        self._limits: dict[str, dict[str, float]] | None = None

    def __len__(self) -> int:
        return len(self._monitors)

    def __contains__(self, record: str) -> bool:
        return record in self._monitors

    def monitor(self, record: str) -> Monitor:
        """Return the monitor of one patient; a new patient starts from the shared model."""
        if record not in self._monitors:
            self._monitors[record] = self._watch(self.model, threshold=self._threshold, alarms=self._alarms)
            self._limit(record)
        return self._monitors[record]

    def restore(self, record: str, snapshot: bytes) -> None:
        """Continue a patient from a snapshot of its monitor, with the limits that were set since.

        Raises
        ------
        SnapshotError
            If it is damaged, of another version, or was made with another model.
        """
        self.monitor(record).restore(snapshot)
        self._limit(record)

    def set_limits(self, limits: Mapping[str, Mapping[str, float]]) -> None:
        """Let these limits of alarms hold from the next beats on, by patient; who is not named has the usual ones.

        Limits that do not go together with the settings are left out, and logged.
        """
        before, self._limits = self._limits, {record: dict(own) for record, own in limits.items()}
        for record in self._monitors:
            if before is None or before.get(record) != self._limits.get(record):
                self._limit(record)

    def _limit(self, record: str) -> None:
        if self._limits is None:  # nobody has said anything: what a snapshot holds stays
            return
        try:
            self._monitors[record].set_limits(self._limits.get(record, {}))
        except ValueError as error:
            logger.warning("%s: limits are left out: %s", record, error)

    def discharge(self, record: str) -> None:
        """Forget a patient.

        Raises
        ------
        KeyError
            If there is no such patient.
        """
        del self._monitors[record]

    def process(self, chunks: Iterable[Chunk]) -> tuple[list[Findings], list[tuple[Chunk, Exception]]]:
        """Take one or more chunks of any number of patients, each patient's in order.

        Returns
        -------
        findings : list of Findings
            One per chunk that was taken in, in the order given.
        refused : list of (Chunk, Exception)
            The chunks that were not, and why; the other patients go on. Where it is no :class:`PipelineError`, the
            patient's monitor has failed and is gone: the next chunk begins a new one.
        """
        parts: list[_Part] = []
        refused: list[tuple[Chunk, Exception]] = []
        failed: dict[str, Exception] = {}
        for chunk in chunks:
            try:
                if chunk.record in failed:
                    raise failed[chunk.record]
                monitor = self.monitor(chunk.record)
                parts.append(_Part(chunk, monitor, monitor.prepare(chunk)))
            except PipelineError as error:
                refused.append((chunk, error))
            except Exception as error:  # of this patient alone
                failed[chunk.record] = error
                refused.append((chunk, error))
        findings: list[Findings] = []
        broken: dict[str, Exception] = {}
        for part, rebuilt in zip(parts, self._rebuild(parts), strict=True):
            name = part.chunk.record
            try:
                if name in broken:
                    raise broken[name]
                findings.append(part.complete(part.alone(self.model.forward) if rebuilt is None else rebuilt))
            except Exception as error:
                broken[name] = error
                refused.append((part.chunk, error))
        for name in failed | broken:
            self._monitors.pop(name, None)
        return findings, refused

    def _rebuild(self, parts: Sequence[_Part]) -> list[NDArray[np.float32] | None]:
        """Run the network once for all parts; None for each where it fails, so that each can be run alone."""
        waiting = [pending for part in parts for pending in part.pending]
        if not waiting:
            return [None for _ in parts]
        try:
            rebuilt = _run(self.model.forward, waiting)
        except Exception:
            logger.exception("the network failed on the beats of all: each patient's are run alone")
            return [None for _ in parts]
        ends = np.cumsum([len(part) for part in parts])
        return [rebuilt[end - len(part) : end] for part, end in zip(parts, ends, strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A chunk between the two halves of the work."""

    chunk: Chunk
    monitor: Monitor
    pending: Sequence[Pending]

    def __len__(self) -> int:
        return sum(len(pending.beats) for pending in self.pending)

    def alone(self, forward: Forward) -> NDArray[np.float32]:
        """Return what the network rebuilds of its beats alone."""
        return _run(forward, self.pending)

    def complete(self, rebuilt: NDArray[np.float32]) -> Findings:
        """Turn what the network rebuilt into findings."""
        done, start = [], 0
        for pending in self.pending:
            stop = start + len(pending.beats)
            done.append(self.monitor.complete(pending, rebuilt[start:stop]))
            start = stop
        return done[0] if len(done) == 1 else Findings.concatenate(done)


def _run(forward: Forward, waiting: Sequence[Pending]) -> NDArray[np.float32]:
    return forward.run(
        np.concatenate([pending.prepared.residual for pending in waiting]),
        np.concatenate([pending.prepared.condition for pending in waiting]),
    )
