"""One past day as a training example: what was known then, and what happened next."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from features.labels import ANSWERS
from models.btyd.pair import BuyTillYouDie

MIN_CUSTOMERS = 30  # below it a day, or a window, tells nothing


@dataclass(frozen=True)
class Snapshot:
    """Features and labels of every customer with a purchase before `as_of`, with the BTYD columns.

    `btyd` was fitted on these very features, so nothing in `frame` but the labels is younger than `as_of`.
    """

    as_of: date
    horizon_days: int
    frame: pl.DataFrame
    btyd: BuyTillYouDie

    @property
    def asked(self) -> pl.DataFrame:
        """The frame without the answers: what a model may see that is to foretell them."""
        return self.frame.drop(ANSWERS, strict=False)

    @property
    def closed_on(self) -> date:
        """First day on which the labels are known: the end, exclusive, of their window."""
        return self.as_of + timedelta(days=self.horizon_days)
