"""Links of a table to the orders, against the accepted load: ids that were renamed in one of the two."""

import polars as pl

from expectations.check import Measure
from expectations.history.accepted import Links

ID = "customer_id"
MIN_KNOWN = 20


def count_links(table: pl.LazyFrame, orders: pl.LazyFrame, orders_content: str, is_new: pl.Expr) -> Links:
    """Count the customers and rows of a table, and those of them that the orders know; `is_new` marks the new rows."""
    known = orders.select(ID).unique().with_columns(pl.lit(value=True).alias("known"))
    counts = [pl.len().cast(pl.Int64).alias("rows"), is_new.sum().cast(pl.Int64).alias("new_rows")]
    customers = table.group_by(ID).agg(counts).join(known, on=ID, how="left")
    is_known = pl.col("known").fill_null(value=False)
    sums = [
        pl.len().alias("ids"),
        is_known.sum().alias("known_ids"),
        pl.col("rows", "new_rows").sum(),
        (pl.col("rows", "new_rows") * is_known).sum().name.map(lambda name: name.replace("rows", "known_rows")),
    ]
    return Links(orders_content, **customers.select(sums).collect(engine="streaming").row(0, named=True))


def link_changes(before: Links, now: Links, load_day: str) -> dict[str, Measure]:
    """Return lost_links and unlinked_new_rows; a measure is missing where too few customers or rows were known.

    lost_links is the share of the known customers that the orders no longer know. Rows that are gone, and customers who never
    ordered, do not count: the share of known customers must have fallen too.
    """
    measures = {}
    if before.known_ids >= MIN_KNOWN:
        fallen = 1 - now.known_ids / before.known_ids
        share_fallen = 1 - _share(now.known_ids, now.ids) / _share(before.known_ids, before.ids)
        detail = f"the orders know {now.known_ids:,} of {now.ids:,} customers"
        detail += f"; in the load of {load_day} they knew {before.known_ids:,} of {before.ids:,}"
        measures["lost_links"] = Measure(max(min(fallen, share_fallen), 0.0), detail)
    if now.new_rows >= MIN_KNOWN and before.known_rows >= MIN_KNOWN:
        expected = _share(before.known_rows, before.rows)
        detail = f"the orders know the customers of {now.new_known_rows:,} of {now.new_rows:,} new rows"
        detail += f"; in the load of {load_day} those of {expected:.0%} of all rows"
        measures["unlinked_new_rows"] = Measure(max(1 - _share(now.new_known_rows, now.new_rows) / expected, 0.0), detail)
    return measures


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
