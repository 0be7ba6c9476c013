"""What the customers table says of today: consent, partners, households. For actions, never for features."""

import polars as pl

from features.frames.columns import CUSTOMER
from features.tables.schema import Tables

CONSENT, PARTNER = "marketing_consent", "partner"
GROUPS = ("household", "contact_point")
BLANK = {"may_contact": pl.lit(value=True), PARTNER: pl.lit(value=False), **{name: pl.lit(None, pl.Int64) for name in GROUPS}}


def tells_consent(tables: Tables) -> bool:
    """Whether a table says who may be contacted; where none does, everybody may."""
    return tables.customers is not None and CONSENT in tables.customers.collect_schema()


def contactability(tables: Tables) -> pl.DataFrame | None:
    """Return a row per customer of the customers table: may_contact, partner, household and contact_point; None without one.

    Consent that is null, or not the same in every row of a customer, is none. Households and contact points are numbers
    that customers share who have the same, and null for those who are alone with theirs: no address is kept.
    """
    if tables.customers is None:
        return None
    there = set(tables.customers.collect_schema().names())
    told = {
        "may_contact": pl.col(CONSENT).fill_null(value=False).all() if CONSENT in there else BLANK["may_contact"],
        PARTNER: pl.col(PARTNER).fill_null(value=False).any() if PARTNER in there else BLANK[PARTNER],
        **{name: pl.col(name).drop_nulls().first() if name in there else BLANK[name] for name in GROUPS},
    }
    each = tables.customers.drop_nulls(CUSTOMER).group_by(CUSTOMER).agg(**told)
    return each.with_columns(_shared(name) for name in GROUPS if name in there).collect()


def with_contactability(features: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Add what `standing` says, and to partners their stage. Whom no row names gave no consent where a table tells of it."""
    today = contactability(tables)
    if today is None:
        return features.with_columns(**BLANK)
    unsaid = not tells_consent(tables)
    joined = features.join(today, on=CUSTOMER, how="left", maintain_order="left")
    return joined.with_columns(
        pl.col("may_contact").fill_null(unsaid),
        pl.col(PARTNER).fill_null(value=False),
    ).with_columns(pl.when(PARTNER).then(pl.lit("partner")).otherwise("lifecycle_stage").alias("lifecycle_stage"))


def _shared(name: str) -> pl.Expr:
    """A number per value that several customers have."""
    value = pl.col(name).str.strip_chars().str.to_lowercase()
    known = pl.when(value != "").then(value)
    several = known.is_not_null() & (pl.len().over(known) > 1)
    return pl.when(several).then(known.rank("dense").cast(pl.Int64)).alias(name)
