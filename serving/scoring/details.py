"""The details of customers, such as name and e-mail address: passed through to lists, never used for scores."""

import polars as pl

from features.frames.aliases import survivor_of
from features.frames.columns import CUSTOMER
from features.point_in_time import current_rows
from features.tables.schema import CUSTOMERS, Tables
from serving.schemas.details import DETAIL_COLUMNS
from serving.scoring.merged import merged_ids

MAX_LENGTH = 500  # characters of a detail that are kept


def customer_details(tables: Tables) -> pl.DataFrame | None:
    """Return customer_id and DETAIL_COLUMNS of the customers who have any; None if no detail is mapped.

    Of several rows of a customer, the newest value counts that is not empty: by `ingested_at` if the table has it, else by the
    order of the rows.
    """
    if tables.customers is None:
        return None
    rows = current_rows(tables.customers)
    columns = rows.collect_schema().names()
    mapped = [name for name in CUSTOMERS.details if name in columns]
    if not mapped:
        return None
    known = rows.drop_nulls(CUSTOMER)
    ordered = known.sort("ingested_at", nulls_last=False, maintain_order=True) if "ingested_at" in columns else known
    newest = ordered.group_by(survivor_of(CUSTOMER, merged_ids(tables))).agg(
        _kept_text(name).drop_nulls().last() for name in mapped
    )
    details = newest.filter(pl.any_horizontal(pl.col(mapped).is_not_null())).collect(engine="streaming")
    missing = {name: pl.lit(None, dtype).alias(name) for name, dtype in DETAIL_COLUMNS.items() if name not in mapped}
    return details.with_columns(**missing).select(CUSTOMER, *DETAIL_COLUMNS).sort(CUSTOMER)


def _kept_text(name: str) -> pl.Expr:
    text = pl.col(name).str.strip_chars().str.slice(0, MAX_LENGTH)
    return pl.when(text != "").then(text).alias(name)
