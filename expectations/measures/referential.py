"""Ids across tables: rows of customers whom nobody knows, and ids that would be the same but for how they are written."""

from datetime import datetime

import polars as pl

from expectations.check import Measure
from features.tables.schema import CUSTOMERS, TRANSACTIONS, Tables

ID, PLAIN = "customer_id", "plain"
NOT_LINKED = {TRANSACTIONS.name, CUSTOMERS.name}


def links(tables: Tables) -> dict[str, dict[str, Measure]]:
    """Return per table the measures alike_ids (orders), unknown_customers and nearly_known (the others).

    A customer is known who is in the orders or in the customers table. All counts, never an id.
    """
    named = {name: frame.select(ID) for name, frame in tables.present().items()}
    known = _unique(pl.concat([frame for name, frame in named.items() if name in NOT_LINKED]))
    found = {TRANSACTIONS.name: {"alike_ids": _alike(known)}}
    for name, frame in named.items():
        if name not in NOT_LINKED:
            found[name] = _unknown(frame, known)
    return found


def days_behind(table: str, newest: dict[str, datetime | None]) -> dict[str, Measure]:
    """Return how many days a table's newest row is older than the newest order; nothing where either has no date."""
    orders, own = newest.get(TRANSACTIONS.name), newest.get(table)
    if orders is None or own is None or table in NOT_LINKED:
        return {}
    return {"days_behind": Measure(max((orders - own).days, 0), f"the newest is of {own:%Y-%m-%d}")}


def _unique(ids: pl.LazyFrame) -> pl.DataFrame:
    return ids.unique().with_columns(_plain()).collect(engine="streaming")


def _plain() -> pl.Expr:
    """An id without what spreadsheets and exports take off or put on."""
    return pl.col(ID).str.to_lowercase().str.replace(r"\.0$", "").str.strip_chars_start("0").alias(PLAIN)


def _alike(known: pl.DataFrame) -> Measure:
    return Measure(known.height - known[PLAIN].n_unique())


def _unknown(frame: pl.LazyFrame, known: pl.DataFrame) -> dict[str, Measure]:
    unknown = frame.join(known.lazy(), on=ID, how="anti").with_columns(_plain())
    nearly = pl.col(PLAIN).is_in(known[PLAIN].implode())
    rows, nearly_rows = unknown.select(pl.len(), nearly.sum()).collect(engine="streaming").row(0)
    total = max(frame.select(pl.len()).collect(engine="streaming").item(), 1)
    return {
        "unknown_customers": Measure(rows / total, f"{rows:,} rows"),
        "nearly_known": Measure(nearly_rows, f"{nearly_rows:,} rows" if nearly_rows else ""),
    }
