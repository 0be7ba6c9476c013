"""The units of randomisation: a customer, or the customers who share a household or contact point, also through others."""

import polars as pl

from features.frames.columns import CUSTOMER
from features.frames.components import component_numbers
from features.storage.hashing import hash_column, hash_text

UNIT, LINKS, CONTACTED = "unit", "links", "contacted_days"
UNIT_COLUMNS: dict[str, pl.DataType] = {
    CUSTOMER: pl.String(),
    UNIT: pl.String(),
    LINKS: pl.String(),
    CONTACTED: pl.Int64(),
}
NO_UNITS = pl.DataFrame(schema=UNIT_COLUMNS)
HASH_DIGITS = 32  # 128 bits
GROUP, DRAWN = "_group", "_drawn"


def unit_key(workspace_key: bytes) -> str:
    """Return the key that hashes units, derived from the workspace's secret."""
    return hash_text("unit", workspace_key.hex())


def unit_hash(column: str, key: str) -> pl.Expr:
    """Return the keyed hash of a column of texts, as units are named; null stays null."""
    return hash_column(column, key).str.slice(0, HASH_DIGITS)


def with_units(customers: pl.DataFrame, units: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """Add UNIT, which names the unit of each customer, GROUP, equal within a unit, and DRAWN, the text that is drawn for it.

    `units` has UNIT_COLUMNS. A customer alone is drawn by customer id, others by their unit, so that all have the same arm.
    """
    sizes = units.select(CUSTOMER, UNIT, pl.len().over(UNIT).alias("members"))
    joined = customers.drop(UNIT, strict=False).join(sizes, on=CUSTOMER, how="left", maintain_order="left")
    return joined.with_columns(
        pl.coalesce(UNIT, CUSTOMER).alias(GROUP),
        pl.when(pl.col("members") > 1).then(UNIT).otherwise(CUSTOMER).alias(DRAWN),
        pl.coalesce(UNIT, unit_hash(CUSTOMER, unit_key(key))).alias(UNIT),
    ).drop("members")


def units_of_candidates(customers: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """Return UNIT_COLUMNS from the numbers in `household` and `contact_point`, for runs that were published without units.

    Only candidates are known to belong together. A unit is named by its first customer, since the numbers are those of one run.
    """
    links = pl.concat(
        customers.select(CUSTOMER, pl.format(f"{name} {{}}", name).alias("link"), CONTACTED).drop_nulls("link")
        for name in ("household", "contact_point")
    )
    grouped = links.with_columns(component_numbers(links.select(CUSTOMER, "link")))
    members = grouped.unique(CUSTOMER, keep="any").with_columns(pl.col(CUSTOMER).min().over("component").alias("first"))
    name = unit_hash("first", unit_key(key))
    return members.select(CUSTOMER, name.alias(UNIT), name.alias(LINKS), CONTACTED).sort(CUSTOMER)


def match_units(earlier: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of earlier lists with GROUP: once for each present unit that has the customer or a link of the row's unit.

    Households change: a row counts for the unit that its customer belongs to now, and for the one whose household or contact
    point it was drawn by. A row that no unit matches counts for its customer.
    """
    numbered = earlier.with_row_index("row")
    by_customer = numbered.join(units.select(CUSTOMER, UNIT), on=CUSTOMER, how="left", suffix="_now")
    now = by_customer.select("row", pl.coalesce(f"{UNIT}_now", CUSTOMER).alias(GROUP)).drop_nulls()
    links = units.select(pl.col(UNIT).alias(GROUP), pl.col(LINKS).str.split(" ").alias(UNIT)).explode(UNIT).unique()
    linked = numbered.select("row", UNIT).join(links, on=UNIT).select("row", GROUP)
    return numbered.join(pl.concat([now, linked]).unique(), on="row", maintain_order="left").drop("row")


def contacts_of_others(customers: pl.DataFrame, units: pl.DataFrame) -> pl.Series:
    """Return, per customer, the days since the newest contact of another member of the unit; null without one."""
    newest = units.drop_nulls(CONTACTED).sort(CONTACTED, CUSTOMER)
    least = newest.group_by(pl.col(UNIT).alias(GROUP), maintain_order=True).agg(
        pl.col(CUSTOMER).first().alias("newest"),
        pl.col(CONTACTED).first().alias("first"),
        pl.col(CONTACTED).get(1, null_on_oob=True).alias("second"),
    )
    joined = customers.select(CUSTOMER, GROUP).join(least, on=GROUP, how="left", maintain_order="left")
    is_own = (pl.col("newest") == pl.col(CUSTOMER)).fill_null(value=False)
    return joined.select(pl.when(is_own).then("second").otherwise("first").alias("others_days")).to_series()
