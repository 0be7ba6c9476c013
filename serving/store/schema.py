"""The tables of the store in the current schema; `migrations/` leads to it. Each scoring run has tables of its own."""

from functools import lru_cache
from typing import Any

import polars as pl
import sqlalchemy as sa

from serving.schemas.candidates import TARGET_COLUMNS
from serving.schemas.details import DETAIL_COLUMNS
from serving.schemas.lists import EXPECTED_COLUMNS, LIST_COLUMNS
from serving.schemas.scores import SCORE_COLUMNS

SCHEMA_VERSION = "0008"
VERSION_TABLE = "holdfast_version"  # not alembic_version: MLflow may keep its tables, that one included, in the same database
RUN_COLUMNS = ("as_of", "scored_at", "model_version", "horizon_days", "currency")
SQL_TYPES: dict[type[pl.DataType], type[sa.types.TypeEngine[Any]]] = {
    pl.String: sa.Text,
    pl.Float64: sa.Double,
    pl.Int64: sa.BigInteger,
    pl.Date: sa.Date,
    pl.Datetime: sa.DateTime,
    pl.List: sa.Text,
}
WRITING, COMPLETE, WITHDRAWN = "writing", "complete", "withdrawn"
ID_TYPE = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite autoincrements INTEGER columns only

METADATA = sa.MetaData()
META = sa.Table("store_meta", METADATA, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False))
RUNS = sa.Table(
    "scoring_runs",
    METADATA,
    sa.Column("run_id", ID_TYPE, primary_key=True, autoincrement=True),
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
    sa.Column("summary", sa.Text),
    sa.Column("currency", sa.Text),
    sqlite_autoincrement=True,
)
KEYS = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("client", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("secret_hash", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("expires_at", sa.DateTime, nullable=False),
    sa.Column("revoked_at", sa.DateTime),
)
WITHHELD = sa.Table(
    "withheld",
    METADATA,
    sa.Column("customer_hash", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", sa.DateTime, nullable=False),
    sa.Column("removed_at", sa.DateTime),
)
LISTS = sa.Table(
    "lists",
    METADATA,
    sa.Column("list_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("week", sa.Text, nullable=False),
    sa.Column("run_id", ID_TYPE, nullable=False),
    sa.Column("data_as_of", sa.Date, nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("horizon_days", sa.Integer, nullable=False),
    sa.Column("row_limit", sa.Integer),
    sa.Column("budget", sa.Double),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("issued_at", sa.DateTime, nullable=False),
    sa.Column("issued_by", sa.Text, nullable=False),
    sa.Column("summary", sa.Text),
    sa.Column("issue_order", sa.Integer),
    sa.Column("withdrawn_at", sa.DateTime),
    sa.Column("acted_on_at", sa.DateTime),
)
OUTCOME = ("outcome_orders", "outcome_spend", "outcome_until")
LIST_ROWS = sa.Table(
    "list_rows",
    METADATA,
    sa.Column("list_id", sa.Text, sa.ForeignKey("lists.list_id"), primary_key=True),
    sa.Column("rank", sa.Integer, primary_key=True),
    sa.Column("customer_id", sa.Text, index=True),
    *(
        sa.Column(name, SQL_TYPES[type(dtype)])
        for name, dtype in LIST_COLUMNS.items()
        if name not in {"list_id", "rank", "customer_id"}
    ),
    *(sa.Column(name, SQL_TYPES[type(dtype)]) for name, dtype in EXPECTED_COLUMNS.items()),
    sa.Column("outcome_orders", sa.Integer),
    sa.Column("outcome_spend", sa.Double),
    sa.Column("outcome_until", sa.Date),
)
UNIT_LINKS = sa.Table(
    "unit_links",
    METADATA,
    sa.Column("list_id", sa.Text, sa.ForeignKey("lists.list_id"), primary_key=True),
    sa.Column("rank", sa.Integer, primary_key=True),
    sa.Column("link", sa.Text, primary_key=True, index=True),
)
REPORTS = sa.Table(
    "reports",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("made_at", sa.DateTime, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
)
SESSIONS = sa.Table(
    "sessions",
    METADATA,
    sa.Column("session_hash", sa.Text, primary_key=True),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("began_at", sa.DateTime, nullable=False),
    sa.Column("ends_at", sa.DateTime, nullable=False),
)
AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("entry", ID_TYPE, primary_key=True, autoincrement=True),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("client", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("subject", sa.Text),
    sa.Column("rows", sa.Integer),
    sa.Column("note", sa.Text),
    sqlite_autoincrement=True,
)


@lru_cache(maxsize=512)
def score_table(run_id: int) -> sa.Table:
    """Return the score table of a run: a row per customer, with ROW_COLUMNS (SCORE_COLUMNS without RUN_COLUMNS)."""
    return _run_table(f"scores_{run_id}", *(sa.Column(name, SQL_TYPES[type(SCORE_COLUMNS[name])]) for name in ROW_COLUMNS[1:]))


@lru_cache(maxsize=512)
def target_table(run_id: int) -> sa.Table:
    """Return the target table of a run: TARGET_COLUMNS, with a row per customer who may come on a list."""
    columns = {name: dtype for name, dtype in TARGET_COLUMNS.items() if name != "customer_id"}
    return _run_table(f"targets_{run_id}", *(sa.Column(name, SQL_TYPES[type(dtype)]) for name, dtype in columns.items()))


@lru_cache(maxsize=512)
def unit_table(run_id: int) -> sa.Table:
    """Return the unit table of a run: UNIT_COLUMNS, with a row per customer who shares a household or contact point."""
    columns = (sa.Column("unit", sa.Text, index=True), sa.Column("links", sa.Text), sa.Column("contacted_days", sa.BigInteger))
    return _run_table(f"units_{run_id}", *columns)


@lru_cache(maxsize=512)
def detail_table(run_id: int) -> sa.Table:
    """Return the detail table of a run: DETAIL_COLUMNS, with a row per customer who has any."""
    return _run_table(f"details_{run_id}", *(sa.Column(name, sa.Text) for name in DETAIL_COLUMNS))


def _run_table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """Return a table with a row per customer, by customer_id."""
    customer = sa.Column("customer_id", sa.Text, primary_key=True)
    return sa.Table(name, sa.MetaData(), customer, *columns, sqlite_with_rowid=False)


def run_tables(run_id: int) -> tuple[sa.Table, ...]:
    """Return all tables of a run; older runs and those without units or details lack some of them."""
    return score_table(run_id), target_table(run_id), unit_table(run_id), detail_table(run_id)


ROW_COLUMNS = tuple(name for name in SCORE_COLUMNS if name not in RUN_COLUMNS)
