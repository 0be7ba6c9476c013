"""All families joined: tables and an as-of date to one row per known customer."""

from datetime import date

import polars as pl

from features import basket, cadence, complaints, contacts, context, lifecycle, loyalty, recency, satisfaction, spend
from features.feature import Feature
from features.known import known_before
from features.purchases import CUSTOMER, customer_days, occasions
from features.tables.schema import Tables
from settings.sections import Loyalty

FAMILIES: dict[str, tuple[Feature, ...]] = {
    module.FAMILY: module.FEATURES
    for module in (recency, cadence, spend, basket, loyalty, complaints, satisfaction, contacts, lifecycle, context)
}
FEATURES: tuple[Feature, ...] = tuple(feature for family in FAMILIES.values() for feature in family)
MODEL_FEATURES: tuple[str, ...] = tuple(feature.name for feature in FEATURES if feature.model)
TEXT = tuple(feature.name for feature in FEATURES if feature.is_text)


def build_features(tables: Tables, as_of: date, active_days: int, loyalty_settings: Loyalty) -> pl.LazyFrame:
    """Return customer_id, as_of and every feature, one row per customer known before `as_of`, by customer_id.

    Known is a customer of whom any table has a row that was known by then. A feature of an absent table is
    null; counts of a present one are zero for a customer without a row in it.
    """
    known = known_before(tables, as_of)
    days = customer_days(known.transactions)
    bought = occasions(days)
    everyone = _everyone(known)
    parts = [
        recency.recency(bought, as_of),
        cadence.cadence(bought, as_of),
        spend.spend(days, as_of),
        basket.basket(known.transactions),
        loyalty.loyalty(known.transactions, loyalty_settings),
        None if known.complaints is None else complaints.complaints(known.complaints, as_of),
        None if known.surveys is None else satisfaction.satisfaction(known.surveys, as_of),
        None if known.contacts is None else contacts.contacts(known.contacts, days, as_of),
        lifecycle.referrals(known.customers),
        context.context(everyone, known, bought, as_of),
    ]
    joined = everyone
    for part in parts:
        joined = joined if part is None else joined.join(part, on=CUSTOMER, how="left")
    return _finished(joined, as_of, active_days)


def _everyone(known: Tables) -> pl.LazyFrame:
    return pl.concat([frame.select(CUSTOMER) for frame in known.present().values()]).unique()


def _finished(joined: pl.LazyFrame, as_of: date, active_days: int) -> pl.LazyFrame:
    present = joined.collect_schema().names()
    absent = [pl.lit(None, pl.String if f.is_text else pl.Float64).alias(f.name) for f in FEATURES if f.name not in present]
    zero = [feature.name for feature in FEATURES if feature.count and feature.name in present]
    return (
        joined.with_columns(absent)
        .with_columns(pl.col(zero).fill_null(0), pl.col("loyalty_segment").fill_null(loyalty.UNDETERMINED))
        .with_columns(lifecycle.status(active_days).alias("status"))
        .with_columns(lifecycle.lifecycle_stage().alias("lifecycle_stage"))
        .select(CUSTOMER, pl.lit(as_of).alias("as_of"), *(_typed(feature) for feature in FEATURES))
        .sort(CUSTOMER)
    )


def _typed(feature: Feature) -> pl.Expr:
    return pl.col(feature.name) if feature.is_text else pl.col(feature.name).cast(pl.Float64)
