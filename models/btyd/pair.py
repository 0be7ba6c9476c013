"""The buy-till-you-die pair, BG/NBD and Gamma-Gamma, and the columns they add to the features."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import polars as pl

from models.btyd.bgnbd import BGNBD
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.seasonal_level import NO_OFFSET, SeasonalOffset
from models.errors import TooLittleDataError

COLUMNS = ("btyd_p_alive", "btyd_p_no_order", "btyd_expected_orders", "btyd_expected_spend")
SEASONAL_COLUMNS = ("btyd_churn_level", "btyd_value_level")


@dataclass(frozen=True)
class BuyTillYouDie:
    """Order process and spend per order, both fitted on what was known as of one date; time in days.

    `level` is what is expected of the window after that date beyond them: the season and the like.
    """

    orders: BGNBD
    spend: GammaGamma
    level: SeasonalOffset = NO_OFFSET

    @classmethod
    def fit(cls, features: pl.DataFrame) -> Self:
        """Fit both models on the rows with a purchase. Raises TooLittleData where nobody bought again."""
        buyers = features.filter(pl.col("orders") > 0)
        again = buyers.filter(pl.col("frequency") > 0).height
        if not again:
            raise TooLittleDataError(
                f"A purchase rhythm needs customers who bought again; none of {buyers.height} customers has."
            )
        return cls(BGNBD().fit(buyers), GammaGamma().fit(buyers))

    def expecting(self, level: SeasonalOffset) -> Self:
        """Return the same pair with this level expected of the window ahead."""
        return replace(self, level=level)

    def with_columns(self, features: pl.DataFrame, horizon_days: int) -> pl.DataFrame:
        """Return the features with COLUMNS and LEVELS for the next `horizon_days`; every row needs a purchase."""
        return features.with_columns(
            self.orders.p_alive(features).alias("btyd_p_alive"),
            self.orders.p_no_order(features, horizon_days).alias("btyd_p_no_order"),
            self.orders.expected_orders(features, horizon_days).alias("btyd_expected_orders"),
            self.spend.expected_spend(features).alias("btyd_expected_spend"),
            pl.lit(self.level.churn).alias("btyd_churn_level"),
            pl.lit(self.level.value).alias("btyd_value_level"),
        )

    def to_json(self) -> dict[str, Any]:
        """Return both models and the level as data."""
        return {"orders": self.orders.to_json(), "spend": self.spend.to_json(), "level": asdict(self.level)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_json` gave."""
        return cls(BGNBD.from_json(data["orders"]), GammaGamma.from_json(data["spend"]), SeasonalOffset(**data["level"]))
