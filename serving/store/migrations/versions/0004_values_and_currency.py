"""Keep the currency of each run, and value_if_leaves of each score; of existing scores it follows from the others."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add both columns. The currency of existing runs stays null, because it was not stored."""
    op.add_column("scoring_runs", sa.Column("currency", sa.Text))
    runs = sa.table("scoring_runs", sa.column("run_id"))
    tables = set(sa.inspect(op.get_bind()).get_table_names())
    for run_id in op.get_bind().scalars(sa.select(runs.c.run_id)).all():
        if f"scores_{run_id}" in tables:
            _add_value_if_leaves(f"scores_{run_id}")


def _add_value_if_leaves(name: str) -> None:
    """Fill the column by value_at_risk = p_churn (value_if_stays - value_if_leaves)."""
    op.add_column(name, sa.Column("value_if_leaves", sa.Double))
    scores = sa.table(name, *(sa.column(column) for column in ("p_churn", "value_if_stays", "value_at_risk", "value_if_leaves")))
    leaves = scores.c.value_if_stays - scores.c.value_at_risk / scores.c.p_churn
    op.execute(scores.update().where(scores.c.p_churn > 0).values(value_if_leaves=leaves))
