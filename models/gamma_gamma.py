"""Gamma-Gamma: the average spend per order, shrunk towards everybody's by how often a customer was seen.

Fader and Hardie (2013), The Gamma-Gamma Model of Monetary Value, brucehardie.com/notes/025.
"""

from dataclasses import asdict, dataclass
from typing import Self

import polars as pl

from models.lifetimes_engine import fit_gamma_gamma


@dataclass(frozen=True)
class GammaGamma:
    """A fitted Gamma-Gamma: p and q without unit, gamma in the currency of the data.

    Frames hold `frequency` (repeat purchases) and `monetary_value` (average spend per repeat purchase).
    """

    p: float
    q: float
    gamma: float
    diagnosis: str = ""

    @classmethod
    def fit(cls, frame: pl.DataFrame) -> Self:
        """Return the maximum-likelihood fit to repeat buyers with positive spend (note 025, eq. 1a).

        Customers without a repeat purchase or without positive spend take no part. Where too few are left
        or the fit fails, the parameters come from moments, and `diagnosis` says so.
        """
        params, diagnosis = fit_gamma_gamma(frame)
        return cls(**params, diagnosis=diagnosis)

    @property
    def params(self) -> dict[str, float]:
        """The parameters under the note's names."""
        return {"p": self.p, "q": self.q, "gamma": self.gamma}

    def expected_spend(self, frame: pl.DataFrame) -> pl.Series:
        """E[spend per order | x, monetary_value] (note 025, eq. 5); the population's mean for x = 0.

        A negative average, from returns, counts as 0.
        """
        x = pl.col("frequency").fill_null(0)
        spend = pl.col("monetary_value").fill_null(0).clip(lower_bound=0)
        mean = self.p * (self.gamma + x * spend) / (self.p * x + self.q - 1)
        return frame.select(mean.cast(pl.Float64).alias("expected_spend")).to_series()

    def to_json(self) -> dict[str, float | str]:
        """Return the fitted model as data."""
        return asdict(self)
