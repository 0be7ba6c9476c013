"""Tables made ready for many features and many as-of dates: read once, with whole numbers in place of words."""

from dataclasses import dataclass, replace

import polars as pl

from features.frames.collect import collect
from features.frames.columns import CUSTOMER
from features.frames.sorted_runs import customer_day
from features.partition import WHOLE, Part
from features.tables.schema import ALL_TABLES, CUSTOMERS, TRANSACTIONS, Kind, Table, Tables

UNREAD = {TRANSACTIONS.name: ("order_id",)}
REFERRED_BY = "referred_by"
IDS = ("complaint_id", "campaign_id", CUSTOMER, REFERRED_BY)


@dataclass(frozen=True)
class EncodedTables:
    """The rows of some customers, in memory.

    `ids` holds the customers in ascending order. In `tables` a customer is its place in `ids` (UInt32), and a word an
    Enum whose order is that of the words; order lines are in order of customer and day, which makes every later grouping
    of them quick. Nothing is left out by date: `known_before` does that for each as-of date.
    """

    ids: pl.Series
    tables: Tables


def encode_tables(tables: Tables, part: Part = WHOLE) -> EncodedTables:
    """Read the rows of the customers of `part`: every one known to any of the tables.

    Who brought whom counts with the one who brought, so the customers table keeps rows of others for it, without their id.
    """
    frames = {name: _read(ALL_TABLES[name], frame, part) for name, frame in tables.present().items()}
    ids = _ids(list(frames.values()), part)
    coded = {name: _in_numbers(frame, _places(ids)) for name, frame in frames.items()}
    coded[TRANSACTIONS.name] = coded[TRANSACTIONS.name].sort(customer_day(pl.col("ordered_at").dt.date()))
    return EncodedTables(ids, replace(tables, **{name: collect(frame).lazy() for name, frame in coded.items()}))


def read_columns(table: Table, there: list[str]) -> list[str]:
    """Return those columns of a table that some family reads, of the ones that are there."""
    return [c.name for c in table.columns if c.name in there and c.name not in UNREAD.get(table.name, ())]


def _read(table: Table, frame: pl.LazyFrame, part: Part) -> pl.DataFrame:
    there = frame.collect_schema().names()
    columns = read_columns(table, there)
    rows = frame.select(columns)
    if part != WHOLE:
        rows = rows.filter(_concerns(table, there, part))
    words = [c.name for c in table.columns if c.name in columns and c.kind is Kind.TEXT and c.name not in IDS]
    read = collect(rows)
    return read.with_columns(_enum(read[word]) for word in words)


def _concerns(table: Table, columns: list[str], part: Part) -> pl.Expr:
    own = part.holds()
    return own | part.holds(REFERRED_BY) if table is CUSTOMERS and REFERRED_BY in columns else own


def _enum(words: pl.Series) -> pl.Series:
    return words.cast(pl.Enum(words.drop_nulls().unique().sort()))


def _ids(frames: list[pl.DataFrame], part: Part) -> pl.Series:
    named = [collect(frame.lazy().select(CUSTOMER).unique()) for frame in frames]
    return pl.concat(named).drop_nulls().filter(part.holds())[CUSTOMER].unique().sort()


def _places(ids: pl.Series) -> pl.DataFrame:
    """A row per customer: its place, and the key that tells it. Keys of 64 bits are quicker to join on than words."""
    keys = ids.hash()
    return pl.DataFrame(
        {"key": ids if keys.n_unique() < len(ids) else keys, "place": pl.int_range(len(ids), dtype=pl.UInt32, eager=True)}
    )


def _in_numbers(frame: pl.DataFrame, places: pl.DataFrame) -> pl.LazyFrame:
    if REFERRED_BY not in frame.columns:
        return _placed(frame.lazy(), CUSTOMER, places)
    others = pl.when(pl.col(REFERRED_BY) != pl.col(CUSTOMER)).then(REFERRED_BY)
    return _placed(_placed(frame.lazy().with_columns(others), REFERRED_BY, places), CUSTOMER, places)


def _placed(frame: pl.LazyFrame, column: str, places: pl.DataFrame) -> pl.LazyFrame:
    key = (
        pl.col(column) if places["key"].dtype == pl.String else pl.when(pl.col(column).is_not_null()).then(pl.col(column).hash())
    )
    found = frame.with_columns(key.alias("key")).drop(column).join(places.lazy(), on="key", how="left")
    return found.drop("key").rename({"place": column})
