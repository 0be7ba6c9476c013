"""What a champion would have predicted on past days, beside what happened: the ground of its intervals."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from features.frames.columns import CUSTOMER
from models.snapshot import DECAY, Snapshot
from models.value.lifetime_value import spend_within
from training.evaluation.backtest_result import Backtest


@dataclass(frozen=True)
class PastForecasts:
    """Forecasts of one past day.

    `frame` has the features and outcomes of its customers, `p_churn`, and `spend_ahead`, the expected spend within the churn
    horizon. `weight` is a half for each newer day.
    """

    origin: date
    frame: pl.DataFrame
    weight: float


def past_forecasts(result: Backtest, snapshots: list[Snapshot], churn: str, value: str | None) -> list[PastForecasts]:
    """Return the forecasts of the candidates `churn` and `value` on each day they were fitted, oldest first.

    `value` None means the order models. Spend is that of scores, in which it agrees with the churn probability.
    """
    names = [f"p:{churn}", *([] if value is None else [f"value:{value}"])]
    if result.frame is None or not set(names) <= set(result.frame.columns):
        return []
    rows, by_day = result.rows_with(*names), {snapshot.as_of: snapshot for snapshot in snapshots}
    origins = rows["origin"].unique().sort().to_list()
    return [
        PastForecasts(origin, _forecasts(rows.filter(origin=origin), by_day[origin], churn, value), DECAY**newer)
        for newer, origin in zip(reversed(range(len(origins))), origins, strict=True)
    ]


def _forecasts(rows: pl.DataFrame, snapshot: Snapshot, churn: str, value: str | None) -> pl.DataFrame:
    predicted = rows.select(
        CUSTOMER,
        pl.col(f"p:{churn}").alias("p_churn"),
        (pl.lit(None, pl.Float64) if value is None else pl.col(f"value:{value}")).alias("predicted_spend"),
    )
    joined = snapshot.frame.join(predicted, on=CUSTOMER, how="inner", maintain_order="left")
    spend = None if value is None else joined["predicted_spend"]
    values = spend_within(snapshot.btyd, joined, joined["p_churn"], snapshot.horizon_days, spend)
    return joined.drop("predicted_spend").with_columns(values.alias("spend_ahead"))
