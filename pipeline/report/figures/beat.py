"""One beat: what the model saw, and what it expected."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.report.figures.svg import curve, group, path, svg, text
from pipeline.report.marks import colour

__all__ = ["beat_svg"]

_WIDTH, _HEIGHT = 250, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 20, 22
_FS = 180.0  # Hz, the internal rate
_R_STEP = 60  # step of the R peak in a window


def beat_svg(
    window: ArrayLike,
    expected: ArrayLike,
    leads: tuple[str, ...],
    *,
    nearest: ArrayLike | None = None,
    fs: float = _FS,
    r_step: int = _R_STEP,
) -> str:
    """Return what the model expected drawn over what it saw, lead by lead, the error shaded, as SVG.

    Parameters
    ----------
    window, expected : array_like, shape (steps, leads)
        What the model saw and what it expected, in mV; NaN in a lead that was not there.
    leads : tuple of str
        Names of the leads.
    nearest : array_like, shape (steps, leads), optional
        The patient's nearest normal beat in mV.
    fs : float
        Rate of the windows in Hz.
    r_step : int
        Step at which the R peak lies.

    Raises
    ------
    ValueError
        If the windows do not have one column per lead.
    """
    saw, model = np.asarray(window, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    if saw.ndim != 2 or saw.shape != model.shape or saw.shape[1] != len(leads):
        raise ValueError(f"windows of shapes {saw.shape} and {model.shape} do not have one column per lead of {leads}")
    normal = np.full_like(saw, np.nan) if nearest is None else np.asarray(nearest, dtype=np.float64)
    if normal.shape != saw.shape:
        raise ValueError(f"a nearest beat of shape {normal.shape} does not fit windows of {saw.shape}")
    time_ms = (np.arange(len(saw)) - r_step) / fs * 1000.0
    panels = [_panel(saw[:, i], model[:, i], normal[:, i], time_ms, name) for i, name in enumerate(leads)]
    body = "".join(group(panel, transform=f"translate({i * _WIDTH} 0)") for i, panel in enumerate(panels))
    return svg(_WIDTH * len(leads), _HEIGHT, body, label=f"Beat seen and expected in {', '.join(leads)}")


def _panel(
    saw: NDArray[np.float64],
    model: NDArray[np.float64],
    normal: NDArray[np.float64],
    time_ms: NDArray[np.float64],
    name: str,
) -> str:
    title = text(_LEFT, 13, name, font_weight=600, fill=colour("ink"))
    if not np.isfinite(saw).any():
        return title + text(_WIDTH / 2, _HEIGHT / 2, "lead absent", text_anchor="middle", fill=colour("muted"))
    low, high = float(np.nanmin([saw, model, normal])), float(np.nanmax([saw, model, normal]))
    low, high = min(low, -0.25), max(high, 0.25)
    span = high - low
    x = _LEFT + (time_ms - time_ms[0]) / (time_ms[-1] - time_ms[0]) * (_WIDTH - _LEFT - _RIGHT)

    def at(value: NDArray[np.float64] | float) -> NDArray[np.float64]:
        return _TOP + (high - np.asarray(value)) / span * (_HEIGHT - _TOP - _BOTTOM)

    step = next(step for step in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0, 1e9) if span / step <= 6)
    levels = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    grid = "".join(f"M{_LEFT} {at(v):.1f}H{_WIDTH - _RIGHT}" for v in levels)
    values = "".join(text(_LEFT - 4, float(at(v)) + 3.5, f"{v:g}" if abs(v) > 1e-9 else "0") for v in levels)
    ticks = [ms for ms in range(-300, 301, 100) if time_ms[0] <= ms <= time_ms[-1]]
    across = [float(np.interp(ms, time_ms, x)) for ms in ticks]
    grid += "".join(f"M{at_x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}" for at_x in across)
    times = "".join(text(at_x, _HEIGHT - 8, f"{ms:+d}" if ms else "R") for at_x, ms in zip(across, ticks, strict=True))
    # Ten units a pixel keep whole-number paths smooth.
    both = np.isfinite(saw) & np.isfinite(model)
    xs = np.concatenate([x[both], x[both][::-1]]) * 10
    ys = np.concatenate([at(saw[both]), at(model[both])[::-1]]) * 10
    error = f'<path d="{path(xs, ys)}z" fill="{colour("ventricular")}" fill-opacity=".22"/>'
    expected = curve(path(x * 10, at(model) * 10), "threshold", 18, stroke_dasharray="60 30")
    usual = curve(path(x * 10, at(normal) * 10), "normal", 10) if np.isfinite(normal).any() else ""
    seen = curve(path(x * 10, at(saw) * 10), "ink", 16, stroke_linejoin="round")
    return (
        title
        + curve(grid, "line", 0.7)
        + group(values, text_anchor="end", font_size=10, fill=colour("muted"))
        + group(times, text_anchor="middle", font_size=10, fill=colour("muted"))
        + text(_WIDTH - _RIGHT, 13, "mV, ms", text_anchor="end", font_size=10, fill=colour("muted"))
        + group(error + usual + expected + seen, transform="scale(.1)")
    )
