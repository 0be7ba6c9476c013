"""The lists that customers were on before."""

from datetime import date
from typing import Any

import polars as pl
import sqlalchemy as sa

from serving.schemas.iso_weeks import days_since_start, list_start
from serving.schemas.list_kind import TARGET_BY_KIND, ListKind
from serving.store.lists.issued import issued_lists
from serving.store.lists.precedence import acted_on_lists
from serving.store.lists.rows import arm_rows
from serving.store.schema import LIST_ROWS, LISTS

MAX_LISTS_OF_CUSTOMER = 10
EARLIER_COLUMNS: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "target": pl.String(),
    "arm": pl.String(),
    "days": pl.Int64(),
    "hold": pl.Int64(),
    "this_week": pl.Boolean(),
    "unit": pl.String(),
}


def earlier_rows(engine: sa.Engine, week: str, today: date, pause_days: int, control_hold_days: int | None) -> pl.DataFrame:
    """Return the customers on other lists: EARLIER_COLUMNS, with the days since each list and its control hold in days.

    These are the lists of other weeks that count as acted on, and those of this week that no limit cut short. Only those that
    still matter are read: those acted on within `pause_days` or within their control hold, and those of later weeks that start
    within the control hold, such as after a withdrawal; they count as acted on today. `control_hold_days` None takes each list's
    own horizon. An erased customer is null; the unit of the row still holds the others of the household.
    """
    others = [issued for issued in acted_on_lists(engine) if issued.week != week]
    same_week = [issued for issued in issued_lists(engine, None, week) if issued.row_limit is None]
    frames = [pl.DataFrame(schema=EARLIER_COLUMNS)]
    with engine.connect() as connection:
        for issued in [*others, *same_week]:
            days = days_since_start(issued.week, issued.data_as_of, today)
            hold = control_hold_days or issued.horizon_days
            days_ahead = (list_start(issued.week, issued.data_as_of) - today).days
            if days >= max(hold, pause_days) or days_ahead >= hold:
                continue
            list_columns = {
                "target": pl.lit(TARGET_BY_KIND[ListKind(issued.kind)].value),
                "days": pl.lit(days, pl.Int64),
                "hold": pl.lit(hold, pl.Int64),
                "this_week": pl.lit(issued.week == week),
            }
            rows = arm_rows(connection, issued.list_id)
            frames.append(rows.with_columns(**list_columns).select(EARLIER_COLUMNS.keys()))
    return pl.concat(frames)


def lists_with_customer(connection: sa.Connection, customer_id: str) -> list[tuple[str, date, int]]:
    """Return each list that names a customer: its id, the day from which it was acted on, and its outcome window in days."""
    fields = sa.select(LISTS.c.list_id, LISTS.c.week, LISTS.c.data_as_of, LISTS.c.horizon_days)
    query = fields.join_from(LIST_ROWS, LISTS, LISTS.c.list_id == LIST_ROWS.c.list_id).where(
        LIST_ROWS.c.customer_id == customer_id
    )
    return [(row.list_id, list_start(row.week, row.data_as_of), row.horizon_days) for row in connection.execute(query)]


def customer_list_rows(engine: sa.Engine, customer_id: str) -> list[dict[str, Any]]:
    """Return a customer's rows on lists that count as acted on, the newest first and at most MAX_LISTS_OF_CUSTOMER.

    Of several lists of a kind and week, the effective one counts if it has the customer (`acted_on_lists`).

    Each has list_id, kind, data_as_of and horizon_days of the list, and week, rank, arm, action, expected_gain and expires_on
    of the row.
    """
    rows, list_ids = LIST_ROWS.c, [issued.list_id for issued in acted_on_lists(engine)]
    list_fields = (LISTS.c.kind, LISTS.c.data_as_of, LISTS.c.horizon_days)
    query = (
        sa.select(rows.list_id, *list_fields, rows.week, rows.rank, rows.arm, rows.action, rows.expected_gain, rows.expires_on)
        .join_from(LIST_ROWS, LISTS, LISTS.c.list_id == rows.list_id)
        .where(rows.customer_id == customer_id, rows.list_id.in_(list_ids))
        .order_by(rows.week.desc(), LISTS.c.number.desc())
    )
    with engine.connect() as connection:
        found = [dict(row) for row in connection.execute(query).mappings()]
    position = {list_id: number for number, list_id in enumerate(list_ids)}
    best = {(row["kind"], row["week"]): row for row in sorted(found, key=lambda row: -position[row["list_id"]])}
    return [row for row in found if best[row["kind"], row["week"]] is row][:MAX_LISTS_OF_CUSTOMER]
