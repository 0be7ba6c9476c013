"""Amounts of a load against the accepted one: another unit or currency, and totals of past days that changed."""

import math
from datetime import timedelta
from typing import Any

import polars as pl

from expectations.check import Measure
from expectations.measures.load_profile import ALL, DAY, FILE
from expectations.measures.load_window import Window

MIN_AMOUNTS = 20  # fewer positive amounts say little about what is typical
MIN_AMOUNTS_OF_GROUP = 50  # the new rows of a store may be a single order of many lines
RECENT = timedelta(days=90)
MIN_SHARE_OF_CHANGE = 0.5  # of the change of a group that the table as a whole shares; else rows only changed their group
MIN_RETURNS = 0.05  # of the sales: smaller returns are not compared
SMALL_RETURNS = 0.02  # of the sales, added to returns, so that a few returns after none are no infinite factor
NEARLY = 0.95  # of the logarithm of the largest factor
MAX_NAME_LENGTH = 40
SUMS = ("rows", "sales", "returns", "positive", "log_sum")
SCOPE = ["group", "value", "period"]
OVERALL, YEARS, MONTHS = "", "%Y", "%Y-%m"

IS_ALL = pl.col("group") == ALL
TYPICAL_LOG = pl.col("log_sum") / pl.col("positive")  # of the geometric mean, which no single order moves far
TYPICAL_LOG_NOW = pl.col("log_sum_now") / pl.col("positive_now")


def amount_measures(before: pl.DataFrame, now: pl.DataFrame, window: Window) -> dict[str, Measure]:
    """Return typical_amount, new_amounts and period_totals; empty for a table without money.

    `before` and `now` are the days of both loads. A measure is missing where too few rows can be compared.
    """
    if "sales" not in before.columns or "sales" not in now.columns:
        return {}
    settled_before, settled = before.filter(window.covered), now.filter(window.covered)
    candidates = {
        "typical_amount": _typical_amounts(settled_before, settled, window),
        "new_amounts": pl.concat([_new_rows(before, now, window), _files(before, now)]),
        "period_totals": _period_totals(settled_before, settled, window),
    }
    return {name: _largest(frame, window) for name, frame in candidates.items() if frame.height}


