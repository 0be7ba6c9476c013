"""The one gate between what happened and what was known: every feature sees tables through it."""

from dataclasses import replace
from datetime import date, datetime, time

import polars as pl

from features.tables.schema import ALL_TABLES, INGESTED_AT, Table, Tables


def midnight(day: date) -> datetime:
    """Return 00:00 UTC of the day, without a zone, as the tables hold moments."""
    return datetime.combine(day, time.min)


def known_before(tables: Tables, as_of: date) -> Tables:
    """Return the tables as they were known before `as_of` 00:00 UTC (exclusive).

    Rows are known from their table's date and their `ingested_at`, whichever is later; a customer without
    `joined_at` was always known. Columns dated by another column are null until that date has passed:
    a complaint resolved later is still open. Columns of current state are gone.
    """
    frames = {name: _known_rows(ALL_TABLES[name], frame, midnight(as_of)) for name, frame in tables.present().items()}
    return replace(tables, **frames)


def _known_rows(table: Table, frame: pl.LazyFrame, moment: datetime) -> pl.LazyFrame:
    columns = frame.collect_schema().names()
    dated = [name for name in (table.known_from, INGESTED_AT.name) if name in columns]
    rows = frame.filter(*(pl.col(name).is_null() | (pl.col(name) < moment) for name in dated))
    later = [_known_cell(c.name, c.known_from, columns, moment) for c in table.columns if c.known_from and c.name in columns]
    return rows.with_columns(later).drop(table.current_state, strict=False)


def _known_cell(name: str, dated_by: str, columns: list[str], moment: datetime) -> pl.Expr:
    """Without the column that dates it, a cell was never known in time."""
    known = pl.col(dated_by) < moment if dated_by in columns else pl.lit(value=False)
    return pl.when(known).then(pl.col(name)).alias(name)
