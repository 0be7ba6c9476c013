"""What the first stores held, before they had a version: a table of runs and one of all scores."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make what is not there yet: a store without a version may be new, or one of these first ones."""
    if _has_runs():
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


def _has_runs() -> bool:
    """MLflow has a table of that name too, without this column."""
    found = sa.inspect(op.get_bind())
    if not found.has_table("runs") or "horizon_days" not in {column["name"] for column in found.get_columns("runs")}:
        return False
    op.rename_table("runs", "runs_of_before")
    op.rename_table("scores", "scores_of_before")
    return True
