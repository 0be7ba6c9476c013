"""Add what lists rest on: the expected effect of each issued row, summaries of runs and lists, reports, and page sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns, null in existing rows, and two tables."""
    op.add_column("scoring_runs", sa.Column("summary", sa.Text))
    op.add_column("lists", sa.Column("summary", sa.Text))
    for name, kind in (("held_by", sa.Text), ("propensity", sa.Double), ("global_share", sa.Double), ("action_cost", sa.Double)):
        op.add_column("list_rows", sa.Column(name, kind))
    for name, kind in (("averted", sa.Double), ("region", sa.Text)):
        op.add_column("list_rows", sa.Column(name, kind))
    op.create_table(
        "reports",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("session_hash", sa.Text, primary_key=True),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("began_at", sa.DateTime, nullable=False),
        sa.Column("ends_at", sa.DateTime, nullable=False),
    )
