"""Keep which customers, households and contact points belonged to the unit of a list row, as keyed hashes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add a table; rows of earlier lists have no links, and count for the present household of their customer."""
    op.create_table(
        "unit_links",
        sa.Column("list_id", sa.Text, sa.ForeignKey("lists.list_id"), primary_key=True),
        sa.Column("rank", sa.Integer, primary_key=True),
        sa.Column("link", sa.Text, primary_key=True),
        if_not_exists=True,
    )
    op.create_index("ix_unit_links_link", "unit_links", ["link"], if_not_exists=True)
