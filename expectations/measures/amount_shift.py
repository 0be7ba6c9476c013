"""Weeks whose usual amount is another: a change of currency, of unit, or of what an amount means."""

import polars as pl

from expectations.check import Measure

WEEKS_BEFORE = 8
MIN_WEEKS = 4
MIN_ROWS = 50


def amount_jump(days: pl.DataFrame) -> Measure | None:
    """Return the largest factor, up or down, between a week's usual amount and the median of the eight weeks before.

    `days`: `day`, `positive` and `log_sum`, ascending; the usual amount is the geometric mean of the positive ones, which no
    single order moves far. Weeks with fewer than 50 are left out. None where no week has four such weeks before it.
    """
    weeks = days.group_by(pl.col("day").dt.truncate("1w").alias("week"), maintain_order=True).agg(
        pl.col("positive").sum(), (pl.col("log_sum").sum() / pl.col("positive").sum()).exp().alias("usual")
    )
    before = pl.col("usual").rolling_median(WEEKS_BEFORE, min_samples=MIN_WEEKS).shift(1)
    factor = pl.max_horizontal(pl.col("usual") / before, before / pl.col("usual"))
    large = weeks.filter(pl.col("positive") >= MIN_ROWS).with_columns(before.alias("before"), factor.alias("factor"))
    found = large.drop_nulls("factor").sort("factor", descending=True)
    if found.is_empty():
        return None
    top = found.row(0, named=True)
    return Measure(top["factor"], f"in the week of {top['week']} from {top['before']:.2f} to {top['usual']:.2f}")
