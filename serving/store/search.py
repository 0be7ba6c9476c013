"""Find customers of the current run by a part of their ids or details."""

import polars as pl
import sqlalchemy as sa

from serving.schemas.details import DETAIL_COLUMNS
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.details import has_details
from serving.store.read import with_retry
from serving.store.runs import current_run
from serving.store.schema import detail_table, score_table

FOUND_COLUMNS: dict[str, pl.DataType] = {
    name: SCORE_COLUMNS[name] for name in ("customer_id", "status", "p_churn", "loyalty_segment", "lifecycle_stage")
}


def find_by_part(engine: sa.Engine, part: str, limit: int | None, *, in_details: bool = False) -> pl.DataFrame:
    """Return FOUND_COLUMNS of customers whose id contains `part`, in any case of letters, or a detail if `in_details`.

    Ids that start with it come first, then by id. Raises NoRunError before the first run.
    """

    def read(connection: sa.Connection) -> pl.DataFrame:
        run_id = current_run(connection).run_id
        table, details = score_table(run_id), detail_table(run_id)
        source: sa.FromClause = table
        found = _contains(table.c.customer_id, part)
        if in_details and has_details(connection, run_id):
            source = table.outerjoin(details, details.c.customer_id == table.c.customer_id)
            found = sa.or_(found, *(_contains(details.c[name], part) for name in DETAIL_COLUMNS))
        starts = sa.func.lower(table.c.customer_id).startswith(part.lower(), autoescape=True)
        query = sa.select(*(table.c[name] for name in FOUND_COLUMNS)).select_from(source).where(found)
        ordered = query.order_by(sa.case((starts, 0), else_=1), table.c.customer_id).limit(limit)
        return pl.DataFrame([tuple(row) for row in connection.execute(ordered)], schema=FOUND_COLUMNS, orient="row")

    return with_retry(engine, read)


def _contains(column: sa.ColumnElement[str], part: str) -> sa.ColumnElement[bool]:
    """Return whether a column contains a text in any case of letters; SQLite lowers the letters A to Z only."""
    exact = column.contains(part, autoescape=True)
    return sa.or_(sa.func.lower(column).contains(part.lower(), autoescape=True), exact)
