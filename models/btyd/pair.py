"""BG/NBD and Gamma-Gamma as a pair, and the columns they add to the features."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import polars as pl

from models.btyd.bgnbd import BGNBD
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.seasonal_level import NO_OFFSET, SeasonalOffset
from models.errors import TooLittleDataError

BTYD_COLUMNS = ("btyd_p_alive", "btyd_p_no_order", "btyd_expected_orders", "btyd_expected_spend")
SEASONAL_COLUMNS = ("btyd_churn_level", "btyd_value_level")


@dataclass(frozen=True)
class BuyTillYouDie:
    """Order model and spend model, both fitted on what was known as of one date; time in days.

    `offset` is the seasonal offset predicted for the window after that date.
    """

    orders: BGNBD
    spend: GammaGamma
    offset: SeasonalOffset = NO_OFFSET

    @classmethod
    def fit(cls, features: pl.DataFrame) -> Self:
        """Fit both models on the rows with a purchase. Raises TooLittleDataError without a repeat buyer."""
        buyers = features.filter(pl.col("orders") > 0)
        repeat_buyers = buyers.filter(pl.col("frequency") > 0).height
        if not repeat_buyers:
            raise TooLittleDataError(f"The order models need customers who bought again; none of {buyers.height} customers has.")
        return cls(orders=BGNBD().fit(buyers), spend=GammaGamma().fit(buyers))

    def with_offset(self, offset: SeasonalOffset) -> Self:
        """Return the same pair with this seasonal offset for the window ahead."""
        return replace(self, offset=offset)

    def with_columns(self, features: pl.DataFrame, horizon_days: int) -> pl.DataFrame:
        """Return the features with BTYD_COLUMNS and SEASONAL_COLUMNS for the next `horizon_days`.

        Every row needs a purchase.
        """
        return features.with_columns(
            self.orders.p_alive(features).alias("btyd_p_alive"),
            self.orders.p_no_order(features, horizon_days).alias("btyd_p_no_order"),
            self.orders.expected_orders(features, horizon_days).alias("btyd_expected_orders"),
            self.spend.expected_spend(features).alias("btyd_expected_spend"),
            pl.lit(self.offset.churn).alias("btyd_churn_level"),
            pl.lit(self.offset.value).alias("btyd_value_level"),
        )

    def to_json(self) -> dict[str, Any]:
        """Return both models and the seasonal offset as data."""
        return {"orders": self.orders.to_json(), "spend": self.spend.to_json(), "level": asdict(self.offset)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild the pair from `to_json`."""
        return cls(
            orders=BGNBD.from_json(data["orders"]),
            spend=GammaGamma.from_json(data["spend"]),
            offset=SeasonalOffset(**data["level"]),
        )
