"""All feature families joined: from tables and an as-of date to one row per known customer."""

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
from features.frames.collect import Engine, collect_all
from features.frames.columns import CUSTOMER
from features.frames.encoded import EncodedTables, encode_tables
from features.frames.purchases import occasions, sorted_customer_days
from features.norms import Norms, compute_norms
from features.partition import ALL_CUSTOMERS, Part
from features.point_in_time import known_before
from features.tables.schema import Tables
from settings.sections import Loyalty

FAMILIES: dict[str, tuple[Feature, ...]] = {
    module.FAMILY: module.FEATURES
    for module in (recency, cadence, spend, basket, demand, loyalty, complaints, satisfaction, contacts, lifecycle, context)
}
FEATURES: tuple[Feature, ...] = tuple(feature for family in FAMILIES.values() for feature in family)
MODEL_FEATURES: tuple[str, ...] = tuple(feature.name for feature in FEATURES if feature.is_model_input)
TEXT_FEATURES = tuple(feature.name for feature in FEATURES if feature.is_text)


def build_features(
    tables: Tables,
    as_of: date,
    active_days: int,
    settings: Loyalty,
    norms: Norms | None = None,
    part: Part = ALL_CUSTOMERS,
    engine: Engine = "streaming",
) -> pl.DataFrame:
    """Return customer_id, as_of and every feature: one row per customer known before `as_of`, sorted by customer_id.

    A customer is known when any table has a row of theirs that was known by then. Only customers of `part` are returned.
    A feature of an absent table is null. Counts of a present table are zero for a customer without a row in it. `norms` are
    company-wide references from before `as_of`; by default those of `tables` as of that date.

    Example:
        >>> from datetime import date, datetime
        >>> import polars as pl
        >>> from features.build import build_features
        >>> from features.tables.schema import Tables
        >>> from settings.sections import Loyalty
        >>> lines = {
        ...     "customer_id": ["anna", "anna", "bert", "bert"],
        ...     "ordered_at": [datetime(2025, 1, 1), datetime(2025, 1, 31), datetime(2025, 2, 20), datetime(2025, 3, 5)],
        ...     "amount": [20.0, 30.0, 5.0, 99.0],
        ... }
        >>> cases = {
        ...     "complaint_id": ["k1"],
        ...     "customer_id": ["anna"],
        ...     "opened_at": [datetime(2025, 2, 14)],
        ...     "resolved_at": [datetime(2025, 3, 3)],
        ... }
        >>> tables = Tables(transactions=pl.LazyFrame(lines), complaints=pl.LazyFrame(cases))
        >>> features = build_features(tables, as_of=date(2025, 3, 1), active_days=365, settings=Loyalty())
        >>> for row in features.select("customer_id", "orders", "recency_days", "historic_value", "open_complaints").rows():
        ...     print(row)
        ('anna', 2.0, 29.0, 50.0, 1.0)
        ('bert', 1.0, 9.0, 5.0, 0.0)

        Bert's order of 5 March and the end of Anna's complaint are not known yet on 1 March.
    """
    norms = norms or compute_norms(tables, as_of)
    return features_as_of(encode_tables(known_before(tables, as_of), part, engine), as_of, active_days, settings, norms)


def features_as_of(encoded: EncodedTables, as_of: date, active_days: int, settings: Loyalty, norms: Norms) -> pl.DataFrame:
    """Return what `build_features` returns, from encoded tables that may serve several as-of dates."""
    known = _materialise_lines(known_before(encoded.tables, as_of), encoded.engine)
    days = sorted_customer_days(known.transactions, encoded.engine).lazy()
    frames = [
        *_purchase_features(known, days, as_of, settings, norms, encoded.engine),
        *_other_features(known, days, as_of, norms),
    ]
    joined = _join(_known_customers(known, encoded.engine), frames, encoded.engine)
    return _finish(joined, encoded.ids, as_of, active_days)


def _materialise_lines(known: Tables, engine: Engine) -> Tables:
    """Filter the order lines by date here, and not again for every family that reads them."""
    return replace(known, transactions=known.transactions.collect(engine=engine).rechunk().lazy())


