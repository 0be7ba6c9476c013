"""The current state of the customers table: consent, partners, households. Used for actions, never as features."""

from functools import lru_cache
from pathlib import Path

import polars as pl

from features.frames.aliases import SURVIVOR, survivor_of
from features.frames.columns import CUSTOMER
from features.point_in_time import current_rows
from features.storage.paths import quarantine_path
from features.tables.casting import cast, strip_text
from features.tables.schema import CHOSEN_RULES, CUSTOMERS, Kind, Tables
from serving.scoring.merged import NOT_MERGED, merged_ids

CONSENT, PARTNER = "marketing_consent", "partner"
GROUPS = ("household", "contact_point")
UNCERTAIN = "consent_uncertain"
NONE_SET_ASIDE = pl.DataFrame(schema={CUSTOMER: pl.String(), "refused": pl.Boolean()})
DEFAULTS = {
    "may_contact": pl.lit(value=True),
    UNCERTAIN: pl.lit(value=False),
    PARTNER: pl.lit(value=False),
    **{name: pl.lit(None, pl.Int64) for name in GROUPS},
}


def has_consent_column(tables: Tables) -> bool:
    """Return whether the customers table has a consent column; without one, all customers may be contacted."""
    return tables.customers is not None and CONSENT in tables.customers.collect_schema()


def contactability(tables: Tables, merged: pl.DataFrame = NOT_MERGED) -> pl.DataFrame | None:
    """Return may_contact, partner, household and contact_point, a row per customer of the customers table; None without it.

    A customer has consented only if every row of the customer says so, under any of the ids of a merged one (`merged_ids`), of
    which the surviving id has the row; null is no consent. Customers with the same household or
    contact point share a number; those alone with theirs have null. No address is kept.
    """
    if tables.customers is None:
        return None
    rows = current_rows(tables.customers)
    columns = set(rows.collect_schema().names())
    states = {
        "may_contact": pl.col(CONSENT).fill_null(value=False).all() if CONSENT in columns else DEFAULTS["may_contact"],
        PARTNER: pl.col(PARTNER).fill_null(value=False).any() if PARTNER in columns else DEFAULTS[PARTNER],
        **{name: pl.col(name).drop_nulls().first() if name in columns else DEFAULTS[name] for name in GROUPS},
    }
    customers = rows.drop_nulls(CUSTOMER).group_by(survivor_of(CUSTOMER, merged)).agg(**states)
    return customers.with_columns(_group_number(name) for name in GROUPS if name in columns).collect()


def with_contactability(features: pl.DataFrame, tables: Tables, set_aside: pl.DataFrame = NONE_SET_ASIDE) -> pl.DataFrame:
    """Add the columns of `contactability` and `consent_uncertain`, and give partners the lifecycle stage `partner`.

    Customers missing from the table count as not having consented, if the table has a consent column. So do those with a row in
    `set_aside` (`consent_set_aside`): what that row says may be a refusal. `consent_uncertain` says that nothing else speaks
    against contacting them.
    """
    merged = merged_ids(tables)
    states = contactability(tables, merged)
    if states is None:
        return features.with_columns(**DEFAULTS)
    asks_consent, survivor = has_consent_column(tables), survivor_of(CUSTOMER, merged)
    uncertain = set_aside.group_by(survivor).agg(pl.col("refused").any())
    own = features.with_columns(survivor.alias(SURVIVOR))
    joined = own.join(states.rename({CUSTOMER: SURVIVOR}), on=SURVIVOR, how="left", maintain_order="left")
    known = joined.join(uncertain.rename({CUSTOMER: SURVIVOR}), on=SURVIVOR, how="left", maintain_order="left").drop(SURVIVOR)
    says_yes, refused = pl.col("may_contact").fill_null(not asks_consent), pl.col("refused").fill_null(value=False)
    is_set_aside = pl.col("refused").is_not_null() & pl.lit(asks_consent)
    has_no_refusal = pl.col("may_contact").fill_null(value=True) & ~refused
    return known.with_columns(
        (says_yes & ~is_set_aside).alias("may_contact"),
        (is_set_aside & has_no_refusal).alias(UNCERTAIN),
        pl.col(PARTNER).fill_null(value=False),
        pl.when(pl.col(PARTNER)).then(pl.lit("partner")).otherwise("lifecycle_stage").alias("lifecycle_stage"),
    ).drop("refused")


def consent_set_aside(workspace: Path) -> pl.DataFrame:
    """Return customer_id and `refused` of the customers with a row of the customers table in quarantine.

    Rows that the configuration leaves out do not count. `refused` says whether such a row refuses marketing in a cell that can be
    read. Empty where nothing is in quarantine.
    """
    path = quarantine_path(workspace, CUSTOMERS.name)
    return _read_set_aside(path, path.stat().st_mtime_ns) if path.is_file() else NONE_SET_ASIDE


@lru_cache(maxsize=4)
def _read_set_aside(path: Path, _changed_at: int) -> pl.DataFrame:
    rows = pl.scan_parquet(path, glob=False).filter(~pl.col("rule").is_in(CHOSEN_RULES))
    columns = rows.collect_schema().names()
    consent = pl.col(CONSENT) if CONSENT in columns else pl.lit(None, pl.String)
    refuses = cast(strip_text(consent), pl.String(), Kind.FLAG).eq_missing(pl.lit(value=False))
    ids = rows.select(strip_text(pl.col(CUSTOMER)).alias(CUSTOMER), refuses.alias("refused")).drop_nulls(CUSTOMER)
    return ids.group_by(CUSTOMER).agg(pl.col("refused").any()).collect()


def shared_text(column: str) -> pl.Expr:
    """Return a household or contact point without case and surrounding space, as customers share it; null if empty."""
    text = pl.col(column).str.normalize("NFKC").str.strip_chars().str.to_lowercase()
    return pl.when(text != "").then(text)


def _group_number(column: str) -> pl.Expr:
    """Return a number for each value that several customers share; null for the others."""
    value = shared_text(column)
    is_shared = value.is_not_null() & (pl.len().over(value) > 1)
    return pl.when(is_shared).then(value.rank("dense").cast(pl.Int64)).alias(column)
