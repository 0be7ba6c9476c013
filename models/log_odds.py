"""Log-odds that stay finite."""

import numpy as np
from scipy.special import logit

from features.frames.arrays import Array

MIN_PROBABILITY = 1e-6


def log_odds(p: Array) -> Array:
    """Return ln(p / (1 - p)), with p clipped to between 1e-6 and 1 - 1e-6."""
    values: Array = logit(np.clip(p, MIN_PROBABILITY, 1 - MIN_PROBABILITY))
    return values
