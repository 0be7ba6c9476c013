"""What a backtest returns: predictions of every candidate on past days, beside what happened."""

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from models.churn.protocol import ChurnModel


@dataclass(frozen=True)
class FittedCandidate:
    """A churn model as fitted for an origin, and the features of the customers it predicted, without their labels."""

    origin: date
    model: ChurnModel
    features: pl.DataFrame


@dataclass(frozen=True)
class Backtest:
    """Predictions of every candidate at every origin, and the reasons why some candidates could not be fitted at any.

    `frame` has one row per customer and origin, or is None where the log is too short for any origin. Its columns: customer_id
    (for resampling; it goes into no report, log or artifact), origin, churned, next_spend; the groups segment (one-time, repeat),
    loyalty_segment, silence, and `by:<column>` of the configured segments; `p:<candidate>` and `value:<candidate>`, null at
    origins where the candidate could not be fitted. A value model with quantiles adds `low:` and `high:`, at 10 % and 90 %.
    `fitted` has the churn models behind it. `behind` has the columns of candidates that were not fitted at the older origins,
    because they were clearly behind at the newer ones.
    """

    frame: pl.DataFrame | None
    limits: dict[str, str]
    fitted: list[FittedCandidate] = field(default_factory=list)
    behind: tuple[str, ...] = ()

    @property
    def origins(self) -> list[date]:
        """The origins, oldest first."""
        return [] if self.frame is None else self.frame["origin"].unique().sort().to_list()

    def candidates(self, prefix: str) -> list[str]:
        """Names of the candidates with predictions; prefix is `p:` or `value:`."""
        columns = [] if self.frame is None else self.frame.columns
        return [column.removeprefix(prefix) for column in columns if column.startswith(prefix)]

    def rows_with(self, *columns: str) -> pl.DataFrame:
        """Return the rows in which none of these columns is null; there must be a frame."""
        assert self.frame is not None, "candidates come from a frame"  # noqa: S101  # for the type checker
        return self.frame.drop_nulls(list(columns))
