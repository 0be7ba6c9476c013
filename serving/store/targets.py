"""What the current run says of the customers who may come on a list, and how many of the others there are."""

import polars as pl
import sqlalchemy as sa

from serving.schemas.candidates import TARGET_COLUMNS
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.read import VALUES, among, many, read_parts, with_retry
from serving.store.runs import Run, current_run
from serving.store.schema import score_table, target_table
from settings.errors import UserError

OF_SCORES = (
    *("customer_id", "status", "lifecycle_stage", "relationship_level", "loyalty_segment", "recency_days", "orders", "p_churn"),
    "open_complaints",
    *("expected_value", "value_at_risk", "action", "action_cost", "expected_gain", "reasons"),
)
OF_TARGETS = tuple(name for name in TARGET_COLUMNS if name != "customer_id")
SCHEMA = {name: SCORE_COLUMNS[name] for name in OF_SCORES} | {name: TARGET_COLUMNS[name] for name in OF_TARGETS}


class NoTargetsError(UserError):  # noqa: N818  # it names what is missing, as the documentation does
    """The run was published without what lists ask of its customers."""


def read_targets(engine: sa.Engine) -> tuple[Run, pl.DataFrame]:
    """Return the current run and SCHEMA of its customers who may come on a list, by customer_id.

    Raises NoRun before the first published run, and NoTargets for one of an earlier Holdfast.
    """
    with engine.connect() as connection:
        run = current_run(connection)
        scores, targets = score_table(run.run_id), target_table(run.run_id)
        if not sa.inspect(connection).has_table(targets.name):
            raise NoTargetsError("The current scores lack what lists ask for; run `score` again.")
        columns = [*(scores.c[name] for name in OF_SCORES), *(targets.c[name] for name in OF_TARGETS)]
        wanted = sa.select(*columns).join_from(targets, scores, scores.c.customer_id == targets.c.customer_id)
        parts = read_parts(connection, wanted.order_by(targets.c.customer_id), SCHEMA)
        return run, pl.concat([pl.DataFrame(schema=SCHEMA), *parts])


def recency_of(engine: sa.Engine, run: Run, customer_ids: list[str]) -> pl.DataFrame:
    """Return customer_id and recency_days of those customers that a run has, null for one without a score."""

    def read(connection: sa.Connection) -> pl.DataFrame:
        table = score_table(run.run_id)
        among_them = among(connection.dialect.name, table.c.customer_id)
        found = connection.execute(
            sa.select(table.c.customer_id, table.c.recency_days).where(among_them), {VALUES: many(connection, customer_ids)}
        )
        schema = {name: SCORE_COLUMNS[name] for name in ("customer_id", "recency_days")}
        return pl.DataFrame([tuple(row) for row in found], schema=schema, orient="row")

    return with_retry(engine, read)
