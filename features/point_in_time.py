"""Point-in-time tables: the one place that decides what was known before a date; every feature reads tables through it."""

from dataclasses import replace
from datetime import date, datetime, time

import polars as pl

from features.cancelled_orders import mark_cancelled
from features.frames.aliases import known_aliases, surviving_ids, survivors
from features.frames.columns import CUSTOMER
from features.frames.sorted_runs import customer_day_key
from features.tables.schema import ALL_TABLES, INGESTED_AT, RECORDED, SUPERSEDED_AT, TRANSACTIONS, Table, Tables


def midnight(day: date) -> datetime:
    """Return 00:00 UTC of the day, without a time zone, like the times in the tables."""
    return datetime.combine(day, time.min)


def known_before(tables: Tables, as_of: date) -> Tables:
    """Return the tables as they were known before `as_of` 00:00 UTC (exclusive).

    A row is known from its table's date or its `ingested_at`, whichever is later; a customer without `joined_at` was always
    known. Merged customers have the id that survives (`features.frames.aliases`). A row holds until its `superseded_at`: from
    then on, its newer version does. A column dated by another column is null until that date has passed: a complaint resolved
    later is still open. Columns of current state are dropped. Order lines with an order_id have `is_cancelled`
    (`mark_cancelled`).
    """
    frames = {name: _known_rows(ALL_TABLES[name], frame, midnight(as_of)) for name, frame in tables.present().items()}
    known = replace(tables, **frames)
    if tables.aliases is not None:
        known = _with_surviving_ids(known, known_aliases(tables.aliases, midnight(as_of)))
    return replace(known, transactions=mark_cancelled(known.transactions, merged=tables.aliases is not None))


def _with_surviving_ids(known: Tables, aliases: pl.DataFrame) -> Tables:
    """Return the tables with the ids that survive; lines of EncodedTables stay sorted by customer and day."""
    merged = survivors(aliases)
    frames = {name: surviving_ids(frame, merged) for name, frame in known.present().items()}
    lines = frames[TRANSACTIONS.name]
    may_change = merged.height > 0 or RECORDED in known.transactions.collect_schema()  # ids of a later day are taken back
    if may_change and lines.collect_schema()[CUSTOMER] != pl.String:
        frames[TRANSACTIONS.name] = lines.sort(customer_day_key(pl.col("ordered_at").dt.date()))
    return replace(known, aliases=aliases.lazy(), **frames)


def current_rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows that no newer version supersedes: the current state of a table."""
    return rows.filter(pl.col(SUPERSEDED_AT).is_null()) if SUPERSEDED_AT in rows.collect_schema() else rows


def _known_rows(table: Table, frame: pl.LazyFrame, moment: datetime) -> pl.LazyFrame:
    columns = frame.collect_schema().names()
    date_columns = [name for name in (table.known_from, INGESTED_AT.name) if name in columns]
    rows = frame.filter(*(pl.col(name).is_null() | (pl.col(name) < moment) for name in date_columns))
    if SUPERSEDED_AT in columns:
        rows = rows.filter(pl.col(SUPERSEDED_AT).is_null() | (pl.col(SUPERSEDED_AT) >= moment))
    dated = [_known_cell(c.name, c.known_from, columns, moment) for c in table.columns if c.known_from and c.name in columns]
    return rows.with_columns(dated).drop(table.current_state, strict=False)


def _known_cell(name: str, dated_by: str, columns: list[str], moment: datetime) -> pl.Expr:
    """Return the column, null where it was not known yet; without the column that dates it, it was never known."""
    known = pl.col(dated_by) < moment if dated_by in columns else pl.lit(value=False)
    return pl.when(known).then(pl.col(name)).alias(name)
