"""Customer ids across tables: rows of unknown customers, and ids that differ only in how they are written."""

from datetime import datetime

import polars as pl

from expectations.check import Measure
from expectations.measures.odd_ids import dominant_customer, rounded_ids
from features.tables.schema import CUSTOMERS, TRANSACTIONS, Tables

ID, NORMALISED_ID = "customer_id", "normalised_id"
CUSTOMER_SOURCES = {TRANSACTIONS.name, CUSTOMERS.name}


def link_measures(tables: Tables) -> dict[str, dict[str, Measure]]:
    """Return measures per table: those of odd ids for the orders, unknown_customers and nearly_known for tables linked to them.

    A customer is known if the orders or the customers table have the id. The measures are counts, never ids.
    """
    id_frames = {name: frame.select(ID) for name, frame in tables.present().items()}
    known = _unique_ids(pl.concat([frame for name, frame in id_frames.items() if name in CUSTOMER_SOURCES]))
    linked = {name: frame for name, frame in id_frames.items() if name not in CUSTOMER_SOURCES}
    of_orders = {
        "alike_ids": _alike_ids(known),
        "rounded_ids": rounded_ids(known[ID]),
        "dominant_customer": dominant_customer(tables.transactions),
    }
    return {TRANSACTIONS.name: of_orders} | {name: _unknown_customers(frame, known) for name, frame in linked.items()}


def days_behind(table: str, newest: dict[str, datetime | None]) -> dict[str, Measure]:
    """Return how many days a table's newest row is older than the newest order; empty if either has no date."""
    newest_order, newest_row = newest.get(TRANSACTIONS.name), newest.get(table)
    if newest_order is None or newest_row is None or table in CUSTOMER_SOURCES:
        return {}
    days = max((newest_order - newest_row).days, 0)
    return {"days_behind": Measure(days, f"the newest row is from {newest_row:%Y-%m-%d}")}


def _unique_ids(ids: pl.LazyFrame) -> pl.DataFrame:
    return ids.unique().with_columns(_normalised_id()).collect(engine="streaming")


def _normalised_id() -> pl.Expr:
    """Return the id without what spreadsheets and exports change: leading zeros, case and a trailing .0."""
    return pl.col(ID).str.to_lowercase().str.replace(r"\.0$", "").str.strip_chars_start("0").alias(NORMALISED_ID)


def _alike_ids(known: pl.DataFrame) -> Measure:
    return Measure(known.height - known[NORMALISED_ID].n_unique())


def _unknown_customers(frame: pl.LazyFrame, known: pl.DataFrame) -> dict[str, Measure]:
    unknown = frame.join(known.lazy(), on=ID, how="anti").with_columns(_normalised_id())
    is_nearly_known = pl.col(NORMALISED_ID).is_in(known[NORMALISED_ID].implode())
    unknown_rows, nearly_known_rows = unknown.select(pl.len(), is_nearly_known.sum()).collect(engine="streaming").row(0)
    all_rows = max(frame.select(pl.len()).collect(engine="streaming").item(), 1)
    return {
        "unknown_customers": Measure(unknown_rows / all_rows, f"{unknown_rows:,} rows"),
        "nearly_known": Measure(nearly_known_rows, f"{nearly_known_rows:,} rows" if nearly_known_rows else ""),
    }
