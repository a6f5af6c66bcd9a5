"""A ward of synthetic patients, one of each kind that a demo should show."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.sources.synthetic.scenario import Episode, Scenario

__all__ = ["demo_ward"]


def demo_ward(seconds: float = 600.0) -> dict[str, Scenario]:
    """Return ten patients by name.

    The first half of each is the patient's usual rhythm, so that a monitor can learn it; what happens then is laid out
    over the second half. Everything repeats after ``seconds``, so the same patients serve a monitor that runs for days.

    Parameters
    ----------
    seconds : float
        Length of one round in s; at least 60.

    Returns
    -------
    dict of str to Scenario
        Keyed by record name, such as ``synth/bigeminy``.

    Raises
    ------
    ValueError
        If a round is shorter than 60 s.
    """
    if not seconds >= 60.0:
        raise ValueError(f"a round of {seconds} s is too short: at least 60 s")

    def on(kind: str, start: float, stop: float, level: float | None = None, **more: int | float) -> Episode:
        """Return an episode between two shares of the round."""
        ramp_s = more.get("ramp")
        lead = more.get("lead")
        return Episode(
            kind,
            start * seconds,
            stop * seconds,
            level,
            None if lead is None else int(lead),
            None if ramp_s is None else ramp_s * seconds,
        )

    return {
        f"synth/{name}": Scenario(title, tuple(episodes), period_s=seconds, **who)
        for name, (title, who, episodes) in _patients(on).items()
    }


def _patients(on: Callable[..., Episode]) -> dict[str, tuple[str, dict[str, float], list[Episode]]]:
    """Return title, person and episodes of each patient; times are shares of the round."""
    return {
        "sinus": (
            "healthy adult at rest: sinus rhythm with respiratory arrhythmia, few atrial premature beats",
            {"rate_bpm": 64.0, "variability": 1.2},
            [on("apb", 0.0, 1.0, 0.2), on("muscle", 0.72, 0.75, 0.04)],
        ),
        "drift": (
            "sinus rhythm whose rate and amplitude change slowly: nothing here is an anomaly",
            {"rate_bpm": 68.0},
            [
                on("rate", 0.45, 0.95, 32.0, ramp=0.25),
                on("amplitude", 0.55, 1.0, 0.6, ramp=0.2),
                on("wander", 0.6, 0.8, 0.25, ramp=0.05),
            ],
        ),
        "ventricular": (
            "premature ventricular beats of two shapes, couplets, runs and a ventricular tachycardia",
            {"rate_bpm": 76.0},
            [
                on("pvc", 0.0, 0.5, 0.4),
                on("pvc", 0.5, 1.0, 6.0),
                on("pvc_left", 0.6, 1.0, 3.0),
                on("couplet", 0.6, 0.9, 1.5),
                on("vt", 0.73, 0.734, 150.0),
                on("run", 0.75, 0.9, 1.0),
                on("vt", 0.93, 0.955, 172.0),
            ],
        ),
        "bigeminy": (
            "ventricular bigeminy and trigeminy that come and go",
            {"rate_bpm": 80.0, "variability": 0.7},
            [
                on("pvc", 0.4, 1.0, 1.5),
                on("bigeminy", 0.52, 0.62),
                on("trigeminy", 0.68, 0.75),
                on("bigeminy", 0.8, 0.93),
            ],
        ),
        "atrial": (
            "atrial premature beats, supraventricular tachycardia, then a paroxysm of atrial fibrillation",
            {"rate_bpm": 66.0},
            [
                on("apb", 0.0, 0.5, 0.6),
                on("apb", 0.5, 0.7, 7.0),
                on("svt", 0.64, 0.67, 165.0),
                on("afib", 0.72, 0.92, 112.0),
            ],
        ),
        "afib": (
            "permanent atrial fibrillation, later with ventricular beats: the irregular rhythm is the usual one",
            {"rate_bpm": 78.0},
            [on("afib", 0.0, 1.0, 84.0), on("pvc", 0.5, 1.0, 4.0), on("vt", 0.85, 0.86, 180.0)],
        ),
        "bundle-branch": (
            "left bundle branch block that comes and goes, once a right one",
            {"rate_bpm": 70.0, "variability": 0.8},
            [on("lbbb", 0.52, 0.6), on("lbbb", 0.66, 0.7), on("rbbb", 0.76, 0.84), on("lbbb", 0.9, 0.97)],
        ),
        "ischaemia": (
            "ST depression that comes over minutes with a rising rate, then ST elevation with ventricular beats",
            {"rate_bpm": 74.0, "variability": 0.6},
            [
                on("st", 0.5, 0.72, -0.25, ramp=0.06),
                on("rate", 0.48, 0.74, 18.0, ramp=0.08),
                on("st", 0.8, 0.98, 0.35, ramp=0.04),
                on("pvc", 0.8, 1.0, 3.0),
            ],
        ),
        "pauses": (
            "slow sinus rhythm with sinus arrests, escape beats and a junctional rhythm",
            {"rate_bpm": 54.0},
            [on("pause", 0.5, 0.75, 2.5), on("junctional", 0.8, 0.87, 42.0), on("pause", 0.9, 1.0, 2.0)],
        ),
        "artefacts": (
            "a healthy heart on bad electrodes: noise, hum, lead off, missing samples, saturation, wrong electrodes",
            {"rate_bpm": 72.0},
            [
                on("wander", 0.5, 0.55, 0.8),
                on("muscle", 0.54, 0.58, 0.15),
                on("motion", 0.6, 0.65, 0.35),
                on("hum", 0.66, 0.69, 0.15),
                on("off", 0.7, 0.74, lead=0),
                on("off", 0.77, 0.79),
                on("missing", 0.82, 0.84),
                on("missing", 0.85, 0.88, lead=1),
                on("saturation", 0.89, 0.91, 0.5),
                on("inverted", 0.92, 0.94, lead=0),
                on("swap", 0.95, 0.98),
            ],
        ),
    }
