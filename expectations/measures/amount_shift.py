"""Jumps of a week's typical amount: a change of currency, of unit, or of what an amount means."""

import polars as pl

from expectations.check import Measure

WEEKS_BEFORE = 8
MIN_WEEKS = 4
MIN_ROWS = 50


def amount_jump(days: pl.DataFrame) -> Measure | None:
    """Return the largest factor, up or down, between a week's typical amount and the median of the eight weeks before.

    `days` has `day`, `positive` and `log_sum`, ascending. The typical amount is the geometric mean of the positive amounts,
    which no single order moves far. Weeks with fewer than 50 positive amounts are left out. Return None if no week has four
    such weeks before it.
    """
    weeks = days.group_by(pl.col("day").dt.truncate("1w").alias("week"), maintain_order=True).agg(
        pl.col("positive").sum(), (pl.col("log_sum").sum() / pl.col("positive").sum()).exp().alias("typical")
    )
    before = pl.col("typical").rolling_median(WEEKS_BEFORE, min_samples=MIN_WEEKS).shift(1)
    factor = pl.max_horizontal(pl.col("typical") / before, before / pl.col("typical"))
    large = weeks.filter(pl.col("positive") >= MIN_ROWS).with_columns(before.alias("before"), factor.alias("factor"))
    jumps = large.drop_nulls("factor").sort("factor", descending=True)
    if jumps.is_empty():
        return None
    largest = jumps.row(0, named=True)
    return Measure(
        largest["factor"], f"from {largest['before']:.2f} to {largest['typical']:.2f} in the week of {largest['week']}"
    )
