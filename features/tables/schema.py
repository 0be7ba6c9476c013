"""The input tables: their columns, the kind of each column, and the date from which it is known."""

from dataclasses import dataclass
from enum import StrEnum

import polars as pl


class Kind(StrEnum):
    """What the cells of a column hold; ids are text."""

    TEXT = "text"
    TIME = "date or time"
    NUMBER = "number"
    INTEGER = "whole number"
    FLAG = "yes or no"


DTYPES: dict[Kind, pl.DataType] = {
    Kind.TEXT: pl.String(),
    Kind.TIME: pl.Datetime("us"),
    Kind.NUMBER: pl.Float64(),
    Kind.INTEGER: pl.Int64(),
    Kind.FLAG: pl.Boolean(),
}


@dataclass(frozen=True)
class Column:
    """One column; `low` and `high` are inclusive bounds.

    `known_from` names the column that dates it, if that is not the one of the table.
    """

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    known_from: str | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Table:
    """One input table. A row is known from the date in column `known_from`; a row without that date was always known.

    `current_state` columns describe today and are not used by any feature. `details` are those of them that name or reach a
    person: they are read only where `[columns]` maps them.
    """

    name: str
    known_from: str
    columns: tuple[Column, ...]
    current_state: tuple[str, ...] = ()
    details: tuple[str, ...] = ()

    def column(self, name: str) -> Column | None:
        """Return the column of that name; None where the table has none."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def required(self) -> list[str]:
        """Names of the columns that the table must have."""
        return [column.name for column in self.columns if column.required]


INGESTED_AT = Column("ingested_at", Kind.TIME)
SUPERSEDED_RULE = "superseded_row"  # sets aside rows of which a newer version always held
LEFT_OUT_RULE = "left_out"  # sets aside rows that the `where` of their source leaves out
CHOSEN_RULES = (SUPERSEDED_RULE, LEFT_OUT_RULE)  # rows that are set aside because the configuration says so are no faults
SUPERSEDED_AT = "superseded_at"  # added where the source has a key: from then on, a newer version of the row holds

TRANSACTIONS = Table(
    "transactions",
    "ordered_at",
    (
        Column("customer_id", required=True),
        Column("order_id", required=True),
        Column("ordered_at", Kind.TIME, required=True),
        Column("amount", Kind.NUMBER, required=True),
        Column("quantity", Kind.NUMBER),
        Column("product_id"),
        Column("brand"),
        Column("category"),
        Column("channel"),
        Column("region"),
        Column("store"),
        Column("discount", Kind.NUMBER),
        Column("unit_price", Kind.NUMBER),
        Column("currency"),
        INGESTED_AT,
    ),
)
COMPLAINTS = Table(
    "complaints",
    "opened_at",
    (
        Column("complaint_id", required=True),
        Column("customer_id", required=True),
        Column("opened_at", Kind.TIME, required=True),
        Column("channel"),
        Column("topic"),
        Column("resolved_at", Kind.TIME, known_from="resolved_at"),
        Column("contacts_to_resolve", Kind.INTEGER, known_from="resolved_at", low=0),
        Column("satisfied", Kind.FLAG, known_from="resolved_at"),
        INGESTED_AT,
    ),
)
SURVEYS = Table(
    "surveys",
    "answered_at",
    (
        Column("customer_id", required=True),
        Column("answered_at", Kind.TIME, required=True),
        Column("rating", Kind.NUMBER, required=True, low=1, high=5),
        Column("dimension"),
        Column("expectation", Kind.NUMBER, low=1, high=5),
        INGESTED_AT,
    ),
)
CONTACTS = Table(
    "contacts",
    "contacted_at",
    (
        Column("customer_id", required=True),
        Column("contacted_at", Kind.TIME, required=True),
        Column("campaign_id", required=True),
        Column("action"),
        Column("channel"),
        Column("treated", Kind.FLAG),
        Column("propensity", Kind.NUMBER, low=0, high=1),
        Column("cost", Kind.NUMBER, low=0),
        Column("responded_at", Kind.TIME, known_from="responded_at"),
        INGESTED_AT,
    ),
)
DETAILS = ("external_id", "name", "email", "phone")
CUSTOMERS = Table(
    "customers",
    "joined_at",
    (
        Column("customer_id", required=True),
        Column("joined_at", Kind.TIME),
        Column("region"),
        Column("channel"),
        Column("referred_by"),
        Column("partner", Kind.FLAG),
        Column("marketing_consent", Kind.FLAG),
        Column("household"),
        Column("contact_point"),
        *(Column(name) for name in DETAILS),
        INGESTED_AT,
    ),
    current_state=("partner", "marketing_consent", "household", "contact_point", *DETAILS),
    details=DETAILS,
)
RATES = Table(
    "rates",
    "rated_at",
    (
        Column("currency", required=True),
        Column("rated_at", Kind.TIME, required=True),
        Column("rate", Kind.NUMBER, required=True),
        INGESTED_AT,
    ),
)
ALIASES = Table(
    "aliases",
    "known_at",
    (
        Column("old_id", required=True),
        Column("new_id", required=True),
        Column("known_at", Kind.TIME),
        INGESTED_AT,
    ),
)
# Added where customers were merged: the ids as the source has them.
RECORDED, RECORDED_REFERRER = "recorded_id", "recorded_referrer"
REFERRER = "referred_by"
ALL_TABLES = {table.name: table for table in (TRANSACTIONS, COMPLAINTS, SURVEYS, CONTACTS, CUSTOMERS)}
SOURCE_TABLES = {RATES.name: RATES, ALIASES.name: ALIASES} | ALL_TABLES  # with those that help to read the others: first


@dataclass(frozen=True)
class Tables:
    """The usable rows of each table, as lazy frames with canonical columns; None where a table is absent.

    A column that the source does not have is missing from its frame. `aliases` say which customers were merged.
    """

    transactions: pl.LazyFrame
    complaints: pl.LazyFrame | None = None
    surveys: pl.LazyFrame | None = None
    contacts: pl.LazyFrame | None = None
    customers: pl.LazyFrame | None = None
    aliases: pl.LazyFrame | None = None

    def present(self) -> dict[str, pl.LazyFrame]:
        """Return the tables that are present, by name, without aliases."""
        frames = {name: getattr(self, name) for name in ALL_TABLES}
        return {name: frame for name, frame in frames.items() if frame is not None}
