"""The current state of the customers table: consent, partners, households. Used for actions, never as features."""

import polars as pl

from features.frames.columns import CUSTOMER
from features.tables.schema import Tables

CONSENT, PARTNER = "marketing_consent", "partner"
GROUPS = ("household", "contact_point")
DEFAULTS = {
    "may_contact": pl.lit(value=True),
    PARTNER: pl.lit(value=False),
    **{name: pl.lit(None, pl.Int64) for name in GROUPS},
}


def has_consent_column(tables: Tables) -> bool:
    """Return whether the customers table has a consent column; without one, all customers may be contacted."""
    return tables.customers is not None and CONSENT in tables.customers.collect_schema()


def contactability(tables: Tables) -> pl.DataFrame | None:
    """Return may_contact, partner, household and contact_point, a row per customer of the customers table; None without it.

    A customer has consented only if every row of the customer says so; null is no consent. Customers with the same household or
    contact point share a number; those alone with theirs have null. No address is kept.
    """
    if tables.customers is None:
        return None
    columns = set(tables.customers.collect_schema().names())
    states = {
        "may_contact": pl.col(CONSENT).fill_null(value=False).all() if CONSENT in columns else DEFAULTS["may_contact"],
        PARTNER: pl.col(PARTNER).fill_null(value=False).any() if PARTNER in columns else DEFAULTS[PARTNER],
        **{name: pl.col(name).drop_nulls().first() if name in columns else DEFAULTS[name] for name in GROUPS},
    }
    customers = tables.customers.drop_nulls(CUSTOMER).group_by(CUSTOMER).agg(**states)
    return customers.with_columns(_group_number(name) for name in GROUPS if name in columns).collect()


def with_contactability(features: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Add the columns of `contactability`, and give partners the lifecycle stage `partner`.

    Customers missing from the table count as not having consented, if the table has a consent column.
    """
    states = contactability(tables)
    if states is None:
        return features.with_columns(**DEFAULTS)
    joined = features.join(states, on=CUSTOMER, how="left", maintain_order="left")
    return joined.with_columns(
        pl.col("may_contact").fill_null(not has_consent_column(tables)),
        pl.col(PARTNER).fill_null(value=False),
    ).with_columns(pl.when(PARTNER).then(pl.lit("partner")).otherwise("lifecycle_stage").alias("lifecycle_stage"))


def shared_text(column: str) -> pl.Expr:
    """Return a household or contact point without case and surrounding space, as customers share it; null if empty."""
    text = pl.col(column).str.normalize("NFKC").str.strip_chars().str.to_lowercase()
    return pl.when(text != "").then(text)


def _group_number(column: str) -> pl.Expr:
    """Return a number for each value that several customers share; null for the others."""
    value = shared_text(column)
    is_shared = value.is_not_null() & (pl.len().over(value) > 1)
    return pl.when(is_shared).then(value.rank("dense").cast(pl.Int64)).alias(column)
