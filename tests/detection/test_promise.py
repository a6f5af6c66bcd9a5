from __future__ import annotations

import pytest

from pipeline.detection.promise import doubt, has_moved
from pipeline.records import Drift


@pytest.mark.parametrize(
    ("judged", "flagged", "moved", "why"),
    [
        (299, 0, False, "299 beats are too few to tell"),
        (1000, 10, False, None),
        (1000, 200, False, None),
        (1000, 201, False, "20 % of the beats are flagged, normal ones may be among them"),
        (1000, 10, True, "the level of the scores has changed"),
    ],
)
def test_a_rate_is_promised_where_nothing_speaks_against_it(
    judged: int, flagged: int, moved: bool, why: str | None
) -> None:
    assert doubt(judged, flagged, moved=moved) == why


def test_a_drift_that_was_only_noted_moves_nothing() -> None:
    noted = Drift("r", 1, 1.0, 0.0, 1.0, "noted: too small to act on")
    acted = Drift("r", 1, 1.0, 0.0, 2.0, "forgot all scores but the last 32")
    assert (has_moved([noted]), has_moved([noted, acted]), has_moved([])) == (False, True, False)
