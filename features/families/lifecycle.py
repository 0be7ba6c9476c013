"""Status in the activity window, and the stage of the customer lifecycle."""

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER

FAMILY = "lifecycle"
MIN_CLIENT_ORDERS = 6
MIN_CLIENT_BREADTH = 3
FEATURES = (
    Feature(
        "status",
        "label",
        "existing (bought within the activity window), former (bought before it) or prospect (never bought)",
        "never",
        is_model_input=False,
    ),
    Feature(
        "lifecycle_stage",
        "label",
        "prospect, first_time, repeat, client, advocate or inactive; scores add partner, which the business sets",
        "never",
        is_model_input=False,
    ),
    Feature(
        "referrals",
        "customers",
        "Known customers referred by this customer",
        "there is no customers table with referred_by",
        is_count=True,
    ),
)


def referrals(customers: pl.LazyFrame | None) -> pl.LazyFrame | None:
    """Return the number of known customers that each customer referred; None without the columns for it.

    `customers` is that of EncodedTables, where no customer refers to themselves. A row without any date does not count: it may
    have been written after the as-of date.
    """
    columns = [] if customers is None else customers.collect_schema().names()
    dates = [name for name in ("joined_at", "ingested_at") if name in columns]
    if customers is None or "referred_by" not in columns or not dates:
        return None
    dated = pl.any_horizontal(pl.col(name).is_not_null() for name in dates)
    referred = customers.filter(dated, pl.col("referred_by").is_not_null())
    return referred.group_by(pl.col("referred_by").alias(CUSTOMER)).agg(pl.len().cast(pl.Int64).alias("referrals"))


def status(active_days: int) -> pl.Expr:
    """Return the status; `existing` when the last purchase was at most `active_days` days before the as-of date."""
    recency_days = pl.col("recency_days")
    return (
        pl.when(recency_days.is_null())
        .then(pl.lit("prospect"))
        .when(recency_days <= active_days)
        .then(pl.lit("existing"))
        .otherwise(pl.lit("former"))
    )


def lifecycle_stage() -> pl.Expr:
    """Return the stage from status, orders, breadth and referrals.

    A client buys often (at least 6 purchases), regularly (the standard deviation of the gaps is below their mean) and broadly
    (at least 3 categories, or products where there are no categories).
    """
    breadth = pl.coalesce("categories", "products", pl.lit(MIN_CLIENT_BREADTH))
    is_regular = (pl.col("gap_std") < pl.col("gap_mean")).fill_null(value=False)
    is_client = (pl.col("orders") >= MIN_CLIENT_ORDERS) & is_regular & (breadth >= MIN_CLIENT_BREADTH)
    return (
        pl.when(pl.col("status") == "prospect")
        .then(pl.lit("prospect"))
        .when(pl.col("status") == "former")
        .then(pl.lit("inactive"))
        .when(pl.col("referrals") > 0)
        .then(pl.lit("advocate"))
        .when(is_client)
        .then(pl.lit("client"))
        .when(pl.col("orders") > 1)
        .then(pl.lit("repeat"))
        .otherwise(pl.lit("first_time"))
    )
