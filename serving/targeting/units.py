"""The units of randomisation: a customer, or the customers who share a household or contact point, also through others."""

import polars as pl

from features.frames.columns import CUSTOMER
from features.frames.components import component_numbers
from features.storage.hashing import derive_key, hash_column

UNIT, LINKS, CONTACTED = "unit", "links", "contacted_days"
UNIT_COLUMNS: dict[str, pl.DataType] = {
    CUSTOMER: pl.String(),
    UNIT: pl.String(),
    LINKS: pl.String(),
    CONTACTED: pl.Int64(),
}
NO_UNITS = pl.DataFrame(schema=UNIT_COLUMNS)
HASH_DIGITS = 32  # 128 bits
GROUP, DRAWN, LINK, OWNER = "_group", "_drawn", "link", "owner"
NO_LINKS = pl.DataFrame(schema=dict.fromkeys((GROUP, LINK, OWNER), pl.String))


def unit_key(workspace_key: bytes) -> str:
    """Return the key that hashes units, derived from the workspace's secret."""
    return derive_key("unit", workspace_key)


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


def unit_links(customers: pl.DataFrame, units: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """Return LINK, the keyed hash of each household, contact point and customer of a unit, and its GROUP.

    OWNER is the customer of a hash of an id, null for the others. `customers` has the columns of `with_units`.
    """
    of_units = units.select(pl.col(UNIT).alias(GROUP), pl.col(LINKS).str.split(" ").alias(LINK)).explode(LINK).unique()
    members = units.select(
        pl.col(UNIT).alias(GROUP), unit_hash(CUSTOMER, unit_key(key)).alias(LINK), pl.col(CUSTOMER).alias(OWNER)
    )
    alone = customers.filter(pl.col(GROUP) == pl.col(CUSTOMER))
    ids_alone = alone.select(GROUP, pl.col(UNIT).alias(LINK), pl.col(CUSTOMER).alias(OWNER))
    return pl.concat([of_units.with_columns(pl.lit(None, pl.String).alias(OWNER)), members, ids_alone])


def match_units(earlier: pl.DataFrame, units: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of earlier lists with GROUP: once for each present unit with its customer or a link of its unit.

    `unit` of a row has the links that its unit had when it was drawn, `links` those of the present units (`unit_links`).
    Households change: a row counts for the unit that its customer is in now, and for those of everyone who was in the household
    then, or has its address now. A row that no unit matches counts for its customer.
    """
    numbered = earlier.with_row_index("row")
    by_customer = numbered.join(units.select(CUSTOMER, pl.col(UNIT).alias(GROUP)), on=CUSTOMER, how="left")
    now = by_customer.select("row", pl.coalesce(GROUP, CUSTOMER).alias(GROUP)).drop_nulls()
    then = numbered.select("row", pl.col(UNIT).str.split(" ").alias(LINK)).explode(LINK, empty_as_null=True)
    linked = then.join(links.select(LINK, GROUP), on=LINK).select("row", GROUP)
    return numbered.join(pl.concat([now, linked]).unique(), on="row", maintain_order="left").drop("row")


def links_of_rows(listed: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Return `rank` and LINK of listed rows, whose ranks are their positions from 1, without the customer's own id."""
    ranked = listed.with_row_index("rank", offset=1).select("rank", GROUP, CUSTOMER)
    return ranked.join(links, on=GROUP).filter(pl.col(OWNER).ne_missing(pl.col(CUSTOMER))).select("rank", LINK)


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
