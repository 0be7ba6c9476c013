"""Value candidates that train no trees: naive baselines for comparison, and the order models."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from features.frames.arrays import Array
from models.errors import TooLittleDataError
from models.snapshot import Snapshot

BASELINE = "same_as_last_period"
GROUPS = 10


@dataclass(frozen=True)
class ColumnModel:
    """A value model that is an expression over a snapshot's columns; it fits nothing and predicts no distribution."""

    name: str
    expression: pl.Expr

    def fit(self, _snapshots: list[Snapshot], _current: pl.DataFrame) -> "ColumnModel":
        """Return itself."""
        return self

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return the expression, at least 0; null counts as 0."""
        spend = self.expression.cast(pl.Float64).fill_null(0.0).clip(lower_bound=0.0)
        return frame.select(spend.alias("value")).to_series()

    def quantile(self, frame: pl.DataFrame, probability: float) -> None:
        """Return None: this model predicts no distribution of spend."""


@dataclass(frozen=True)
class RecencyDeciles:
    """Spend in the newest closed window of customers equally silent: mean and quantiles by decile of recency_days."""

    cuts: tuple[float, ...]
    spend_by_decile: tuple[Array, ...]
    name: str = "recency_deciles"

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return the mean of the customer's decile, at least 0."""
        return self._decile_values(frame, [float(spend.mean()) for spend in self.spend_by_decile])

    def quantile(self, frame: pl.DataFrame, probability: float) -> pl.Series:
        """Return the quantile of the customer's decile, at least 0."""
        return self._decile_values(frame, [float(np.quantile(spend, probability)) for spend in self.spend_by_decile])

    def _decile_values(self, frame: pl.DataFrame, values: list[float]) -> pl.Series:
        decile = np.searchsorted(self.cuts, frame["recency_days"].cast(pl.Float64).to_numpy(), side="left")
        return pl.Series("value", np.asarray(values)[decile]).clip(lower_bound=0.0)


@dataclass(frozen=True)
class RecencyDecilesCandidate:
    """Takes spend by decile from the newest closed window."""

    name: str = "recency_deciles"

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> RecencyDeciles:
        """Return the deciles. Raises TooLittleDataError without a closed window."""
        if not snapshots:
            raise TooLittleDataError("Recency deciles need a past window whose outcome is known; the log is too short for one.")
        frame = snapshots[-1].frame
        recency, spend = frame["recency_days"].cast(pl.Float64).to_numpy(), frame["next_spend"].to_numpy()
        cuts = np.unique(np.quantile(recency, np.arange(1, GROUPS) / GROUPS, method="higher"))
        decile = np.searchsorted(cuts, recency, side="left")
        groups = (spend[decile == index] for index in range(len(cuts) + 1))
        return RecencyDeciles(
            cuts=tuple(cuts.tolist()), spend_by_decile=tuple(group if len(group) else np.zeros(1) for group in groups)
        )


@dataclass(frozen=True)
class RetainedSpend:
    """The customer's past spend per horizon, times the share of customers who bought again in the newest closed window."""

    retention: float
    horizon_days: int
    name: str = "average_spend_x_retention"

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return the product; a history shorter than the horizon counts as one horizon."""
        horizons = pl.max_horizontal(pl.col("T") / self.horizon_days, 1.0)
        spend = pl.col("historic_value").clip(lower_bound=0.0) / horizons * self.retention
        return frame.select(spend.fill_null(0.0).alias("value")).to_series()

    def quantile(self, frame: pl.DataFrame, probability: float) -> None:
        """Return None: this model predicts no distribution of spend."""


@dataclass(frozen=True)
class RetainedSpendCandidate:
    """Takes the retention rate from the newest closed window."""

    name: str = "average_spend_x_retention"

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> RetainedSpend:
        """Return the model. Raises TooLittleDataError without a closed window."""
        if not snapshots:
            raise TooLittleDataError("Retention needs a past window whose outcome is known; the log is too short for one.")
        churned = snapshots[-1].frame["churned"].cast(pl.Float64).mean()
        retention = 1 - float(churned or 0.0)  # type: ignore[arg-type]  # a mean of floats
        return RetainedSpend(retention=retention, horizon_days=snapshots[-1].horizon_days)


ZERO = ColumnModel("zero", pl.col("recency_days") * 0)
LAST_PERIOD = ColumnModel(BASELINE, pl.col("last_spend"))
ORDER_MODELS = ColumnModel("bgnbd_gamma_gamma", pl.col("btyd_expected_orders") * pl.col("btyd_expected_spend"))
