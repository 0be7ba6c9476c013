"""How sure a score is, and when the next order comes: intervals, dates, and P(no order) over several horizons."""

import polars as pl

from models.champion import Champion
from models.churn.probability_interval import probability_interval
from serving.schemas.scores import SURVIVAL_DAYS, survival_column

ORDER_DATES = {"next_order_date": "next_order_days", "next_order_low": "next_order_low", "next_order_high": "next_order_high"}
MAX_WAIT_DAYS = 36_500
UNLIKELY, UNTRUSTED = "unlikely", "untrusted"


def with_uncertainty(scored: pl.DataFrame, champion: Champion, value_horizon_days: int) -> pl.DataFrame:
    """Add p_churn_low and p_churn_high, value_low and value_high, the order dates and P(no order) after SURVIVAL_DAYS.

    Rows have the inputs of the champion's models, p_churn and expected_value. Dates are null where half of such customers order
    later than the value horizon, or never; the upper one also where more than one in ten do not order in any time. No date is
    given where the champion's were far off on a past day. `next_order_reason` says why there is none.
    """
    p_churn, horizon_days, dates = scored["p_churn"], champion.terms.horizon_days, champion.order_dates
    p_low, p_high = probability_interval(p_churn.to_numpy(), champion.churn_std)
    p_zero = dates.p_no_order(scored, p_churn, horizon_days, value_horizon_days)
    low, high = champion.value_interval.bounds(scored["expected_value"].to_numpy(), p_zero)
    survival = {survival_column(days): dates.p_no_order(scored, p_churn, horizon_days, days) for days in SURVIVAL_DAYS}
    times = dates.waiting_times(scored, p_churn, horizon_days)
    columns = {"p_churn_low": p_low, "p_churn_high": p_high, "value_low": low, "value_high": high} | survival
    with_columns = scored.with_columns(**{name: pl.Series(values) for name, values in columns.items()}, **times.to_dict())
    is_likely = pl.col("next_order_days") <= value_horizon_days
    is_dated = is_likely & pl.lit(dates.is_trusted)
    reason = pl.when(~is_likely).then(pl.lit(UNLIKELY)).when(~is_dated).then(pl.lit(UNTRUSTED)).alias("next_order_reason")
    return with_columns.with_columns(reason, *(_order_date(days, is_dated).alias(name) for name, days in ORDER_DATES.items()))


def _order_date(days: str, is_dated: pl.Expr) -> pl.Expr:
    finite = is_dated & pl.col(days).is_finite() & (pl.col(days) < MAX_WAIT_DAYS)
    return pl.when(finite).then(pl.col("as_of") + pl.duration(days=pl.col(days).floor().cast(pl.Int64, strict=False)))
