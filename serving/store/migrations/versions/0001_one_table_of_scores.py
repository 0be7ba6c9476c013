"""The first stores, before there were versions: a table of runs and one of all scores."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the table of runs, or rename those of a first store: a store without a version may be either."""
    if _rename_first_tables():
        return
    op.create_table(
        "runs_of_before",
        sa.Column("run_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("scored_at", sa.DateTime, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("horizon_days", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
    )


def _rename_first_tables() -> bool:
    """Rename the tables of a first store and return whether there are any. MLflow's own `runs` lacks `horizon_days`."""
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table("runs") or "horizon_days" not in {column["name"] for column in inspector.get_columns("runs")}:
        return False
    op.rename_table("runs", "runs_of_before")
    op.rename_table("scores", "scores_of_before")
    return True
