"""Find customers of the current run by a part of their ids."""

import polars as pl
import sqlalchemy as sa

from serving.schemas.scores import SCORE_COLUMNS
from serving.store.read import with_retry
from serving.store.runs import current_run
from serving.store.schema import score_table

FOUND_COLUMNS: dict[str, pl.DataType] = {
    name: SCORE_COLUMNS[name] for name in ("customer_id", "status", "p_churn", "loyalty_segment", "lifecycle_stage")
}


def find_by_part(engine: sa.Engine, part: str, limit: int | None) -> pl.DataFrame:
    """Return FOUND_COLUMNS of customers whose id contains `part`, in any case of letters.

    Ids that start with it come first, then by id. Raises NoRunError before the first run.
    """

    def read(connection: sa.Connection) -> pl.DataFrame:
        table = score_table(current_run(connection).run_id)
        lowered = sa.func.lower(table.c.customer_id)
        starts = lowered.startswith(part.lower(), autoescape=True)
        exact = table.c.customer_id.contains(part, autoescape=True)  # SQLite lowers the letters A to Z only
        found = sa.or_(lowered.contains(part.lower(), autoescape=True), exact)
        query = sa.select(*(table.c[name] for name in FOUND_COLUMNS)).where(found)
        ordered = query.order_by(sa.case((starts, 0), else_=1), table.c.customer_id).limit(limit)
        return pl.DataFrame([tuple(row) for row in connection.execute(ordered)], schema=FOUND_COLUMNS, orient="row")

    return with_retry(engine, read)