def _known_customers(known: Tables, engine: Engine) -> pl.DataFrame:
    customers = [frame.select(CUSTOMER).unique() for frame in known.present().values()]
    return pl.concat(customers).drop_nulls().unique().sort(CUSTOMER).collect(engine=engine)


def _purchase_features(
    known: Tables, days: pl.LazyFrame, as_of: date, settings: Loyalty, norms: Norms, engine: Engine
) -> list[pl.LazyFrame]:
    purchases = occasions(days)
    choices = loyalty.brand_choices(known.transactions, settings, engine)
    demand_features = demand.demand(known.transactions, as_of, norms)
    return [
        recency.recency(purchases, as_of),
        cadence.cadence(purchases, as_of),
        *spend.spend(days, as_of),
        *basket.basket(known.transactions, purchases, as_of, norms),
        *([] if demand_features is None else [demand_features]),
        *([] if choices is None else loyalty.loyalty(choices, settings, as_of, engine)),
        *context.context(known, purchases, as_of),
    ]


def _other_features(known: Tables, days: pl.LazyFrame, as_of: date, norms: Norms) -> list[pl.LazyFrame]:
    referrals = lifecycle.referrals(known.customers)
    return [
        *([] if known.complaints is None else complaints.complaints(known.complaints, occasions(days), as_of, norms)),
        *([] if known.surveys is None else [satisfaction.satisfaction(known.surveys, as_of)]),
        *([] if known.contacts is None else contacts.contacts(known.contacts, days, as_of)),
        *([] if referrals is None else [referrals]),
    ]


def _join(customers: pl.DataFrame, frames: list[pl.LazyFrame], engine: Engine) -> pl.DataFrame:
    return customers.hstack([column for frame in collect_all(frames, engine) for column in _align_columns(customers, frame)])


def _align_columns(customers: pl.DataFrame, frame: pl.DataFrame) -> list[pl.Series]:
    """Return the columns of `frame` in the order of `customers`; null for a customer without a row.

    Most frames have exactly these customers. Others lack some, or hold some who were not known yet.
    """
    rows = frame
    if frame.height != customers.height or not frame[CUSTOMER].equals(customers[CUSTOMER]):
        ordered = frame.sort(CUSTOMER)
        is_same = frame.height == customers.height and ordered[CUSTOMER].equals(customers[CUSTOMER])
        rows = ordered if is_same else customers.join(frame, on=CUSTOMER, how="left", maintain_order="left")
    return [column for column in rows.get_columns() if column.name != CUSTOMER]


def _finish(joined: pl.DataFrame, ids: pl.Series, as_of: date, active_days: int) -> pl.DataFrame:
    """Add absent and derived features, fill counts with zero, and select the columns of the contract."""
    absent = [pl.lit(None, _dtype(f)).alias(f.name) for f in FEATURES if f.name not in joined.columns]
    counts = [feature.name for feature in FEATURES if feature.is_count and feature.name in joined.columns]
    return (
        joined.lazy()
        .with_columns(absent)
        .with_columns(pl.lit(as_of.month).alias("as_of_month"))
        .with_columns(pl.col(counts).fill_null(0), pl.col("loyalty_segment").fill_null(loyalty.UNDETERMINED))
        .with_columns(*_derived_features(active_days))
        .with_columns(_lifecycle_stage())
        .select(
            pl.lit(ids).gather(pl.col(CUSTOMER)).alias(CUSTOMER),
            pl.lit(as_of).alias("as_of"),
            *_typed_columns(),
        )
        .collect()
    )


# These expressions are the same for every call. For a single customer, building them takes longer than evaluating them.


@cache
def _derived_features(active_days: int) -> tuple[pl.Expr, ...]:
    return (*complaints.complaint_rates(), complaints.silent_decline(), lifecycle.status(active_days).alias("status"))


@cache
def _lifecycle_stage() -> pl.Expr:
    return lifecycle.lifecycle_stage().alias("lifecycle_stage")


@cache
def _typed_columns() -> tuple[pl.Expr, ...]:
    return tuple(pl.col(feature.name).cast(_dtype(feature)) for feature in FEATURES)


def _dtype(feature: Feature) -> pl.DataType:
    return pl.String() if feature.is_text else pl.Float64()
