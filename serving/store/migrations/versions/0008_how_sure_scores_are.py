"""Keep how sure each score is: the interval of p_churn, P(no order) over several horizons, and why there is no order date."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

NUMBERS = ("p_churn_low", "p_churn_high", *(f"p_no_order_{days}" for days in (30, 60, 90, 180, 365)))


def upgrade() -> None:
    """Add the columns to the scores of every kept run, where they stay null."""
    runs = sa.table("scoring_runs", sa.column("run_id"))
    tables = set(sa.inspect(op.get_bind()).get_table_names())
    for run_id in op.get_bind().scalars(sa.select(runs.c.run_id)).all():
        if f"scores_{run_id}" in tables:
            for name in NUMBERS:
                op.add_column(f"scores_{run_id}", sa.Column(name, sa.Double))
            op.add_column(f"scores_{run_id}", sa.Column("next_order_reason", sa.Text))
