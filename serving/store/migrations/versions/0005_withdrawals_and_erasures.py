"""Keep which lists were withdrawn or issued again, by which unit each row was randomised, and which erasures are complete."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add columns, null in existing rows: nothing was withdrawn, and every earlier erasure is completed by the next command."""
    op.add_column("lists", sa.Column("issue_order", sa.Integer))
    op.add_column("lists", sa.Column("withdrawn_at", sa.DateTime))
    op.add_column("list_rows", sa.Column("unit", sa.Text))
    op.add_column("withheld", sa.Column("removed_at", sa.DateTime))
