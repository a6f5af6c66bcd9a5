"""The waves of each kind of beat, as tables of Gaussians.

A row is one wave: offset of its centre from the R peak (ms), width to the left and right of the centre (ms, standard
deviations), amplitude in the first and in the second lead (mV). The leads are MLII and V1, as in most records of the
MIT-BIH Arrhythmia Database.

In McSharry et al. 2003 (doi:10.1109/TBME.2003.808805) the signal follows a point that circles once a beat and is pushed
by five Gaussian forces, one for each of P, Q, R, S and T; on that cycle their equation integrates to a sum of Gaussians
of the phase (Sayadi et al. 2010, doi:10.1088/0967-3334/31/10/002), and beats of other kinds are other sums (Clifford et
al. 2010, doi:10.1088/0967-3334/31/5/001). Deviations from the paper: amplitudes, times and widths are this project's,
per lead; waves may be asymmetric, as T waves are; QRS width does not depend on the rate, and the T wave follows the
cube root of the R-R interval (Fridericia) instead of its square root.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["COMPLEXES", "P_WAVES", "ST_SEGMENT", "Complex"]

Table = NDArray[np.float64]


def _table(*rows: tuple[float, float, float, float, float]) -> Table:
    """Return the rows with times in s."""
    return np.array(rows) * (1e-3, 1e-3, 1e-3, 1.0, 1.0)


class Complex(NamedTuple):
    """Depolarisation and repolarisation of the ventricles; only the second follows the heart rate."""

    qrs: Table
    t: Table


# fmt: off
P_WAVES = {
    #                    ms    left right  MLII    V1
    "sinus":      _table((-172, 20, 18,  0.10,  0.055),
                         (-138, 16, 18,  0.06, -0.050)),
    "ectopic":    _table((-134, 15, 15, -0.07,  0.080),
                         (-112, 12, 14,  0.03,  0.030)),
    "retrograde": _table((105,  16, 18, -0.09,  0.060)),
}

NORMAL = Complex(
    qrs=_table(( -27,  7,  7, -0.09,  0.00),
               ( -13,  8,  7,  0.06,  0.22),
               (   0,  9, 10,  1.15, -0.20),
               (  13,  9, 12, -0.02, -0.75),
               (  29,  8, 11, -0.20, -0.10),
               (  48, 10, 12,  0.03,  0.03)),
    t=_table(  ( 110, 45, 60,  0.02,  0.03),
               ( 190, 60, 50,  0.07,  0.00),
               ( 258, 55, 38,  0.24, -0.08),
               ( 430, 40, 45,  0.02,  0.01)))

LEFT_BLOCK = Complex(
    qrs=_table(( -46, 14, 14,  0.45, -0.25),
               ( -24, 14, 12,  0.35, -0.45),
               (   0, 15, 17,  0.85, -0.95),
               (  28, 14, 16,  0.40, -0.80),
               (  52, 14, 18,  0.06, -0.25)),
    t=_table(  ( 120, 50, 60, -0.12,  0.22),
               ( 190, 60, 50, -0.12,  0.18),
               ( 270, 60, 45, -0.20,  0.32)))

RIGHT_BLOCK = Complex(
    qrs=_table(( -27,  7,  7, -0.08,  0.00),
               ( -13,  8,  8,  0.06,  0.30),
               (   0,  9, 10,  1.05, -0.12),
               (  14, 10, 10,  0.00, -0.45),
               (  44, 13, 18, -0.26,  0.70),
               (  70, 14, 20, -0.14,  0.35)),
    t=_table(  ( 130, 40, 60,  0.02, -0.10),
               ( 195, 60, 50,  0.06, -0.08),
               ( 272, 55, 40,  0.22, -0.20)))

# From the right ventricle: shaped like a left bundle branch block.
RIGHT_VENTRICULAR = Complex(
    qrs=_table(( -50, 13, 13,  0.30, -0.06),
               ( -26, 13, 11,  0.95, -0.45),
               (   0, 14, 13,  1.50, -1.10),
               (  31, 12, 13,  1.00, -0.50),
               (  58, 12, 15,  0.40, -0.28)),
    t=_table(  (  96, 22, 40, -0.22,  0.16),
               ( 150, 45, 45, -0.34,  0.22),
               ( 215, 50, 48, -0.42,  0.36),
               ( 285, 45, 42, -0.16,  0.16)))

# From the left ventricle: shaped like a right bundle branch block, away from the first lead.
LEFT_VENTRICULAR = Complex(
    qrs=_table(( -56, 11, 12,  0.40,  0.12),
               ( -30, 12, 12, -0.45,  0.70),
               (   0, 13, 12, -1.35,  0.50),
               (  26, 10, 13, -0.75,  0.95),
               (  54, 12, 16, -0.35,  0.30)),
    t=_table(  ( 100, 25, 45,  0.14, -0.12),
               ( 165, 50, 48,  0.26, -0.20),
               ( 240, 55, 40,  0.55, -0.30)))


def _fusion(a: Complex, b: Complex, share: float) -> Complex:
    """Return a beat whose ventricles are depolarised from both ends at once: a weighted sum of both."""
    weights = (1.0, 1.0, 1.0)
    return Complex(
        *(np.vstack([x * (*weights, 1.0 - share, 1.0 - share), y * (*weights, share, share)])
          for x, y in zip(a, b, strict=True)))


COMPLEXES = {
    "normal": NORMAL,
    "left_block": LEFT_BLOCK,
    "right_block": RIGHT_BLOCK,
    "right_ventricular": RIGHT_VENTRICULAR,
    "left_ventricular": LEFT_VENTRICULAR,
    "fusion": _fusion(NORMAL, RIGHT_VENTRICULAR, 0.55),
    "flutter": Complex(qrs=_table((0, 42, 48, 1.25, -0.60),
                                  (112, 46, 42, -1.05, 0.70)),
                       t=np.empty((0, 5))),
    "none": Complex(qrs=np.empty((0, 5)), t=np.empty((0, 5))),
}

# Per mV of shift in the first lead: a plateau from the J point that runs into the T wave.
ST_SEGMENT = _table(( 68, 14, 40,  0.45, -0.20),
                    (110, 40, 45,  0.60, -0.26),
                    (170, 45, 55,  0.65, -0.26))
# fmt: on
