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
HORIZON_COLUMN = "btyd_horizon_days"


@dataclass(frozen=True)
class BuyTillYouDie:
    """Order model and spend model, both fitted on what was known as of one date; time in days.

    `offset` is the seasonal offset predicted for the window after that date.
    """

    orders: BGNBD
    spend: GammaGamma
    offset: SeasonalOffset = NO_OFFSET

    @classmethod
    def fit(cls, features: pl.DataFrame, *, needs_repeat_buyers: bool = True) -> Self:
        """Fit both models on the rows with a purchase.

        Raises TooLittleDataError without a repeat buyer, unless a weak prior may take the place of what they would say.
        """
        buyers = features.filter(pl.col("orders") > 0)
        repeat_buyers = buyers.filter(pl.col("frequency") > 0).height
        if not repeat_buyers and needs_repeat_buyers:
            raise TooLittleDataError(f"The order models need customers who bought again; none of {buyers.height} customers has.")
        return cls(orders=BGNBD().fit(buyers), spend=GammaGamma().fit(buyers))

    def with_offset(self, offset: SeasonalOffset) -> Self:
        """Return the same pair with this seasonal offset for the window ahead."""
        return replace(self, offset=offset)

    def with_columns(self, features: pl.DataFrame, horizon_days: int) -> pl.DataFrame:
        """Return the features with BTYD_COLUMNS, SEASONAL_COLUMNS and HORIZON_COLUMN for the next `horizon_days`.

        Every row needs a purchase.
        """
        return features.with_columns(
            self.orders.p_alive(features).alias("btyd_p_alive"),
            self.orders.p_no_order(features, horizon_days).alias("btyd_p_no_order"),
            self.orders.expected_orders(features, horizon_days).alias("btyd_expected_orders"),
            self.spend.expected_spend(features).alias("btyd_expected_spend"),
            *self.seasonal_columns(),
            pl.lit(horizon_days).alias(HORIZON_COLUMN),
        )

    def seasonal_columns(self) -> list[pl.Expr]:
        """Return SEASONAL_COLUMNS: the offset, the same in every row."""
        offsets = (self.offset.churn, self.offset.value)
        return [pl.lit(offset).alias(name) for name, offset in zip(SEASONAL_COLUMNS, offsets, strict=True)]

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
