"""Rows of issued lists, as pages, files, later plans, contacts and outcomes need them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from serving.schemas.lists import LIST_COLUMNS
from serving.store.engine import autocommit
from serving.store.lists.issued import IssuedList
from serving.store.read import VALUES, in_values, iter_frames, read_frame, values_parameter
from serving.store.schema import LIST_ROWS, LISTS, UNIT_LINKS

FILTER_COLUMNS = {"region": "region", "segment": "loyalty_segment", "stage": "lifecycle_stage", "action": "action", "arm": "arm"}
ARM_COLUMNS: dict[str, pl.DataType] = {
    "rank": pl.Int64(),
    "customer_id": pl.String(),
    "arm": pl.String(),
    "unit": pl.String(),
}
LINK_COLUMNS: dict[str, pl.DataType] = {"rank": pl.Int64(), "link": pl.String()}
CONTACT_COLUMNS: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "action": pl.String(),
    "channel": pl.String(),
    "arm": pl.String(),
    "propensity": pl.Float64(),
    "action_cost": pl.Float64(),
}
OUTCOME_COLUMNS: dict[str, pl.DataType] = {
    "list_id": pl.String(),
    "rank": pl.Int64(),
    "customer_id": pl.String(),
    "arm": pl.String(),
    "held_by": pl.String(),
    "action": pl.String(),
    "loyalty_segment": pl.String(),
    "p_churn": pl.Float64(),
    "expected_value": pl.Float64(),
    "expected_gain": pl.Float64(),
    "propensity": pl.Float64(),
    "global_share": pl.Float64(),
    "action_cost": pl.Float64(),
    "unit": pl.String(),
    "outcome_orders": pl.Int64(),
    "outcome_spend": pl.Float64(),
    "outcome_until": pl.Date(),
}


def list_rows(
    engine: sa.Engine, list_id: str, filters: Mapping[str, str], after: int = 0, limit: int | None = None
) -> pl.DataFrame:
    """Return the rows of a list by rank, from the first rank above `after`; rows of erased customers are omitted.

    `filters` maps names of FILTER_COLUMNS to the value that rows must have.
    """
    frames = list(iter_list_rows(engine, list_id, filters, after, limit))
    return pl.concat(frames) if frames else pl.DataFrame(schema=LIST_COLUMNS)


def iter_list_rows(
    engine: sa.Engine, list_id: str, filters: Mapping[str, str], after: int = 0, limit: int | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the rows of `list_rows` in chunks, for lists of any length."""
    query = sa.select(*(LIST_ROWS.c[name] for name in LIST_COLUMNS)).where(
        LIST_ROWS.c.list_id == list_id, LIST_ROWS.c.rank > after, LIST_ROWS.c.customer_id.is_not(None)
    )
    for name, value in filters.items():
        query = query.where(LIST_ROWS.c[FILTER_COLUMNS[name]] == value)
    with engine.connect() as connection:
        yield from iter_frames(connection, query.order_by(LIST_ROWS.c.rank).limit(limit), LIST_COLUMNS)


def rows_of_ranks(engine: sa.Engine, list_id: str, ranks: Sequence[int]) -> pl.DataFrame:
    """Return LIST_COLUMNS of the rows of a list with these ranks, in their order; rows of erased customers are omitted."""
    query = _rows_of_list(LIST_COLUMNS).where(LIST_ROWS.c.rank.in_(ranks), LIST_ROWS.c.customer_id.is_not(None))
    with engine.connect() as connection:
        rows = read_frame(connection, query.params(list_id=list_id), LIST_COLUMNS)
    order = pl.DataFrame({"rank": ranks}, schema={"rank": LIST_COLUMNS["rank"]})
    return order.join(rows, on="rank", how="inner", maintain_order="left").select(LIST_COLUMNS.keys())


def filter_values(engine: sa.Engine, issued: IssuedList, name: str) -> list[str]:
    """Return the values of a filter on all lists of the run of a list, in order."""
    column = LIST_ROWS.c[FILTER_COLUMNS[name]]
    of_run = sa.select(LISTS.c.list_id).where(LISTS.c.run_id == issued.run_id)
    query = sa.select(column).distinct().where(LIST_ROWS.c.list_id.in_(of_run), column.is_not(None)).order_by(column)
    with autocommit(engine).connect() as connection:
        return list(connection.scalars(query))


def list_members(engine: sa.Engine, list_id: str) -> tuple[pl.Series, int]:
    """Return the ids on a list, in both arms, and the number of rows whose customers were erased since."""
    with autocommit(engine).connect() as connection:
        stored_ids = connection.scalars(sa.select(LIST_ROWS.c.customer_id).where(LIST_ROWS.c.list_id == list_id)).all()
    ids = pl.Series(CUSTOMER, stored_ids, dtype=pl.String).drop_nulls()
    return ids, len(stored_ids) - len(ids)


def arm_rows(connection: sa.Connection, list_id: str) -> pl.DataFrame:
    """Return ARM_COLUMNS of a list; `unit` has the unit's name and all its links, separated by spaces."""
    rows = read_frame(
        connection, sa.select(*(LIST_ROWS.c[name] for name in ARM_COLUMNS)).where(LIST_ROWS.c.list_id == list_id), ARM_COLUMNS
    )
    links = read_frame(
        connection, sa.select(*(UNIT_LINKS.c[name] for name in LINK_COLUMNS)).where(UNIT_LINKS.c.list_id == list_id), LINK_COLUMNS
    )
    of_rows = links.group_by("rank").agg(pl.col("link").sort().str.join(" "))
    joined = rows.join(of_rows, on="rank", how="left", maintain_order="left")
    return joined.with_columns(pl.concat_str("unit", "link", separator=" ", ignore_nulls=True).replace("", None).alias("unit"))


def contact_rows(engine: sa.Engine, list_ids: Sequence[str], customer_ids: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """Yield CONTACT_COLUMNS of each list, without erased customers; only the rows of some customers if given."""
    query = _rows_of_list(CONTACT_COLUMNS).where(LIST_ROWS.c.customer_id.is_not(None))
    with engine.connect() as connection:
        if customer_ids is not None:
            values = values_parameter(connection, customer_ids)
            query = query.where(in_values(connection.dialect.name, LIST_ROWS.c.customer_id)).params(**{VALUES: values})
        for list_id in list_ids:
            yield read_frame(connection, query.params(list_id=list_id), CONTACT_COLUMNS)


def outcome_rows(engine: sa.Engine, list_ids: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield OUTCOME_COLUMNS of each list, without rows from before propensities were stored."""
    query = _rows_of_list(OUTCOME_COLUMNS).where(LIST_ROWS.c.propensity.is_not(None))
    with engine.connect() as connection:
        for list_id in list_ids:
            yield read_frame(connection, query.params(list_id=list_id), OUTCOME_COLUMNS)


def erase_from_list(connection: sa.Connection, list_id: str, customer_id: str, outcome: Mapping[str, Any]) -> None:
    """Remove a customer's id and reasons from a list; the arm and `outcome` stay, so that its results stay unbiased."""
    erased = dict.fromkeys(("customer_id", "reason_1", "reason_2", "reason_3"))
    row = LIST_ROWS.update().where(LIST_ROWS.c.list_id == list_id, LIST_ROWS.c.customer_id == customer_id)
    connection.execute(row.values(**erased, **outcome))


def _rows_of_list(columns: dict[str, pl.DataType]) -> sa.Select[Any]:
    return sa.select(*(LIST_ROWS.c[name] for name in columns)).where(LIST_ROWS.c.list_id == sa.bindparam("list_id"))
