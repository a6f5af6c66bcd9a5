"""What the sequence network tells of a beat, and the sizes of the network."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.records import RHYTHMS

__all__ = ["CLASSES", "LIKELY", "STATES", "STRANGENESS", "SequenceShape"]

CLASSES = ("normal", "supraventricular", "ventricular")

# By how much the log odds of an abnormal beat rise with its shape's and its timing's part of the score, beside what the
# network has learnt. Chosen on DS1 and svdb 800 to 859: without it records of few ectopic beats are ranked worse.
STRANGENESS = 2.0

STATES = RHYTHMS[1:]
LIKELY = 0.5  # probability from which a rhythm is told


@dataclass(frozen=True, slots=True)
class SequenceShape:
    """Sizes of the sequence network.

    Attributes
    ----------
    hidden : int
        Units of the LSTM; a multiple of 4.
    judge : int
        Units of the dense layer that tells a beat's class.
    mixtures : int
        Logistic distributions in that of the interval.
    """

    hidden: int = 64
    judge: int = 24
    mixtures: int = 3
