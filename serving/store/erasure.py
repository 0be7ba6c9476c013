"""Delete a customer from the scoring runs."""

import sqlalchemy as sa

from serving.store.schema import RUNS, score_table, target_table


def delete_scores(engine: sa.Engine, customer_id: str) -> int:
    """Delete a customer's scores and target rows from all runs, and return the number of deleted scores."""
    deleted = 0
    with engine.begin() as connection:
        for run_id in connection.scalars(sa.select(RUNS.c.run_id)).all():
            scores, targets = score_table(run_id), target_table(run_id)
            deleted += connection.execute(scores.delete().where(scores.c.customer_id == customer_id)).rowcount
            if sa.inspect(connection).has_table(targets.name):
                connection.execute(targets.delete().where(targets.c.customer_id == customer_id))
    return deleted
