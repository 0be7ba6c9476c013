"""The details of customers in the store: a table per run, from which an erasure deletes them as from the scores."""

from collections.abc import Sequence

import polars as pl
import sqlalchemy as sa

from serving.schemas.details import DETAIL_COLUMNS
from serving.store.read import VALUES, in_values, values_parameter, with_retry
from serving.store.schema import detail_table

ROW_SCHEMA: dict[str, pl.DataType] = {"customer_id": pl.String(), **DETAIL_COLUMNS}


def has_details(connection: sa.Connection, run_id: int) -> bool:
    """Return whether a run has details of customers."""
    return sa.inspect(connection).has_table(detail_table(run_id).name)


def detail_names(engine: sa.Engine, run_id: int) -> list[str]:
    """Return the names of the details that any customer of a run has, in the order of DETAIL_COLUMNS."""
    table = detail_table(run_id)

    def read(connection: sa.Connection) -> list[str]:
        if not has_details(connection, run_id):
            return []
        largest = connection.execute(sa.select(*(sa.func.max(table.c[name]) for name in DETAIL_COLUMNS))).one()
        return [name for name, value in zip(DETAIL_COLUMNS, largest, strict=True) if value is not None]

    return with_retry(engine, read)


def read_details(engine: sa.Engine, run_id: int, customer_ids: Sequence[str]) -> pl.DataFrame:
    """Return customer_id and DETAIL_COLUMNS of these customers, for those who have any; empty for a run without details."""
    table = detail_table(run_id)

    def read(connection: sa.Connection) -> list[tuple[str | None, ...]]:
        if not has_details(connection, run_id):
            return []
        query = sa.select(*(table.c[name] for name in ROW_SCHEMA))
        matching = query.where(in_values(connection.dialect.name, table.c.customer_id))
        return [tuple(row) for row in connection.execute(matching, {VALUES: values_parameter(connection, customer_ids)})]

    return pl.DataFrame(with_retry(engine, read), schema=ROW_SCHEMA, orient="row")


def join_details(engine: sa.Engine, run_id: int, rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Add details of a run to rows by customer_id; null for customers without. `names` are of DETAIL_COLUMNS."""
    if not names:
        return rows
    details = read_details(engine, run_id, rows["customer_id"].to_list()).select("customer_id", *names)
    return rows.join(details, on="customer_id", how="left", maintain_order="left")
