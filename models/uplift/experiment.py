"""A randomised trial: who was treated, with which probability, and what came of it."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import TooLittleDataError
from models.log_odds import Array

Flags = NDArray[np.bool_]
MIN_IN_ARM, MIN_OF_A_KIND = 200, 20


@dataclass(frozen=True)
class Experiment:
    """One entry per customer and contact in every part; `frame` holds what was known before the contact.

    `stayed` is 1 with a purchase in the window after it, else 0; `money` is the margin that the window brought, in currency.
    `propensity` is the probability of having been treated, in (0, 1), `risk` what was thought before of no purchase without the
    contact, in [0, 1]. `unit` names the customer: folds and resamples take all
    rows of one or none.
    """

    frame: pl.DataFrame
    unit: NDArray[np.int64]
    treated: Flags
    propensity: Array
    risk: Array
    stayed: Array
    money: Array

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.treated)

    def only(self, which: Flags) -> "Experiment":
        """Return some of the rows."""
        return Experiment(
            self.frame.filter(pl.Series(which)),
            self.unit[which],
            self.treated[which],
            self.propensity[which],
            self.risk[which],
            self.stayed[which],
            self.money[which],
        )

    def folds(self, count: int, seed: int) -> NDArray[np.int64]:
        """Return a fold for each row, the same for all rows of a customer."""
        units, place = np.unique(self.unit, return_inverse=True)
        drawn: NDArray[np.int64] = np.random.default_rng(seed).permutation(np.arange(len(units)) % count)[place]
        return drawn


def refuse_small(trial: Experiment) -> None:
    """Raise TooLittleData with fewer than 200 rows in an arm, or fewer than 20 of either outcome in one."""
    for name, arm in (("treated", trial.treated), ("held out", ~trial.treated)):
        rows, stayed = int(arm.sum()), int(trial.stayed[arm].sum())
        if rows < MIN_IN_ARM or min(stayed, rows - stayed) < MIN_OF_A_KIND:
            raise TooLittleDataError(
                f"Who responds is learned from {MIN_IN_ARM} contacts an arm with {MIN_OF_A_KIND} of each outcome; "
                f"found {rows} {name}, of whom {stayed} ordered."
            )
