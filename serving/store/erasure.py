"""Delete a customer from the scoring runs."""

import sqlalchemy as sa

from serving.store.schema import RUNS, run_tables


def delete_scores(engine: sa.Engine, customer_id: str) -> int:
    """Delete a customer's rows from all tables of all runs, and return the number of deleted scores."""
    deleted = 0
    with engine.begin() as connection:
        for run_id in connection.scalars(sa.select(RUNS.c.run_id)).all():
            scores, *others = run_tables(run_id)
            deleted += connection.execute(scores.delete().where(scores.c.customer_id == customer_id)).rowcount
            for table in (table for table in others if sa.inspect(connection).has_table(table.name)):
                connection.execute(table.delete().where(table.c.customer_id == customer_id))
    return deleted
