"""All families joined: tables and an as-of date to one row per known customer."""

from dataclasses import replace
from datetime import date
from functools import cache

import polars as pl

from features.families import (
    basket,
    cadence,
    complaints,
    contacts,
    context,
    demand,
    lifecycle,
    loyalty,
    recency,
    satisfaction,
    spend,
)
from features.families.feature import Feature
from features.frames.collect import collect, collect_all
from features.frames.columns import CUSTOMER
from features.frames.encoded import EncodedTables, encode_tables
from features.frames.purchases import days_in_order, occasions
from features.norms import Norms, compute_norms
from features.partition import WHOLE, Part
from features.point_in_time import known_before
from features.tables.schema import Tables
from settings.sections import Loyalty

FAMILIES: dict[str, tuple[Feature, ...]] = {
    module.FAMILY: module.FEATURES
    for module in (recency, cadence, spend, basket, demand, loyalty, complaints, satisfaction, contacts, lifecycle, context)
}
FEATURES: tuple[Feature, ...] = tuple(feature for family in FAMILIES.values() for feature in family)
MODEL_FEATURES: tuple[str, ...] = tuple(feature.name for feature in FEATURES if feature.model)
TEXT = tuple(feature.name for feature in FEATURES if feature.is_text)


def build_features(
    tables: Tables, as_of: date, active_days: int, settings: Loyalty, norms: Norms | None = None, part: Part = WHOLE
) -> pl.DataFrame:
    """Return customer_id, as_of and every feature, one row per customer known before `as_of`, by customer_id.

    Known is a customer of whom any table has a row that was known by then; of these, the ones of `part`. A feature of an
    absent table is null; counts of a present one are zero for a customer without a row in it. `usual` are norms from
    before `as_of`; without them, those of `tables` as of that date.
    """
    norms = norms or compute_norms(tables, as_of)
    return features_as_of(encode_tables(known_before(tables, as_of), part), as_of, active_days, settings, norms)


def features_as_of(encoded: EncodedTables, as_of: date, active_days: int, settings: Loyalty, norms: Norms) -> pl.DataFrame:
    """Return what `build_features` does, from a History that may serve several as-of dates."""
    known = _read_once(known_before(encoded.tables, as_of))
    days = days_in_order(known.transactions).lazy()
    everyone = _everyone(known)
    parts = [*_from_purchases(known, days, as_of, settings, norms), *_from_other_tables(known, days, as_of, norms)]
    joined = _joined(everyone, parts)
    return _finished(joined, encoded.ids, as_of, active_days)


def _read_once(known: Tables) -> Tables:
    """Every family reads the lines anew: they are told from the later ones here, and not once for each."""
    return replace(known, transactions=collect(known.transactions).rechunk().lazy())


def _everyone(known: Tables) -> pl.DataFrame:
    customers = [frame.select(CUSTOMER).unique() for frame in known.present().values()]
    return collect(pl.concat(customers).drop_nulls().unique().sort(CUSTOMER))


def _from_purchases(known: Tables, days: pl.LazyFrame, as_of: date, settings: Loyalty, norms: Norms) -> list[pl.LazyFrame]:
    bought = occasions(days)
    chosen = loyalty.chosen(known.transactions, settings)
    wanted = demand.demand(known.transactions, as_of, norms)
    return [
        recency.recency(bought, as_of),
        cadence.cadence(bought, as_of),
        *spend.spend(days, as_of),
        *basket.basket(known.transactions, bought, as_of, norms),
        *([] if wanted is None else [wanted]),
        *([] if chosen is None else loyalty.loyalty(chosen, settings, as_of)),
        *context.context(known, bought, as_of),
    ]


def _from_other_tables(known: Tables, days: pl.LazyFrame, as_of: date, norms: Norms) -> list[pl.LazyFrame]:
    brought = lifecycle.referrals(known.customers)
    return [
        *([] if known.complaints is None else complaints.complaints(known.complaints, occasions(days), as_of, norms)),
        *([] if known.surveys is None else [satisfaction.satisfaction(known.surveys, as_of)]),
        *([] if known.contacts is None else contacts.contacts(known.contacts, days, as_of)),
        *([] if brought is None else [brought]),
    ]


def _joined(everyone: pl.DataFrame, parts: list[pl.LazyFrame]) -> pl.DataFrame:
    return everyone.hstack([column for part in collect_all(parts) for column in _aligned(everyone, part)])


def _aligned(everyone: pl.DataFrame, part: pl.DataFrame) -> list[pl.Series]:
    """Most parts are of the very customers there are; others lack some, or hold some who were not known by then."""
    rows = part
    if part.height != everyone.height or not part[CUSTOMER].equals(everyone[CUSTOMER]):
        ordered = part.sort(CUSTOMER)
        same = part.height == everyone.height and ordered[CUSTOMER].equals(everyone[CUSTOMER])
        rows = ordered if same else everyone.join(part, on=CUSTOMER, how="left", maintain_order="left")
    return [column for column in rows.get_columns() if column.name != CUSTOMER]


def _finished(joined: pl.DataFrame, ids: pl.Series, as_of: date, active_days: int) -> pl.DataFrame:
    absent = [pl.lit(None, _dtype(f)).alias(f.name) for f in FEATURES if f.name not in joined.columns]
    zero = [feature.name for feature in FEATURES if feature.count and feature.name in joined.columns]
    return (
        joined.lazy()
        .with_columns(absent)
        .with_columns(pl.lit(as_of.month).alias("as_of_month"))
        .with_columns(pl.col(zero).fill_null(0), pl.col("loyalty_segment").fill_null(loyalty.UNDETERMINED))
        .with_columns(*_told_by_others(active_days))
        .with_columns(_stage())
        .select(
            pl.lit(ids).gather(pl.col(CUSTOMER)).alias(CUSTOMER),
            pl.lit(as_of).alias("as_of"),
            *_typed(),
        )
        .collect()
    )


# Expressions that are always the same are built once: for a single customer, building them takes longer than using them.


@cache
def _told_by_others(active_days: int) -> tuple[pl.Expr, ...]:
    return (*complaints.complaint_rates(), complaints.silent_decline(), lifecycle.status(active_days).alias("status"))


@cache
def _stage() -> pl.Expr:
    return lifecycle.lifecycle_stage().alias("lifecycle_stage")


@cache
def _typed() -> tuple[pl.Expr, ...]:
    return tuple(pl.col(feature.name).cast(_dtype(feature)) for feature in FEATURES)


def _dtype(feature: Feature) -> pl.DataType:
    return pl.String() if feature.is_text else pl.Float64()
