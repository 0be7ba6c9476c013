"""Rows and customers of the accepted load that a new load no longer has, by month."""

from dataclasses import dataclass

import polars as pl

from expectations.check import Measure
from expectations.measures.load_profile import ALL, CUSTOMER, DAY, IDS, read_part
from expectations.measures.load_window import Window

MANY = "many_"  # begins the name of a check that stops, where another check of the same share warns
MIN_ROWS_OF_MONTH = 20
MIN_SHARE_KEPT = 0.5  # a month that lost more of its rows has gone
MIN_CUSTOMERS = 20
MAX_SHARE_MOVED_ON = 0.6  # an export that loses more between two loads is another one
MAX_MONTHS_SHOWN = 5
ALL_MONTHS = ""
NEARLY = 0.95  # of the largest share


@dataclass(frozen=True)
class WorstShare:
    """The rows that are affected by a change, of all rows or of those of a year; `period` is empty for all."""

    period: str
    rows: int
    affected: int

    def measure(self, noun: str, window: Window, ending: str = "") -> Measure:
        """Return the share as a measure, with its counts in words."""
        days = f"in {self.period}" if self.period else f"from {window.covered_days}"
        detail = f"{self.affected:,} of {self.rows:,} {noun} {days} in the load of {window.load_day}{ending}"
        return Measure(self.affected / self.rows, detail)


def worst_share(months: pl.DataFrame, least: int) -> WorstShare:
    """Return the largest share of affected rows of all months and of the years with `least` rows or more.

    `months` has `month`, `rows` and `affected`; they have rows. Of nearly equal shares that of all months is returned.
    """
    periods = [pl.lit(ALL_MONTHS).alias("period"), pl.col("month").str.head(4).alias("period")]
    sums = pl.col("rows", "affected").sum()
    shares = pl.concat([months.group_by(period).agg(sums) for period in periods])
    share = pl.col("affected") / pl.col("rows")
    large = shares.filter((pl.col("period") == ALL_MONTHS) | (pl.col("rows") >= max(least, 1)))
    worst = large.filter(share >= NEARLY * share.max()).sort(pl.col("period").str.len_chars(), -share, "period")
    return WorstShare(**worst.select("period", "rows", "affected").row(0, named=True))


def share_measures(
    name: str, months: pl.DataFrame, window: Window, least: int, noun: str, ending: str = ""
) -> dict[str, Measure]:
    """Return two measures of one share: of all months, which may cause a warning, and the worst, which may stop the table."""
    total = WorstShare(ALL_MONTHS, int(months["rows"].sum()), int(months["affected"].sum()))
    worst = worst_share(months, least)
    return {name: total.measure(noun, window, ending), MANY + name: worst.measure(noun, window, ending)}


def month_measures(before: pl.DataFrame, now: pl.DataFrame, window: Window) -> dict[str, Measure]:
    """Return gone_periods, the months of settled days that lost more than half their rows, and shorter_history.

    `before` and `now` are the days of both loads.
    """
    months = _months(before, now, window, covered=True)
    gone = months.filter(pl.col("rows") >= MIN_ROWS_OF_MONTH, pl.col("rows_now") < MIN_SHARE_KEPT * pl.col("rows"))
    names = ", ".join(
        f"{month} from {rows:,} rows to {rows_now:,}" for month, rows, rows_now in gone.tail(MAX_MONTHS_SHOWN).iter_rows()
    )
    others = f"the newest of them {names}" if gone.height > MAX_MONTHS_SHOWN else names
    detail = f"{others} since the load of {window.load_day}" if gone.height else ""
    return {"gone_periods": Measure(gone.height, detail), "shorter_history": _shorter_history(window)}


def row_measures(before: pl.DataFrame, now: pl.DataFrame, window: Window, min_rows: int) -> dict[str, Measure]:
    """Return gone_rows, the share of settled rows by which months shrank, and lost_history, for a table without orders.

    many_gone_rows is the same share of a year, where that is larger.
    """
    covered, older = (_months(before, now, window, covered=covered) for covered in (True, False))
    rows = int(covered["rows"].sum())
    all_rows = rows + int(older["rows"].sum())
    measures: dict[str, Measure] = {}
    if rows >= max(min_rows, 1):
        lost = (pl.col("rows") - pl.col("rows_now")).clip(lower_bound=0).alias("affected")
        measures |= share_measures("gone_rows", covered.with_columns(lost), window, min_rows, "rows")
    if all_rows >= max(min_rows, 1):
        measures["lost_history"] = lost_history(window, _lost(older), all_rows, "rows")
    return measures


def lost_history(window: Window, lost: int, rows: int, noun: str) -> Measure:
    """Return the share of the load before that is older than the new load; 0 where its days only moved on.

    In an export of the newest months, the first day moves as far as the newest one.
    """
    if lost <= MAX_SHARE_MOVED_ON * rows and window.days_lost <= window.settling_days:
        return Measure(0.0)
    return Measure(lost / rows, f"{lost:,} of {rows:,} {noun}; {window.starts}")


def customer_measures(before: pl.LazyFrame, now: pl.LazyFrame, window: Window | None, load_day: str) -> dict[str, Measure]:
    """Return gone_customers: the share of the settled customers of the load before that the new load does not have.

    `before` and `now` are the profiles of both loads. Customers whose rows are all older than the new load do not count.
    """
    known, current = read_part(before, IDS), read_part(now, IDS).select(CUSTOMER)
    if window:
        undated = pl.col("first").is_null()
        known = known.filter(undated | ((pl.col("first") <= window.settled) & (pl.col("last") >= window.first)))
    gone = known.join(current, on=CUSTOMER, how="anti").select(pl.len()).collect(engine="streaming").item()
    customers = known.select(pl.len()).collect(engine="streaming").item()
    if customers < MIN_CUSTOMERS:
        return {}
    return {"gone_customers": Measure(gone / customers, f"{gone:,} of {customers:,} customers in the load of {load_day}")}


def _months(before: pl.DataFrame, now: pl.DataFrame, window: Window, *, covered: bool) -> pl.DataFrame:
    """Return the rows of both loads per month of the settled days, either since the new load starts or before, ascending."""
    days = window.covered if covered else (pl.col(DAY) < window.first) & (pl.col(DAY) <= window.settled)
    month = pl.col(DAY).dt.strftime("%Y-%m").alias("month")
    frames = [
        frame.filter(pl.col("group") == ALL, days).group_by(month).agg(pl.col("rows").cast(pl.Int64).sum())
        for frame in (before, now)
    ]
    joined = frames[0].join(frames[1], on="month", how="left", suffix="_now")
    return joined.with_columns(pl.col("rows_now").fill_null(0)).sort("month")


def _lost(months: pl.DataFrame) -> int:
    return int(months.select((pl.col("rows") - pl.col("rows_now")).clip(lower_bound=0).sum()).item())


def _shorter_history(window: Window) -> Measure:
    return Measure(window.days_lost, window.starts if window.days_lost else "")
