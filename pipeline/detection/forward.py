"""What scoring asks of a network."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Forward"]


class Forward(Protocol):
    """A network's forward pass with weights that stay as they are."""

    def run(self, residual: NDArray[np.float32], condition: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rebuild residuals of any number of beats; none depends on which others come at once.

        Parameters
        ----------
        residual : ndarray of float32, shape (n, steps, channels)
            Residuals in units of the patient's noise.
        condition : ndarray of float32, shape (n, steps, conditions)
            What is known of the patient's usual beat, see :func:`pipeline.detection.reading.inputs`.

        Returns
        -------
        ndarray of float32, shape (n, steps, channels)
            The residual as far as it is normal variation.
        """
