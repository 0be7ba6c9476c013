"""Amounts in another currency than the shop's: converted at the rate known on the day of the order, never added as they are."""

from datetime import date, timedelta

import polars as pl

CURRENCY, FOREIGN = "currency", "_foreign"
RATED_AT, RATE = "rated_at", "rate"
CONVERTED = ("amount", "unit_price")
_DAY, _FACTOR = "_day", "_factor"


def in_shop_currency(rows: pl.LazyFrame, shop_currency: str, rates: pl.LazyFrame | None, last: date) -> pl.LazyFrame:
    """Return order lines with amounts and prices in the currency of the shop; rows without a currency are in it already.

    `rates` has the shop's currency per unit of another `currency` from `rated_at` on. The newest rate up to the day of the order
    counts, so later rates change nothing; rates after `last` are left out. Where there is none, the row stays as it is, and
    `_foreign` is true.
    """
    schema = rows.collect_schema()
    if CURRENCY not in schema:
        return rows
    code = pl.col(CURRENCY).str.to_uppercase()
    is_own = code.is_null() | (code == shop_currency.upper())
    if rates is None:
        return rows.with_columns((~is_own).alias(FOREIGN))
    keyed = rows.with_columns(code.alias("_code"), pl.col("ordered_at").dt.date().alias(_DAY))
    joined = keyed.join(_daily_rates(rates, last).lazy(), on=["_code", _DAY], how="left")
    factor = pl.when(is_own).then(1.0).otherwise(pl.col(_FACTOR))
    money = [(pl.col(name) * factor.fill_null(1.0)).alias(name) for name in CONVERTED if name in schema]
    return joined.with_columns(*money, factor.is_null().alias(FOREIGN)).drop("_code", _DAY, _FACTOR)


def _daily_rates(rates: pl.LazyFrame, last: date) -> pl.DataFrame:
    """Return the rate of each currency for each day from its first rate to `last`."""
    of_day = rates.select(pl.col(CURRENCY).str.to_uppercase().alias("_code"), RATED_AT, pl.col(RATE).alias(_FACTOR))
    dated = of_day.sort(RATED_AT).with_columns(pl.col(RATED_AT).dt.date().alias(_DAY)).collect().filter(pl.col(_DAY) <= last)
    newest = dated.group_by("_code", _DAY).agg(pl.col(_FACTOR).last()).sort(_DAY)
    first = newest.group_by("_code").agg(pl.col(_DAY).min())
    days = first.with_columns(pl.date_ranges(_DAY, last + timedelta(days=1))).explode(_DAY).sort(_DAY)
    return days.join_asof(newest, on=_DAY, by="_code", strategy="backward", check_sortedness=False)
