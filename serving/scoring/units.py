"""Which customers form a unit of randomisation: from the households and contact points of the customers table."""

import polars as pl

from features.frames.aliases import ID, SURVIVOR, members
from features.frames.columns import CUSTOMER
from features.frames.components import component_numbers
from features.point_in_time import current_rows
from features.tables.schema import Tables
from serving.scoring.contactability import shared_text
from serving.scoring.merged import merged_ids
from serving.targeting.units import LINKS, NO_UNITS, UNIT, UNIT_COLUMNS, unit_hash

PRIORITY = ("contact_point", "household")  # of two that equally many customers share, the first names the unit
NO_LINKS = pl.DataFrame(schema={CUSTOMER: pl.String, "priority": pl.Int32, "link": pl.String})


def build_units(tables: Tables, contacted: pl.DataFrame, candidates: pl.Series, key: str) -> pl.DataFrame:
    """Return UNIT_COLUMNS of all customers who share a household or contact point, and of the `candidates` who have either.

    Customers belong together if they share one, also through others, whether or not they may come on a list. The unit is named
    by the household or contact point that most of them share; `links` has all of theirs. Both are keyed hashes: no address is
    kept. `contacted` has `contacted_days` of each customer, `key` is that of `unit_key`.
    """
    links = _links(tables, key)
    if links.is_empty():
        return NO_UNITS
    grouped = links.with_columns(component_numbers(links.select(CUSTOMER, "link")), pl.len().over("link").alias("sharers"))
    names = grouped.sort("sharers", "priority", "link", descending=[True, False, False]).group_by("component")
    members = grouped.group_by("component", CUSTOMER).agg(pl.col("link").sort().str.join(" ").alias(LINKS))
    is_kept = (pl.len().over("component") > 1) | pl.col(CUSTOMER).is_in(candidates.implode())
    named = members.filter(is_kept).join(names.agg(pl.col("link").first().alias(UNIT)), on="component")
    with_contacts = named.join(contacted, on=CUSTOMER, how="left").sort(CUSTOMER)
    return with_contacts.select(pl.col(name).cast(dtype) for name, dtype in UNIT_COLUMNS.items())


def _links(tables: Tables, key: str) -> pl.DataFrame:
    """Return each customer's households and contact points, of all rows of the customer: `link` is the keyed hash of one.

    The ids of a merged customer share a link of their own.
    """
    if tables.customers is None and tables.aliases is None:
        return NO_LINKS
    rows = pl.LazyFrame() if tables.customers is None else current_rows(tables.customers)
    present = rows.collect_schema().names()
    frames = [
        rows.select(
            CUSTOMER,
            pl.lit(priority, pl.Int32).alias("priority"),
            pl.format(f"{name}:{{}}", shared_text(name)).alias("text"),
        )
        for priority, name in enumerate(PRIORITY)
        if name in present
    ]
    merged = members(merged_ids(tables))
    if merged.height:
        priority, alias = pl.lit(len(PRIORITY), pl.Int32).alias("priority"), pl.format("alias:{}", SURVIVOR).alias("text")
        frames.append(merged.lazy().select(pl.col(ID).alias(CUSTOMER), priority, alias))
    if not frames:
        return NO_LINKS
    texts = pl.concat(frames).drop_nulls([CUSTOMER, "text"]).unique().collect(engine="streaming")
    return texts.select(CUSTOMER, "priority", unit_hash("text", key).alias("link"))
