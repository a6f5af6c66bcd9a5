"""The PhysioNet/CinC Challenge 2015: which of the alarms of intensive care are true, seen in real time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import RecordNotFound
from pipeline.records import Alarm, last_states

__all__ = ["CHALLENGE_KINDS", "ChallengeAlarm", "ChallengeCounts", "challenge_counts", "challenge_score", "judge_alarm",
           "read_alarms"]  # fmt: skip

RAISED_S = 300.0  # when the monitor at the bedside raised its alarm
WINDOW_S = (285.0, 300.5)  # an alarm in it agrees: the bedside's came within 10 s of the event, ours half a second late
STANDS_S = 290.0  # an alarm raised before agrees if it still lasts then

# Clifford et al. 2015 (doi:10.1109/CIC.2015.7408639), table 1, and the rules here that are of the same sort.
CHALLENGE_KINDS = {
    "Asystole": ("asystole",),
    "Bradycardia": ("bradycardia", "extreme bradycardia"),
    "Tachycardia": ("tachycardia", "extreme tachycardia"),
    "Ventricular_Flutter_Fib": ("ventricular fibrillation",),
    "Ventricular_Tachycardia": ("ventricular tachycardia",),
}


@dataclass(frozen=True, slots=True)
class ChallengeAlarm:
    """One alarm of the challenge: its record, its kind, and whether experts called it true."""

    record: str
    kind: str
    is_true: bool


@dataclass(frozen=True, slots=True)
class ChallengeCounts:
    """How many alarms of a kind were true and told (tp), true and not (fn), false and told (fp), false and not (tn)."""

    tp: int
    fn: int
    fp: int
    tn: int

    @property
    def tpr(self) -> float:
        """Share of the true alarms that were told."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else float("nan")

    @property
    def tnr(self) -> float:
        """Share of the false alarms that were not."""
        return self.tn / (self.tn + self.fp) if self.tn + self.fp else float("nan")

    @property
    def score(self) -> float:
        """The challenge's score in percent."""
        return challenge_score(self)

    def __add__(self, other: ChallengeCounts) -> ChallengeCounts:
        return ChallengeCounts(self.tp + other.tp, self.fn + other.fn, self.fp + other.fp, self.tn + other.tn)


def read_alarms(folder: Path) -> list[ChallengeAlarm]:
    """Read ``ALARMS``: a line a record with its name, the kind of alarm, and 1 or 0.

    Raises
    ------
    RecordNotFound
        If the folder has no such file, or a line of it cannot be read.
    """
    path = folder / "ALARMS"
    try:
        lines = path.read_text().split()
    except OSError as error:
        raise RecordNotFound(f"{folder} has no file ALARMS, as the Challenge 2015 has ({error.strerror})") from error
    alarms = []
    for line in lines:
        parts = line.split(",")
        if len(parts) != 3 or parts[1] not in CHALLENGE_KINDS or parts[2] not in ("0", "1"):
            raise RecordNotFound(f"{path}: {line!r} is not a record, a kind of alarm, and 1 or 0")
        alarms.append(ChallengeAlarm(parts[0], parts[1], parts[2] == "1"))
    return alarms


def judge_alarm(challenge: ChallengeAlarm, alarms: Sequence[Alarm], updates: Sequence[Alarm]) -> tuple[bool, bool]:
    """Return whether an alarm of the same sort was raised up to 5:00, and whether it was or still lasted.

    Parameters
    ----------
    challenge : ChallengeAlarm
        What the bedside monitor said.
    alarms, updates : sequence of Alarm
        What a person was told, and the other states of it.
    """
    kinds = CHALLENGE_KINDS[challenge.kind]
    seen = [alarm for alarm in alarms if alarm.kind in kinds and alarm.raised_s <= WINDOW_S[1]]
    raised = any(alarm.raised_s >= WINDOW_S[0] for alarm in seen)
    ends = {alarm.key: alarm.ended_s for alarm in last_states([*alarms, *updates])}
    return raised, raised or any((ends[alarm.key] or RAISED_S) >= STANDS_S for alarm in seen)


def challenge_counts(judged: Sequence[tuple[ChallengeAlarm, bool]]) -> ChallengeCounts:
    """Count alarms with what was said of them."""
    pairs = [(alarm.is_true, told) for alarm, told in judged]
    return ChallengeCounts(
        tp=pairs.count((True, True)),
        fn=pairs.count((True, False)),
        fp=pairs.count((False, True)),
        tn=pairs.count((False, False)),
    )


def challenge_score(counts: ChallengeCounts) -> float:
    """Return 100 (TP + TN) / (TP + TN + FP + 5 FN), NaN where there is nothing."""
    whole = counts.tp + counts.tn + counts.fp + 5 * counts.fn
    return 100.0 * (counts.tp + counts.tn) / whole if whole else float("nan")
