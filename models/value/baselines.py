"""Value candidates without learning of their own: the naive ones that everything is graded against, and the order models."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from models.errors import TooLittleDataError
from models.log_odds import Array
from models.snapshot import Snapshot

BASELINE = "same_as_last_period"
GROUPS = 10


@dataclass(frozen=True)
class ColumnModel:
    """A value model that is an expression over a snapshot's own columns; it fits nothing and has no spread."""

    name: str
    of: pl.Expr

    def fit(self, _snapshots: list[Snapshot], _current: pl.DataFrame) -> "ColumnModel":
        """Return itself."""
        return self

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return the expression, at least 0."""
        return frame.select(self.of.cast(pl.Float64).fill_null(0.0).clip(lower_bound=0.0).alias("value")).to_series()

    def quantile(self, frame: pl.DataFrame, at: float) -> None:
        """Return nothing."""


@dataclass(frozen=True)
class RecencyDeciles:
    """What customers silent for as long spent in the newest closed window: mean and quantiles by decile of recency_days."""

    cuts: tuple[float, ...]
    spend: tuple[Array, ...]
    name: str = "recency_deciles"

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return the mean of the customer's decile."""
        return self._of_decile(frame, [float(group.mean()) for group in self.spend])

    def quantile(self, frame: pl.DataFrame, at: float) -> pl.Series:
        """Return the quantile of the customer's decile."""
        return self._of_decile(frame, [float(np.quantile(group, at)) for group in self.spend])

    def _of_decile(self, frame: pl.DataFrame, values: list[float]) -> pl.Series:
        group = np.searchsorted(self.cuts, frame["recency_days"].cast(pl.Float64).to_numpy(), side="left")
        return pl.Series("value", np.asarray(values)[group]).clip(lower_bound=0.0)


@dataclass(frozen=True)
class RecencyDecilesCandidate:
    """Reads spend off the newest closed window."""

    name: str = "recency_deciles"

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> RecencyDeciles:
        """Return the deciles. Raises TooLittleData without a closed window."""
        if not snapshots:
            raise TooLittleDataError("Recency deciles need a past window whose outcome is known; the log is too short for one.")
        frame = snapshots[-1].frame
        silence, spend = frame["recency_days"].cast(pl.Float64).to_numpy(), frame["next_spend"].to_numpy()
        cuts = np.unique(np.quantile(silence, np.arange(1, GROUPS) / GROUPS, method="higher"))
        group = np.searchsorted(cuts, silence, side="left")
        groups = (spend[group == place] for place in range(len(cuts) + 1))
        return RecencyDeciles(tuple(cuts.tolist()), tuple(part if len(part) else np.zeros(1) for part in groups))


@dataclass(frozen=True)
class RetainedSpend:
    """What the customer spent per horizon so far, times the share of customers who bought again in the newest closed window."""

    retention: float
    horizon_days: int
    name: str = "average_spend_x_retention"

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return the product; a customer younger than the horizon spent what there is."""
        horizons = pl.max_horizontal(pl.col("T") / self.horizon_days, 1.0)
        spend = pl.col("historic_value").clip(lower_bound=0.0) / horizons * self.retention
        return frame.select(spend.fill_null(0.0).alias("value")).to_series()

    def quantile(self, frame: pl.DataFrame, at: float) -> None:
        """Return nothing."""


@dataclass(frozen=True)
class RetainedSpendCandidate:
    """Reads the retention off the newest closed window."""

    name: str = "average_spend_x_retention"

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> RetainedSpend:
        """Return the model. Raises TooLittleData without a closed window."""
        if not snapshots:
            raise TooLittleDataError("Retention needs a past window whose outcome is known; the log is too short for one.")
        churned = snapshots[-1].frame["churned"].cast(pl.Float64).mean()
        return RetainedSpend(1 - float(churned or 0.0), snapshots[-1].horizon_days)  # type: ignore[arg-type]  # a mean of floats


ZERO = ColumnModel("zero", pl.col("recency_days") * 0)
LAST_PERIOD = ColumnModel(BASELINE, pl.col("last_spend"))
ORDER_MODELS = ColumnModel("bgnbd_gamma_gamma", pl.col("btyd_expected_orders") * pl.col("btyd_expected_spend"))
