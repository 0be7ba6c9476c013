"""Amounts in another currency than the shop's: converted at the rate known on the day of the order, never added as they are."""

from datetime import date, timedelta

import polars as pl

CURRENCY = "currency"
RATED_AT, RATE = "rated_at", "rate"
CONVERTED = ("amount", "unit_price")
_CODE, _DAY, _FACTOR = "_code", "_day", "_factor"


def in_shop_currency(rows: pl.LazyFrame, shop_currency: str, rates: pl.LazyFrame | None, last: date) -> pl.LazyFrame:
    """Return order lines with amounts and prices in the currency of the shop; rows without a currency are in it already.

    `rates` has the shop's currency per unit of another `currency` from `rated_at` on. The newest rate up to the day of the order
    counts, so later rates change nothing; rates after `last` are left out. A converted row has the currency of the shop, and one
    without a rate stays as it is (`is_foreign`).
    """
    schema = rows.collect_schema()
    if CURRENCY not in schema or rates is None:
        return rows
    keyed = rows.with_columns(pl.col(CURRENCY).str.to_uppercase().alias(_CODE), pl.col("ordered_at").dt.date().alias(_DAY))
    joined = keyed.join(_daily_rates(rates, last).lazy(), on=[_CODE, _DAY], how="left", maintain_order="left")
    is_converted = is_foreign(shop_currency) & pl.col(_FACTOR).is_not_null()
    money = [
        pl.when(is_converted).then(pl.col(name) * pl.col(_FACTOR)).otherwise(name).alias(name)
        for name in CONVERTED
        if name in schema
    ]
    currency = pl.when(is_converted).then(pl.lit(shop_currency)).otherwise(CURRENCY).alias(CURRENCY)
    return joined.with_columns(*money, currency).drop(_CODE, _DAY, _FACTOR)


def is_foreign(shop_currency: str) -> pl.Expr:
    """Whether an order line is in another currency than the shop's; never null."""
    return (pl.col(CURRENCY).str.to_uppercase() != shop_currency.upper()).fill_null(value=False)


def _daily_rates(rates: pl.LazyFrame, last: date) -> pl.DataFrame:
    """Return the rate of each currency for each day from its first rate to `last`."""
    of_day = rates.select(pl.col(CURRENCY).str.to_uppercase().alias(_CODE), RATED_AT, pl.col(RATE).alias(_FACTOR))
    dated = (
        of_day.sort(RATED_AT, _FACTOR).with_columns(pl.col(RATED_AT).dt.date().alias(_DAY)).collect().filter(pl.col(_DAY) <= last)
    )
    newest = dated.group_by(_CODE, _DAY).agg(pl.col(_FACTOR).last()).sort(_DAY)
    first = newest.group_by(_CODE).agg(pl.col(_DAY).min())
    days = first.with_columns(pl.date_ranges(_DAY, last + timedelta(days=1))).explode(_DAY).sort(_DAY)
    return days.join_asof(newest, on=_DAY, by=_CODE, strategy="backward", check_sortedness=False)
