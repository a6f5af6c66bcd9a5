"""The constants of EC57-stream, the protocol behind every quality figure that this project quotes.

It follows ANSI/AAMI EC57:2012, as WFDB's ``bxb`` implements it, where EC57 speaks, and fixes what streaming and
label-free operation add: a learning period without labels, the beats that count, and the classes of anomaly.
"""

from __future__ import annotations

__all__ = [
    "ANOMALOUS",
    "DS1",
    "DS2",
    "LEARNING_S",
    "MATCH_S",
    "MIN_ANOMALIES",
    "PACED",
    "RATES",
    "SAME_PERSON",
    "SPLITS",
    "SVDB_DEV",
    "SVDB_TEST",
    "without",
]


def _mitdb(numbers: str) -> tuple[str, ...]:
    return tuple(f"mitdb/{number}" for number in numbers.split())


# de Chazal et al. 2004 (doi:10.1109/TBME.2004.827359): DS1 to develop, train and choose; DS2 to report, never to tune.
DS1 = _mitdb("101 106 108 109 112 114 115 116 118 119 122 124 201 203 205 207 208 209 215 220 223 230")
DS2 = _mitdb("100 103 105 111 113 117 121 123 200 202 210 212 213 214 219 221 222 228 231 232 233 234")
# Half of the MIT-BIH Supraventricular Arrhythmia Database (Greenwald 1990) to develop; 860 to 894 are only reported.
SVDB_DEV = tuple(f"svdb/{i}" for i in (*range(800, 813), *range(820, 830), *range(840, 860)))
SVDB_TEST = tuple(f"svdb/{i}" for i in range(860, 895))
SPLITS = {"DS1": DS1, "DS2": DS2, "svdb-dev": SVDB_DEV, "svdb-test": SVDB_TEST}
PACED = _mitdb("102 104 107 217")  # EC57 leaves paced records out

# 201 stands in DS1 and 202 in DS2, and they are the same person: figures are also given without 202.
SAME_PERSON = ("mitdb/201", "mitdb/202")

LEARNING_S = 300.0  # s; used without labels, scored from here on (EC57's learning period)
MATCH_S = 0.150  # s; the match window of EC57 and of bxb
ANOMALOUS = ("S", "V", "F")  # AAMI classes that are anomalies; Q is left out of the count
MIN_ANOMALIES = 10  # a record with fewer has no ranking figure of its own
RATES = (0.05, 0.01, 0.001)  # declared false-alarm rates per normal beat at which calibration is measured


def without(names: tuple[str, ...], *numbers: str) -> tuple[str, ...]:
    """Return record names without those whose last part is one of ``numbers``: ``without(DS2, "232")``."""
    return tuple(name for name in names if name.rsplit("/", 1)[-1] not in numbers)
