from __future__ import annotations

import math

import pytest

from pipeline.bench.growth import Point, Series, Sizes, bench_growth

pytestmark = pytest.mark.slow

SMALL = Sizes(patients=(1, 3), hours=(0.02, 0.05), leads=(2, 12), rates=(128.0, 500.0), minutes=1.0)


def grown(time_power: float, memory_power: float = 0.0, fixed_s: float = 0.0) -> Series:
    points = tuple(Point(n, fixed_s + 0.01 * n**time_power, 50.0 * n**memory_power) for n in (1, 2, 4, 8, 16, 32))
    return Series("patients", "patient", "work", "memory", points)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_an_exponent_is_found(power: float) -> None:
    assert grown(power, power).time_exponent == pytest.approx(power, abs=1e-6)
    assert grown(power, power).memory_exponent == pytest.approx(power, abs=1e-6)


@pytest.mark.parametrize(
    ("series", "flagged"),
    [
        (grown(1.0, 1.0), ()),
        (grown(1.04), ()),
        (grown(1.2), ("time", "time at large sizes")),
        (grown(1.0, 1.5), ("memory",)),
        (grown(2.0, fixed_s=1.0), ("time at large sizes",)),  # what does not grow hides it at small sizes
    ],
)
def test_what_is_worse_than_linear_is_flagged(series: Series, flagged: tuple[str, ...]) -> None:
    assert series.worse_than_linear == flagged
    assert series.to_dict()["worse_than_linear"] == flagged


def test_memory_too_small_to_tell_has_no_exponent() -> None:
    points = tuple(Point(n, 0.01 * n, 0.1 * n) for n in (1, 2, 4))
    assert math.isnan(Series("rates", "Hz", "", "", points).memory_exponent)


def test_a_ward_and_a_long_record_are_measured() -> None:
    told: list[str] = []
    patients, hours = bench_growth(("patients", "hours"), SMALL, progress=lambda what, _share: told.append(what))
    assert told == ["patients", "hours"]
    assert [point.size for point in patients.points] == [1, 3]
    assert [point.size for point in hours.points] == [0.02, 0.05]
    assert patients.points[1].cpu_s > patients.points[0].cpu_s > 0.0
    assert hours.points[1].cpu_s > hours.points[0].cpu_s > 0.0  # one record, so it can only add up
    assert hours.points[1].memory_mb >= hours.points[0].memory_mb > 0.0


def test_leads_and_rates_are_measured() -> None:
    leads, rates = bench_growth(("leads", "rates"), SMALL)
    assert [point.size for point in leads.points] == [2, 12]
    assert [point.size for point in rates.points] == [128.0, 500.0]
    for series in (leads, rates):
        for point in series.points:
            assert 0.0 < point.cpu_s < 60.0
            assert point.memory_mb > 0.0
