"""A monitor that remembers the last beats well enough to say why it scored them as it did."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable

from pipeline.detection.model import BeatModel
from pipeline.detection.score_parts import ScoreParts
from pipeline.detection.scorer import Prepared
from pipeline.detection.sequence.reader import SequenceReading
from pipeline.explain.dissection import explain_beat
from pipeline.explain.explanation import Explanation
from pipeline.explain.remembered import Remembered
from pipeline.monitor import Monitor
from pipeline.records import Findings
from pipeline.settings import AlarmSettings, ThresholdSettings
from pipeline.signals.peaks import PeakFinder

__all__ = ["Witness"]

REMEMBERED = 1000  # beats
TOGETHER = 32  # beats of short chunks that are put together in memory


class Witness(Monitor):
    """A :class:`Monitor`, with the same scores bit by bit, that can be asked about its last beats.

    Parameters
    ----------
    model, threshold, alarms, peaks
        As :class:`Monitor` takes them.
    remember : int
        Beats that are remembered before those of the last chunk, some 7 KB each, half of that without gates.
    gates : bool
        Whether what the gates did may be asked for.
    """

    def __init__(
        self,
        model: BeatModel,
        *,
        threshold: ThresholdSettings | None = None,
        alarms: AlarmSettings | None = None,
        peaks: Callable[[], PeakFinder] | None = None,
        remember: int = REMEMBERED,
        gates: bool = True,
    ) -> None:
        super().__init__(model, threshold=threshold, alarms=alarms, peaks=peaks)
        self._remember, self._gates = remember, gates
        self._blocks: deque[Remembered] = deque()

    def _note(self, findings: Findings, prepared: Prepared, parts: ScoreParts, sequence: SequenceReading) -> None:
        if len(findings):
            self._blocks.append(Remembered.of(findings, prepared, parts, sequence, gates=self._gates))
        older = sum(map(len, self._blocks)) - len(findings)
        while older and older - len(self._blocks[0]) >= self._remember:
            older -= len(self._blocks.popleft())
        self._put_together()

    def _put_together(self) -> None:
        """Make one block of the newest small ones when there are enough: a live chunk brings a beat or none."""
        small = list(itertools.takewhile(lambda block: len(block) < TOGETHER, reversed(self._blocks)))
        if sum(map(len, small)) >= TOGETHER and len(small) > 1:
            whole = Remembered.join(small[::-1])
            self._blocks = deque([*itertools.islice(self._blocks, len(self._blocks) - len(small)), whole])

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
            If there is no such beat, it has been forgotten, or gates are asked for that were not remembered.
        """
        if gates and not self._gates:
            raise ValueError("what the gates did is not remembered")
        blocks = list(self._blocks)  # what it holds never changes: another thread may ask while this one follows
        known = [int(number) for block in blocks for number in block.findings.beat[[0, -1]]]
        if not known or not known[0] <= beat <= known[-1]:
            what = f"{known[0]} to {known[-1]}" if known else "none"
            raise ValueError(f"beat {beat} is not among the remembered ones ({what})")
        return explain_beat(self.model, blocks, beat, remember=self._remember, gates=gates)

    def _reset(self) -> None:
        super()._reset()
        self._blocks.clear()
