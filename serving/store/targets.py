"""The candidates for lists: the customers of the current run who may come on a list, with their scores."""

import polars as pl
import sqlalchemy as sa

from serving.schemas.candidates import TARGET_COLUMNS
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.read import VALUES, in_values, iter_frames, values_parameter, with_retry
from serving.store.runs import Run, current_run
from serving.store.schema import score_table, target_table
from settings.errors import UserError

FROM_SCORES = (
    *("customer_id", "status", "lifecycle_stage", "relationship_level", "loyalty_segment", "recency_days", "orders", "p_churn"),
    "open_complaints",
    *(
        "expected_value",
        "value_if_stays",
        "value_if_leaves",
        "value_at_risk",
        "action",
        "action_cost",
        "expected_gain",
        "reasons",
    ),
)
FROM_TARGETS = tuple(name for name in TARGET_COLUMNS if name != "customer_id")
CANDIDATE_COLUMNS = {name: SCORE_COLUMNS[name] for name in FROM_SCORES} | {name: TARGET_COLUMNS[name] for name in FROM_TARGETS}


class NoTargetsError(UserError):
    """The run was published without the columns that lists need."""


def read_targets(engine: sa.Engine) -> tuple[Run, pl.DataFrame]:
    """Return the current run and CANDIDATE_COLUMNS of its customers who may come on a list, by customer_id.

    Raises NoRunError before the first published run, and NoTargetsError for a run of an earlier Holdfast.
    """
    with engine.connect() as connection:
        run = current_run(connection)
        scores, targets = score_table(run.run_id), target_table(run.run_id)
        if not sa.inspect(connection).has_table(targets.name):
            raise NoTargetsError("The current scores lack the columns that lists need; run `score` again.")
        columns = [*(scores.c[name] for name in FROM_SCORES), *(targets.c[name] for name in FROM_TARGETS)]
        query = sa.select(*columns).join_from(targets, scores, scores.c.customer_id == targets.c.customer_id)
        frames = iter_frames(connection, query.order_by(targets.c.customer_id), CANDIDATE_COLUMNS)
        return run, pl.concat([pl.DataFrame(schema=CANDIDATE_COLUMNS), *frames])


def read_recency(engine: sa.Engine, run: Run, customer_ids: list[str]) -> pl.DataFrame:
    """Return customer_id and recency_days of those customers that a run has; null for a customer without a score."""

    def read(connection: sa.Connection) -> pl.DataFrame:
        table = score_table(run.run_id)
        query = sa.select(table.c.customer_id, table.c.recency_days).where(
            in_values(connection.dialect.name, table.c.customer_id)
        )
        rows = connection.execute(query, {VALUES: values_parameter(connection, customer_ids)})
        schema = {name: SCORE_COLUMNS[name] for name in ("customer_id", "recency_days")}
        return pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")

    return with_retry(engine, read)
