"""A randomised experiment: who was treated, with which probability, and the outcome."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from features.frames.arrays import Array, BoolArray, IntArray
from models.errors import TooLittleDataError

MIN_IN_ARM, MIN_OF_A_KIND = 200, 20


@dataclass(frozen=True)
class Experiment:
    """One row per customer and contact in every field; `frame` holds what was known before the contact.

    `stayed` is 1 with a purchase in the window after the contact, else 0. `margin` is the margin earned in that window, in
    currency. `propensity` is the probability of treatment, in (0, 1). `risk` is the probability of no purchase without the
    contact, in [0, 1], predicted before it. `unit` identifies the customer: folds and resamples keep a customer's rows together.
    """

    frame: pl.DataFrame
    unit: IntArray
    treated: BoolArray
    propensity: Array
    risk: Array
    stayed: Array
    margin: Array

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.treated)

    def subset(self, rows: BoolArray) -> "Experiment":
        """Return the flagged rows."""
        return Experiment(
            frame=self.frame.filter(pl.Series(rows)),
            unit=self.unit[rows],
            treated=self.treated[rows],
            propensity=self.propensity[rows],
            risk=self.risk[rows],
            stayed=self.stayed[rows],
            margin=self.margin[rows],
        )

    def folds(self, count: int, seed: int) -> IntArray:
        """Return a fold in [0, count) for each row, the same for all rows of a customer."""
        units, unit_index = np.unique(self.unit, return_inverse=True)
        folds: IntArray = np.random.default_rng(seed).permutation(np.arange(len(units)) % count)[unit_index]
        return folds


def refuse_small(treated: BoolArray, stayed: Array) -> None:
    """Raise TooLittleDataError with fewer than 200 rows in an arm, or fewer than 20 of either outcome in an arm.

    The arrays are those of an Experiment.
    """
    for name, arm in (("treated", treated), ("held out", ~treated)):
        rows, followed = int(arm.sum()), int(stayed[arm].sum())
        if rows < MIN_IN_ARM or min(followed, rows - followed) < MIN_OF_A_KIND:
            raise TooLittleDataError(
                f"An uplift model needs {MIN_IN_ARM} contacts per arm with {MIN_OF_A_KIND} of each outcome; "
                f"found {rows} {name}, of which {followed} were followed by an order."
            )
