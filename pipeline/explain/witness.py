"""A monitor that remembers the last beats well enough to say why it scored them as it did."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from pipeline.detection.model import BeatModel
from pipeline.detection.score_parts import ScoreParts
from pipeline.detection.scorer import Prepared
from pipeline.detection.sequence.reader import SequenceReading
from pipeline.explain.dissection import Remembered, explain_beat
from pipeline.explain.explanation import Explanation
from pipeline.monitor import Monitor
from pipeline.records import Findings
from pipeline.settings import AlarmSettings, ThresholdSettings
from pipeline.signals.peaks import PeakFinder

__all__ = ["Witness"]

REMEMBERED = 1000  # beats


class Witness(Monitor):
    """A :class:`Monitor`, with the same scores bit by bit, that can be asked about its last beats.

    Parameters
    ----------
    model, threshold, alarms, peaks
        As :class:`Monitor` takes them.
    remember : int
        Beats that are remembered before those of the last chunk, some 9 KB each.
    """

    def __init__(
        self,
        model: BeatModel,
        *,
        threshold: ThresholdSettings | None = None,
        alarms: AlarmSettings | None = None,
        peaks: Callable[[], PeakFinder] | None = None,
        remember: int = REMEMBERED,
    ) -> None:
        super().__init__(model, threshold=threshold, alarms=alarms, peaks=peaks)
        self._remember = remember
        self._blocks: deque[Remembered] = deque()

    def _note(self, findings: Findings, prepared: Prepared, parts: ScoreParts, sequence: SequenceReading) -> None:
        if len(findings):
            self._blocks.append(Remembered(findings, prepared, parts, sequence))
        older = sum(len(block.findings) for block in self._blocks) - len(findings)
        while older and older - len(self._blocks[0].findings) >= self._remember:
            older -= len(self._blocks.popleft().findings)

    def explain(self, beat: int, *, gates: bool = True) -> Explanation:
        """Say why a beat got its score.

        Only the beats before it count as usual, so many as are remembered: for a beat of the last chunk the answer
        does not depend on how the signal was cut.

        Parameters
        ----------
        beat : int
            Running number of the beat in its record, from 0.
        gates : bool
            Whether the gates are looked at, which takes most of the time.

        Raises
        ------
        ValueError
            If there is no such beat, or it has been forgotten.
        """
        blocks = list(self._blocks)  # what it holds never changes: another thread may ask while this one follows
        known = [int(number) for block in blocks for number in block.findings.beat[[0, -1]]]
        if not known or not known[0] <= beat <= known[-1]:
            what = f"{known[0]} to {known[-1]}" if known else "none"
            raise ValueError(f"beat {beat} is not among the remembered ones ({what})")
        return explain_beat(self.model.network, blocks, beat, remember=self._remember, gates=gates)

    def _reset(self) -> None:
        super()._reset()
        self._blocks.clear()
