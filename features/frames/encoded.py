"""Tables prepared for many features and many as-of dates: read once, with whole numbers in place of words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from features.cancelled_orders import LINKED, link_orders
from features.frames.aliases import NEW, OLD, known_aliases, survivor_of, survivors
from features.frames.collect import Engine
from features.frames.columns import CUSTOMER
from features.frames.sorted_runs import customer_day_key
from features.partition import ALL_CUSTOMERS, Part
from features.tables.schema import (
    ALL_TABLES,
    CUSTOMERS,
    RECORDED,
    RECORDED_REFERRER,
    REFERRER,
    SUPERSEDED_AT,
    TRANSACTIONS,
    Kind,
    Table,
    Tables,
)

UNUSED_COLUMNS = {TRANSACTIONS.name: ("order_id", "currency")}
ADDED_COLUMNS = (SUPERSEDED_AT, LINKED, RECORDED, RECORDED_REFERRER)
CUSTOMER_COLUMNS = (RECORDED, RECORDED_REFERRER, REFERRER, CUSTOMER)
IDS = ("complaint_id", "campaign_id", CUSTOMER, REFERRER)


@dataclass(frozen=True)
class EncodedTables:
    """The rows of some customers, in memory.

    `ids` holds the customers in ascending order. In `tables`, a customer is its index in `ids` (UInt32), and a word is an Enum
    whose categories are in alphabetical order. Order lines are sorted by customer and day, which makes every later grouping
    quick; they have `linked_order` as a number if any order has sales and returns. Rows of all dates are kept: `known_before`
    filters them for each as-of date. `engine` collects the frames built from these.
    """

    ids: pl.Series
    tables: Tables
    engine: Engine = "streaming"


def encode_tables(tables: Tables, part: Part = ALL_CUSTOMERS, engine: Engine = "streaming") -> EncodedTables:
    """Read the rows of the customers of `part`: every customer in any of the tables.

    Referrals count for the customer who referred, so the customers table keeps rows of other customers for it, without their id.
    """
    linked = replace(tables, transactions=link_orders(tables.transactions, merged=tables.aliases is not None))
    frames = {name: _read(ALL_TABLES[name], frame, part, engine) for name, frame in linked.present().items()}
    frames[TRANSACTIONS.name] = _number_linked_orders(frames[TRANSACTIONS.name])
    aliases = None if tables.aliases is None else known_aliases(tables.aliases)
    ids = _customer_ids(list(frames.values()), part, aliases, engine)
    codes = _customer_codes(ids)
    encoded = {name: _encode_customers(frame, codes) for name, frame in frames.items()}
    encoded[TRANSACTIONS.name] = encoded[TRANSACTIONS.name].sort(customer_day_key(pl.col("ordered_at").dt.date()))
    collected = {name: frame.collect(engine=engine).lazy() for name, frame in encoded.items()}
    encoded_aliases = None if aliases is None else _encode_columns(aliases, (OLD, NEW), codes).drop_nulls([OLD, NEW])
    return EncodedTables(ids, replace(tables, aliases=encoded_aliases, **collected), engine)


def read_columns(table: Table, columns: list[str]) -> list[str]:
    """Return the columns of a table that features use, of those present in `columns`."""
    own = [c.name for c in table.columns if c.name in columns and c.name not in UNUSED_COLUMNS.get(table.name, ())]
    return own + [name for name in ADDED_COLUMNS if name in columns]


def _read(table: Table, frame: pl.LazyFrame, part: Part, engine: Engine) -> pl.DataFrame:
    present = frame.collect_schema().names()
    columns = read_columns(table, present)
    selected = frame.select(columns)
    if part != ALL_CUSTOMERS:
        selected = selected.filter(_belongs_to(part, table, present))
    words = [c.name for c in table.columns if c.name in columns and c.kind is Kind.TEXT and c.name not in IDS]
    rows = selected.collect(engine=engine)
    return rows.with_columns(_enum(rows[word]) for word in words)


def _number_linked_orders(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the lines with a number per linked order; without the column if there is none."""
    if LINKED not in lines.columns or lines[LINKED].null_count() == lines.height:
        return lines.drop(LINKED, strict=False)
    return lines.with_columns(pl.when(pl.col(LINKED).is_not_null()).then(pl.col(LINKED).rank("dense")).cast(pl.UInt32))


def _belongs_to(part: Part, table: Table, columns: list[str]) -> pl.Expr:
    own = part.holds()
    return own | part.holds(REFERRER) if table is CUSTOMERS and REFERRER in columns else own


def _enum(words: pl.Series) -> pl.Series:
    return words.cast(pl.Enum(words.drop_nulls().unique().sort()))


def _customer_ids(frames: list[pl.DataFrame], part: Part, aliases: pl.DataFrame | None, engine: Engine) -> pl.Series:
    """Return the ids of the part's customers, and those that they had or will have."""
    ids = [frame.lazy().select(CUSTOMER).unique().collect(engine=engine) for frame in frames]
    own = pl.concat(ids).drop_nulls().filter(part.holds())[CUSTOMER]
    if aliases is None:
        return own.unique().sort()
    recorded = [frame.filter(part.holds())[RECORDED].alias(CUSTOMER) for frame in frames if RECORDED in frame.columns]
    mentioned = pl.concat([aliases[OLD].alias("id"), aliases[NEW].alias("id")]).to_frame()
    survivor = survivor_of("id", survivors(aliases)).alias(CUSTOMER)
    members = mentioned.with_columns(survivor).filter(part.holds())["id"].alias(CUSTOMER)
    return pl.concat([own, *recorded, members]).drop_nulls().unique().sort()


def _customer_codes(ids: pl.Series) -> pl.DataFrame:
    """Return per customer its index in `ids`, `code`, and the `key` to join on: 64-bit hashes join faster than words."""
    hashes = ids.hash()
    key = ids if hashes.n_unique() < len(ids) else hashes
    return pl.DataFrame({"key": key, "code": pl.int_range(len(ids), dtype=pl.UInt32, eager=True)})


def _encode_customers(frame: pl.DataFrame, codes: pl.DataFrame) -> pl.LazyFrame:
    if REFERRER in frame.columns:
        frame = frame.with_columns(pl.when(pl.col(REFERRER) != pl.col(CUSTOMER)).then(REFERRER))
    return _encode_columns(frame, CUSTOMER_COLUMNS, codes)


def _encode_columns(frame: pl.DataFrame, columns: Sequence[str], codes: pl.DataFrame) -> pl.LazyFrame:
    encoded = frame.lazy()
    for column in columns:
        encoded = _encode_column(encoded, column, codes) if column in frame.columns else encoded
    return encoded


def _encode_column(frame: pl.LazyFrame, column: str, codes: pl.DataFrame) -> pl.LazyFrame:
    key = pl.col(column) if codes["key"].dtype == pl.String else pl.when(pl.col(column).is_not_null()).then(pl.col(column).hash())
    joined = frame.with_columns(key.alias("key")).drop(column).join(codes.lazy(), on="key", how="left")
    return joined.drop("key").rename({"code": column})
