"""All four axes of growth, each in fresh processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.bench.alone import alone
from pipeline.bench.growth.costs import cost_of_hours, cost_of_leads, cost_of_patients, cost_of_rates
from pipeline.bench.growth.series import Point, Series

__all__ = ["AXES", "QUICK", "Sizes", "bench_growth"]

AXES = ("patients", "hours", "leads", "rates")
ROUNDS = 5, 30  # seconds of signal that are measured of each patient: at least, and at most
PATIENT_SECONDS = 2000


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is measured.

    Attributes
    ----------
    patients : tuple of int
        Numbers of patients in a ward.
    hours : tuple of float
        Marks along one long record, in hours.
    leads : tuple of int
        Numbers of leads in a file.
    rates : tuple of float
        Sampling rates in Hz.
    minutes : float
        Length of the records of the last two.
    """

    patients: tuple[int, ...] = (1, 4, 16, 64, 250, 1000, 2000, 4000)
    hours: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 24.0, 72.0, 168.0)
    leads: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 12)
    rates: tuple[float, ...] = (128.0, 180.0, 250.0, 360.0, 500.0, 720.0, 1000.0)
    minutes: float = 30.0


QUICK = Sizes((1, 4, 16), (0.05, 0.1, 0.2), (1, 2, 12), (128.0, 360.0, 1000.0), 4.0)


def bench_growth(
    axes: Sequence[str] = AXES,
    sizes: Sizes | None = None,
    *,
    progress: Callable[[str, float], object] = lambda _what, _share: None,
) -> list[Series]:
    """Measure how processor time and memory grow.

    Parameters
    ----------
    axes : sequence of str
        Of ``patients``, ``hours``, ``leads`` and ``rates``.
    sizes : Sizes, optional
        At which sizes.
    progress : callable
        Told what is under way and the share that is done.
    """
    sizes = sizes or Sizes()
    measured = []
    for number, axis in enumerate(axes):
        progress(axis, number / len(axes))
        measured.append(_SERIES[axis](sizes))
    return measured


def _patients(sizes: Sizes) -> Series:
    points = []
    for n in sizes.patients:
        rounds = max(ROUNDS[0], min(ROUNDS[1], PATIENT_SECONDS // n))
        points.append(alone(cost_of_patients, n, rounds))
    return _series("patients", "patient", "a second of signal of all patients", "what all patients hold", points)


def _hours(sizes: Sizes) -> Series:
    points = alone(cost_of_hours, sizes.hours)
    return _series("hours", "hour", "the record so far, to Parquet", "most of the process over its imports", points)


def _leads(sizes: Sizes) -> Series:
    points = alone(cost_of_leads, sizes.leads, sizes.minutes)
    return _series(
        "leads", "lead", "an hour of a file, two leads scored", "most of the process over its imports", points
    )


def _rates(sizes: Sizes) -> Series:
    points = alone(cost_of_rates, sizes.rates, sizes.minutes)
    return _series("rates", "Hz", "an hour of two leads", "most of the process over its imports", points)


def _series(axis: str, unit: str, work: str, memory: str, points: Sequence[Point]) -> Series:
    return Series(axis, unit, work, memory, tuple(sorted(points, key=lambda point: point.size)))


_SERIES: dict[str, Callable[[Sizes], Series]] = {
    "patients": _patients,
    "hours": _hours,
    "leads": _leads,
    "rates": _rates,
}
