"""Keep why something was done, beside each entry of the audit, and which replaced lists were acted on before."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add columns, null in existing rows: no reason was given, and no replaced list is known to have been acted on."""
    op.add_column("audit", sa.Column("note", sa.Text))
    op.add_column("lists", sa.Column("acted_on_at", sa.DateTime))
