"""The rivals that a detector has to beat, scored on the same beats in the same run.

Each is a function of the beat windows and the R peaks of one record, in time order, and returns one score per beat.
None sees a label. Their constants were chosen on DS1 and never on a record that figures are reported for.

- ``prematurity``: how early a beat comes, and nothing else;
- ``template``: distance from one running template in units of a running noise, plus prematurity;
- ``two_templates``: the strong one: up to two trusted templates, offsets taken out, a bounded rhythm term. A method
  that does not beat it is no result;
- ``pca``: error of the learning period's principal components, plus prematurity;
- ``half_space_trees``: River's HalfSpaceTrees on the same window, test then train.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.rivals.half_space import half_space_trees
from pipeline.evaluation.rivals.pca import pca
from pipeline.evaluation.rivals.rhythm import prematurity
from pipeline.evaluation.rivals.templates import one_template, two_templates

__all__ = ["RIVALS", "Rival", "half_space_trees", "one_template", "pca", "prematurity", "two_templates"]

Rival = Callable[[NDArray[np.float32], NDArray[np.float64]], NDArray[np.float64]]

RIVALS: dict[str, Rival] = {
    "prematurity": lambda windows, r_peak_s: prematurity(r_peak_s),
    "template": one_template,
    "two_templates": two_templates,
    "pca": pca,
    "half_space_trees": half_space_trees,
}
