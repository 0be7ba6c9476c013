"""Add a table per run, issued lists, keys, objections and the audit; carry existing runs over."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TEXTS = ("status", "lifecycle_stage", "relationship_level", "loyalty_segment")
PROBABILITIES = ("p_hard_core", "p_split", "p_shifting", "p_switcher")
MONEY = ("expected_orders", "expected_value", "value_low", "value_high", "value_if_stays", "value_at_risk")
DATES = ("next_order_date", "next_order_low", "next_order_high")
ROW = {
    **dict.fromkeys(TEXTS, sa.Text),
    **dict.fromkeys(PROBABILITIES, sa.Double),
    **dict.fromkeys(("recency_days", "orders"), sa.BigInteger),
    **dict.fromkeys(("historic_value", "p_churn"), sa.Double),
    "churn_band": sa.Text,
    **dict.fromkeys(("churn_percentile", "p_alive", *MONEY), sa.Double),
    **dict.fromkeys(DATES, sa.Date),
    "open_complaints": sa.BigInteger,
    "action": sa.Text,
    **dict.fromkeys(("action_cost", "expected_gain"), sa.Double),
    **dict.fromkeys(("reasons", "no_score_reason"), sa.Text),
}


def upgrade() -> None:
    """Create the tables, carry the runs over, drop the old tables, and make the audit append-only."""
    _create_run_tables()
    _create_list_tables()
    _create_access_tables()
    _carry_over()
    _make_audit_append_only()


def _create_run_tables() -> None:
    op.create_table("store_meta", sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False))
    op.create_table(
        "scoring_runs",
        sa.Column("run_id", BIG, primary_key=True, autoincrement=True),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("scored_at", sa.DateTime, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("horizon_days", sa.Integer, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("published_at", sa.DateTime),
        sa.Column("norms", sa.Text),
        sa.Column("churn_ranks", sa.LargeBinary),
        sqlite_autoincrement=True,
    )


def _create_list_tables() -> None:
    op.create_table(
        "lists",
        sa.Column("list_id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("kind", "week")),
        sa.Column("run_id", BIG, nullable=False),
        sa.Column("data_as_of", sa.Date, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("horizon_days", sa.Integer, nullable=False),
        sa.Column("row_limit", sa.Integer),
        sa.Column("budget", sa.Double),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("issued_at", sa.DateTime, nullable=False),
        sa.Column("issued_by", sa.Text, nullable=False),
    )
    texts = ("week", "arm", "action", "channel", "owner", "status", "loyalty_segment", "lifecycle_stage")
    op.create_table(
        "list_rows",
        sa.Column("list_id", sa.Text, sa.ForeignKey("lists.list_id"), primary_key=True),
        sa.Column("rank", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.Text),
        *(sa.Column(name, sa.Text) for name in texts),
        *(sa.Column(name, sa.Double) for name in ("p_churn", "expected_value", "value_at_risk", "expected_gain")),
        *(sa.Column(name, sa.Text) for name in ("basis", "reason_1", "reason_2", "reason_3")),
        sa.Column("data_as_of", sa.Date),
        sa.Column("model_version", sa.Text),
        sa.Column("expires_on", sa.Date),
        sa.Column("outcome_orders", sa.Integer),
        sa.Column("outcome_spend", sa.Double),
        sa.Column("outcome_until", sa.Date),
    )
    op.create_index("ix_list_rows_customer_id", "list_rows", ["customer_id"])


def _create_access_tables() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("client", "scopes", "secret_hash")),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("revoked_at", sa.DateTime),
    )
    op.create_table(
        "withheld",
        sa.Column("customer_hash", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("entry", BIG, primary_key=True, autoincrement=True),
        sa.Column("at", sa.DateTime, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("client", "what")),
        sa.Column("subject", sa.Text),
        sa.Column("rows", sa.Integer),
        sqlite_autoincrement=True,
    )


def _carry_over() -> None:
    """Copy each existing run into a table of its own, under its old id."""
    connection = op.get_bind()
    columns = "run_id, as_of, scored_at, model_version, horizon_days, rows"
    connection.execute(
        sa.text(
            f"insert into scoring_runs ({columns}, state, content, published_at) "  # noqa: S608  # fixed names
            f"select {columns}, 'complete', '', scored_at from runs_of_before"
        )
    )
    if sa.inspect(connection).has_table("scores_of_before"):
        for run_id in connection.scalars(sa.text("select run_id from runs_of_before")).all():
            _copy(connection, int(run_id))
        op.drop_table("scores_of_before")
    op.drop_table("runs_of_before")
    if connection.dialect.name == "postgresql":
        next_id = "coalesce((select max(run_id) from scoring_runs), 0) + 1"
        connection.execute(sa.text(f"select setval(pg_get_serial_sequence('scoring_runs', 'run_id'), {next_id}, false)"))


def _copy(connection: sa.Connection, run_id: int) -> None:
    table = f"scores_{run_id}"
    columns: list[sa.Column[Any]] = [sa.Column(name, dtype) for name, dtype in ROW.items()]
    op.create_table(table, sa.Column("customer_id", sa.Text, primary_key=True), *columns, sqlite_with_rowid=False)
    names = ", ".join(("customer_id", *ROW))
    connection.execute(
        sa.text(f"insert into {table} ({names}) select {names} from scores_of_before where run_id = :run"),  # noqa: S608
        {"run": run_id},
    )


def _make_audit_append_only() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for operation in ("update", "delete"):
            op.execute(
                f"create trigger audit_no_{operation} before {operation} on audit "
                "begin select raise(abort, 'the audit is append-only'); end"
            )
        return
    op.execute(
        "create function holdfast_append_only() returns trigger language plpgsql as "
        "$$ begin raise exception 'the audit is append-only'; end $$"
    )
    op.execute(
        "create trigger audit_append_only before update or delete or truncate on audit "
        "for each statement execute function holdfast_append_only()"
    )
