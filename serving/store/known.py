"""Which ids the store knows: those in any run or on any issued list."""

from collections.abc import Sequence

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from serving.store.erasure import existing_run_tables
from serving.store.read import VALUES, in_values, read_frame, values_parameter
from serving.store.schema import LIST_ROWS

ID_SCHEMA: dict[str, pl.DataType] = {CUSTOMER: pl.String()}


def ids_in_store(engine: sa.Engine, customer_ids: Sequence[str]) -> set[str]:
    """Return those of the ids that a run or an issued list has."""
    found: set[str] = set()
    with engine.connect() as connection:
        values = {VALUES: values_parameter(connection, customer_ids)}
        for column in [*(table.c.customer_id for table in existing_run_tables(connection)), LIST_ROWS.c.customer_id]:
            query = sa.select(column).distinct().where(in_values(connection.dialect.name, column))
            found.update(connection.scalars(query, values))
    return found


def all_store_ids(engine: sa.Engine) -> pl.Series:
    """Return every id that a run or an issued list has."""
    with engine.connect() as connection:
        columns = [*(table.c.customer_id for table in existing_run_tables(connection)), LIST_ROWS.c.customer_id]
        frames = [read_frame(connection, sa.select(column).distinct(), ID_SCHEMA) for column in columns]
    return pl.concat(frames)[CUSTOMER].drop_nulls().unique()