def _typical_amounts(before: pl.DataFrame, now: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Return the typical amounts of the same settled days: of all rows, of a month, a year, a store, a channel, a region."""
    log_factor = TYPICAL_LOG_NOW - TYPICAL_LOG
    change_of_all = (pl.col("log_sum_now_all") - pl.col("log_sum_all")).abs()
    pairs = _pairs(before, now).filter(_is_shared(change_of_all, pl.col("positive_now") * log_factor.abs()))
    days = f"from {window.covered_days}"
    return _candidates(pairs, "typical amount", days, log_factor, TYPICAL_LOG.exp(), TYPICAL_LOG_NOW.exp())


def _period_totals(before: pl.DataFrame, now: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Return the sales, and the returns, of the same settled days."""
    pairs, days = _pairs(before, now), f"from {window.covered_days}"
    own_change = (pl.col("sales_now") - pl.col("sales")).abs()
    shared = pairs.filter(_is_shared((pl.col("sales_now_all") - pl.col("sales_all")).abs(), own_change))
    returns, returns_now = -pl.col("returns"), -pl.col("returns_now")
    large = pl.max_horizontal(returns / pl.col("sales"), returns_now / pl.col("sales_now")) >= MIN_RETURNS
    with_returns = pairs.filter(IS_ALL, large, pl.col("period").str.len_chars() <= len("2025"))
    few = SMALL_RETURNS * pl.col("sales")
    return pl.concat(
        [
            _candidates(
                shared, "sales", days, (pl.col("sales_now") / pl.col("sales")).log(), pl.col("sales"), pl.col("sales_now")
            ),
            _candidates(with_returns, "returns", days, ((returns_now + few) / (returns + few)).log(), returns, returns_now),
        ]
    )


def _new_rows(before: pl.DataFrame, now: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Return the typical amounts of rows newer than the load before, and those of the 90 days before them."""
    new = _sum(now.filter(pl.col("group") != FILE, pl.col(DAY) > window.last_before), OVERALL)
    new = new.filter(IS_ALL | (pl.col("positive") >= MIN_AMOUNTS_OF_GROUP))
    known = before.filter(pl.col("group") != FILE)
    recent = _sum(known.filter(pl.col(DAY) > window.last_before - RECENT), OVERALL)
    ever = _sum(known, OVERALL).join(recent, on=SCOPE, how="anti")
    pairs = pl.concat([recent, ever]).join(new, on=SCOPE, suffix="_now")
    days = f"after {window.last_before}"
    return _candidates(pairs, "typical amount", days, TYPICAL_LOG_NOW - TYPICAL_LOG, TYPICAL_LOG.exp(), TYPICAL_LOG_NOW.exp())


def _files(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Return the typical amount of each file; of a new file with the nearest one that a file of the load before had."""
    files, files_before = (_sum(days.filter(pl.col("group") == FILE), OVERALL) for days in (now, before))
    own = files.join(files_before, on=SCOPE, how="left", suffix="_own")
    log_own = pl.col("log_sum_own") / pl.col("positive_own")
    low, high = (files_before.select(bound).item() for bound in (TYPICAL_LOG.min(), TYPICAL_LOG.max()))
    nearest = pl.coalesce(log_own, TYPICAL_LOG.clip(pl.lit(low, pl.Float64), pl.lit(high, pl.Float64)))
    known = own.head(0) if low is None else own
    return _candidates(known, "typical amount", "", TYPICAL_LOG - nearest, nearest.exp(), TYPICAL_LOG.exp())


def _candidates(pairs: pl.DataFrame, subject: str, days: str, log_factor: pl.Expr, before: pl.Expr, now: pl.Expr) -> pl.DataFrame:
    return pairs.select(
        *SCOPE,
        pl.lit(subject).alias("subject"),
        pl.lit(days).alias("days"),
        log_factor.abs().round(6).alias("size"),
        before.cast(pl.Float64).alias("before"),
        now.cast(pl.Float64).alias("now"),
    )


def _largest(candidates: pl.DataFrame, window: Window) -> Measure:
    """Return the largest factor, up or down, with its scope; of nearly equal ones that of the widest scope."""
    nearly_largest = candidates.filter(pl.col("size") >= NEARLY * pl.col("size").max())
    order = [~IS_ALL, pl.col("period").str.len_chars(), -pl.col("size"), *map(pl.col, SCOPE)]
    row = nearly_largest.sort(order).row(0, named=True)
    amounts = f"from {row['before']:z,.2f} to {row['now']:z,.2f}"
    detail = f"{row['subject']}{_scope_name(row)} went {amounts} since the load of {window.load_day}"
    return Measure(round(math.exp(row["size"]), 2), detail)


def _scope_name(row: dict[str, Any]) -> str:
    """Return the scope of an amount in words: its group, and its period or days."""
    group = "" if row["group"] == ALL else f" of {row['group']} {row['value'][:MAX_NAME_LENGTH]}"
    days = f"in {row['period']}" if row["period"] else row["days"]
    return f"{group} {days}".rstrip()


def _pairs(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Return the sums of both loads per scope, those of the new one with the suffix _now, and those of all rows with _all."""
    pairs = _scopes(before).join(_scopes(now), on=SCOPE, suffix="_now")
    everything = pairs.filter(IS_ALL).select("period", pl.exclude(SCOPE).name.suffix("_all"))
    return pairs.join(everything, on="period", how="left")


def _scopes(days: pl.DataFrame) -> pl.DataFrame:
    """Return the sums of a load over all its days and per year, for every group, and per month for all rows."""
    groups = days.filter(pl.col("group") != FILE)
    return pl.concat([_sum(groups, OVERALL), _sum(groups, YEARS), _sum(groups.filter(IS_ALL), MONTHS)])


def _sum(days: pl.DataFrame, period: str) -> pl.DataFrame:
    """Return the sums per group and period, a format of dates; only those with enough positive amounts."""
    name = (pl.col(DAY).dt.strftime(period) if period else pl.lit(OVERALL)).alias("period")
    sums = days.with_columns(name).group_by(SCOPE).agg(pl.col(SUMS).sum())
    return sums.filter(pl.col("positive") >= MIN_AMOUNTS)


def _is_shared(change_of_all: pl.Expr, own_change: pl.Expr) -> pl.Expr:
    """Whether the table as a whole shares the change of a group; where it does not, rows only changed their group."""
    return IS_ALL | (change_of_all >= MIN_SHARE_OF_CHANGE * own_change).fill_null(value=False)
