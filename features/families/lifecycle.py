"""Status in the activity window, and the stage of the customer's life with the company."""

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER

FAMILY = "lifecycle"
CLIENT_ORDERS = 6
CLIENT_BREADTH = 3
FEATURES = (
    Feature(
        "status",
        "label",
        "existing, former or prospect: bought within the activity window, before it, never",
        "never",
        model=False,
    ),
    Feature(
        "lifecycle_stage",
        "label",
        "prospect, first_time, repeat, client, advocate or inactive; scores add partner, which the business names",
        "never",
        model=False,
    ),
    Feature(
        "referrals",
        "customers",
        "Customers known by now who name this one as the one who brought them",
        "there is no customers table with referred_by",
        count=True,
    ),
)


def referrals(customers: pl.LazyFrame | None) -> pl.LazyFrame | None:
    """Return how many known customers each customer brought; None where nothing tells.

    `customers` is that of a History, where nobody refers to himself. A row without any date may have been written later
    than the customer it names was scored: it brings nobody.
    """
    columns = [] if customers is None else customers.collect_schema().names()
    dates = [name for name in ("joined_at", "ingested_at") if name in columns]
    if customers is None or "referred_by" not in columns or not dates:
        return None
    dated = pl.any_horizontal(pl.col(name).is_not_null() for name in dates)
    brought = customers.filter(dated, pl.col("referred_by").is_not_null())
    return brought.group_by(pl.col("referred_by").alias(CUSTOMER)).agg(pl.len().cast(pl.Int64).alias("referrals"))


def status(active_days: int) -> pl.Expr:
    """`existing` when the last purchase is at most `active_days` days before the as-of date."""
    silent = pl.col("recency_days")
    return (
        pl.when(silent.is_null())
        .then(pl.lit("prospect"))
        .when(silent <= active_days)
        .then(pl.lit("existing"))
        .otherwise(pl.lit("former"))
    )


def lifecycle_stage() -> pl.Expr:
    """Stage from status, orders, breadth and referrals; a client buys often, in rhythm and broadly.

    Often: at least 6 purchases. In rhythm: gaps spread less than their mean. Broadly: at least 3 categories
    (products where there are no categories).
    """
    breadth = pl.coalesce("categories", "products", pl.lit(CLIENT_BREADTH))
    regular = (pl.col("gap_std") < pl.col("gap_mean")).fill_null(value=False)
    client = (pl.col("orders") >= CLIENT_ORDERS) & regular & (breadth >= CLIENT_BREADTH)
    return (
        pl.when(pl.col("status") == "prospect")
        .then(pl.lit("prospect"))
        .when(pl.col("status") == "former")
        .then(pl.lit("inactive"))
        .when(pl.col("referrals") > 0)
        .then(pl.lit("advocate"))
        .when(client)
        .then(pl.lit("client"))
        .when(pl.col("orders") > 1)
        .then(pl.lit("repeat"))
        .otherwise(pl.lit("first_time"))
    )
