"""Log-odds that stay finite."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

EDGE = 1e-6

Array = NDArray[np.float64]


def log_odds(p: Array) -> Array:
    """Return ln(p / (1 - p)), with p kept a millionth away from 0 and 1."""
    odds: Array = logit(np.clip(p, EDGE, 1 - EDGE))
    return odds
