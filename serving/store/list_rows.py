"""Rows of issued lists, as later plans, contacts and outcomes need them."""

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa

from serving.schemas.lists import LIST_COLUMNS
from serving.store.read import VALUES, in_values, read_frame, values_parameter
from serving.store.schema import LIST_ROWS, UNIT_LINKS

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


def rows_of_ranks(engine: sa.Engine, list_id: str, ranks: Sequence[int]) -> pl.DataFrame:
    """Return LIST_COLUMNS of the rows of a list with these ranks, in their order; rows of erased customers are omitted."""
    query = _rows_of_list(LIST_COLUMNS).where(LIST_ROWS.c.rank.in_(ranks), LIST_ROWS.c.customer_id.is_not(None))
    with engine.connect() as connection:
        rows = read_frame(connection, query.params(list_id=list_id), LIST_COLUMNS)
    order = pl.DataFrame({"rank": ranks}, schema={"rank": LIST_COLUMNS["rank"]})
    return order.join(rows, on="rank", how="inner", maintain_order="left").select(LIST_COLUMNS.keys())


def _rows_of_list(columns: dict[str, pl.DataType]) -> sa.Select[Any]:
    return sa.select(*(LIST_ROWS.c[name] for name in columns)).where(LIST_ROWS.c.list_id == sa.bindparam("list_id"))
