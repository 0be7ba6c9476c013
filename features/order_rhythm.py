"""The rhythm of a log: on which days orders are made, the gaps between such days, and which of the last days are out of line."""

from dataclasses import dataclass
from datetime import date

import polars as pl

MIN_ALLOWED_GAP_DAYS, GAP_FACTOR, GAP_QUANTILE = 14, 5, 0.9
MIN_REGULAR_DAYS, MIN_REGULAR_RATE = 3, 0.1


@dataclass(frozen=True)
class OrderRhythm:
    """The days with orders. `last_regular` is the last day of the last stretch that is in line with the rest of the log.

    A stretch is a run of days with orders in which no gap is longer than `allowed_gap` days: five times the gap that 90 % of the
    gaps do not exceed, and at least 14 days. It is regular if it has three days or more and at least a tenth of the log's order
    lines a day; so a few misdated orders are not. `irregular_lines` are the order lines after `last_regular`.
    """

    first: date
    last: date
    last_regular: date
    allowed_gap: int
    irregular_lines: int = 0

    @property
    def note(self) -> str | None:
        """What is out of line and what follows, in one sentence; None if nothing is."""
        if not self.irregular_lines:
            return None
        lines = "1 order line is" if self.irregular_lines == 1 else f"{self.irregular_lines:,} order lines are"
        gap = (self.last - self.last_regular).days
        return (
            f"{lines} dated after {self.last_regular}, up to {self.last} ({gap:,} days later); orders usually follow each "
            f"other within {self.allowed_gap} days. The default as-of date ignores them: correct their dates, or name --as-of."
        )

    def days_ahead(self, as_of: date) -> int:
        """Return by how many days an as-of date is later than the rhythm allows; 0 for an ordinary one."""
        return max((as_of - self.last_regular).days - 1 - self.allowed_gap, 0)


def order_rhythm(transactions: pl.LazyFrame) -> OrderRhythm:
    """Return the rhythm of usable order lines; there must be at least one."""
    day = pl.col("ordered_at").dt.date().alias("day")
    days = transactions.select(day).group_by("day").agg(pl.len().alias("lines")).collect(engine="streaming")
    return rhythm_of_days(days.sort("day"))


def rhythm_of_days(days: pl.DataFrame) -> OrderRhythm:
    """Return the rhythm of a log from its days with orders, ascending: `day` and its order `lines`; there must be one."""
    gaps = days.select(pl.col("day").diff().dt.total_days()).to_series().drop_nulls()
    usual_gap = gaps.quantile(GAP_QUANTILE, "lower") if len(gaps) else None
    allowed = max(MIN_ALLOWED_GAP_DAYS, round(GAP_FACTOR * float(usual_gap or 0)))
    last_regular = _last_regular_day(days, allowed)
    irregular = days.filter(pl.col("day") > last_regular)["lines"].sum()
    first, last = days["day"][0], days["day"][-1]
    return OrderRhythm(first, last, last_regular, allowed, int(irregular))


def _last_regular_day(days: pl.DataFrame, allowed_gap: int) -> date:
    """Return the last day of the last regular stretch; of the whole log if no stretch is regular."""
    starts = (pl.col("day").diff() > pl.duration(days=allowed_gap)).fill_null(value=True)
    stretches = days.group_by(starts.cum_sum().alias("stretch"), maintain_order=True).agg(
        first=pl.col("day").min(), last=pl.col("day").max(), days=pl.len(), lines=pl.col("lines").sum()
    )
    span = (pl.col("last") - pl.col("first")).dt.total_days() + 1
    rates = stretches.with_columns(rate=pl.col("lines") / span)
    log_rate = int(rates["lines"].sum()) / max(int(rates.select(span.sum()).item()), 1)
    regular = rates.filter((pl.col("days") >= MIN_REGULAR_DAYS) & (pl.col("rate") >= MIN_REGULAR_RATE * log_rate))
    last_day: date = (regular if regular.height else stretches)["last"][-1]
    return last_day
