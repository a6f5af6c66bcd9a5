"""River's ADWIN without the rest of River's drift package, which brings pandas, scikit-learn and SQLAlchemy along."""

from __future__ import annotations

from typing import Any

from river import base

__all__ = ["adwin"]


class _Adwin(base.DriftDetector):
    """What :class:`river.drift.ADWIN` is, around the same engine, as far as a threshold asks it."""

    def __init__(self, delta: float = 0.002) -> None:
        super().__init__()
        self.delta = delta
        self._reset()

    def _reset(self) -> None:
        from river._river_rust.drift import AdaptiveWindowing

        super()._reset()
        self._window: Any = AdaptiveWindowing(
            delta=self.delta, clock=32, max_buckets=5, min_window_length=5, grace_period=10
        )

    @property
    def width(self) -> int:
        """Values in the window."""
        return int(self._window.get_width())

    @property
    def estimation(self) -> float:
        """Their mean."""
        return float(self._window.get_total()) / self.width if self.width else 0.0

    def update(self, x: float) -> None:
        """Take the next value."""
        if self.drift_detected:
            self._reset()
        self._drift_detected = self._window.update(x)


def adwin(delta: float) -> base.DriftDetector:
    """Return an ADWIN; where this River keeps its engine elsewhere, River's own class with all that it brings."""
    try:
        return _Adwin(delta)
    except ImportError:
        from river.drift import ADWIN

        return ADWIN(delta=delta)  # type: ignore[no-untyped-call]  # River's own
