"""Many patients: the beats of all of them go through the network in one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from pipeline.detection.model import BeatModel
from pipeline.errors import PipelineError
from pipeline.monitor import Monitor, Pending
from pipeline.records import Chunk, Findings
from pipeline.settings import AlarmSettings, ThresholdSettings

__all__ = ["Ward"]


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

    def __len__(self) -> int:
        return len(self._monitors)

    def __contains__(self, record: str) -> bool:
        return record in self._monitors

    def monitor(self, record: str) -> Monitor:
        """Return the monitor of one patient; a new patient starts from the shared model."""
        if record not in self._monitors:
            self._monitors[record] = self._watch(self.model, threshold=self._threshold, alarms=self._alarms)
        return self._monitors[record]

    def discharge(self, record: str) -> None:
        """Forget a patient.

        Raises
        ------
        KeyError
            If there is no such patient.
        """
        del self._monitors[record]

    def process(self, chunks: Iterable[Chunk]) -> tuple[list[Findings], list[tuple[Chunk, PipelineError]]]:
        """Take one or more chunks of any number of patients, each patient's in order.

        Returns
        -------
        findings : list of Findings
            One per chunk that was taken in, in the order given.
        refused : list of (Chunk, PipelineError)
            The chunks that were not, and why; the other patients go on.
        """
        prepared: list[tuple[Monitor, list[Pending]]] = []
        refused: list[tuple[Chunk, PipelineError]] = []
        for chunk in chunks:
            monitor = self.monitor(chunk.record)
            try:
                prepared.append((monitor, monitor.prepare(chunk)))
            except PipelineError as error:
                refused.append((chunk, error))
        waiting = [pending for _, parts in prepared for pending in parts]
        if not waiting:
            return [], refused
        rebuilt = self.model.forward.run(
            np.concatenate([pending.prepared.residual for pending in waiting]),
            np.concatenate([pending.prepared.condition for pending in waiting]),
        )
        findings, start = [], 0
        for monitor, parts in prepared:
            done = []
            for pending in parts:
                stop = start + len(pending.beats)
                done.append(monitor.complete(pending, rebuilt[start:stop]))
                start = stop
            findings.append(done[0] if len(done) == 1 else Findings.concatenate(done))
        return findings, refused
