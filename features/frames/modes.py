"""What a customer has most of: the most frequent word, and how a mix of words has moved."""

import polars as pl

from features.frames.columns import CUSTOMER
from features.frames.purchases import SHARE_DECIMALS

LOW = 2**32 - 1


def counted(frame: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Return `uses` per customer and word of `column`, an Enum; rows without a word are left out."""
    return frame.drop_nulls(column).group_by(CUSTOMER, column).agg(pl.len().cast(pl.Int64).alias("uses"))


def most_common(uses: str, column: str) -> pl.Expr:
    """The word with the most `uses` within a group, the first by name among equals; null where uses are all zero.

    Both go into one whole number, whose maximum is quick to find; its lower half is the place of the word, reversed.
    """
    place = LOW - pl.col(column).to_physical().cast(pl.Int64)
    packed = pl.when(pl.col(uses) > 0).then(pl.col(uses) * 2**32 + place)
    return LOW - packed.max() % 2**32


def vocabulary(frame: pl.LazyFrame, column: str) -> pl.Series:
    """Return the words of a column of a History, in their order. Raises TypeError where the column is no Enum."""
    words = frame.collect_schema()[column]
    if not isinstance(words, pl.Enum):
        raise TypeError(f"{column} is {words}, not an Enum: it comes from a table and not from a History.")
    return words.categories


def named(place: pl.Expr, words: pl.Series) -> pl.Expr:
    """Turn places in a vocabulary into the words themselves; null stays null."""
    return pl.lit(words).gather(place.cast(pl.UInt32)).alias(place.meta.output_name())


def modes(frame: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Return the most frequent word of `column`, an Enum, per customer with one; ties go by name."""
    words = vocabulary(frame, column)
    found = counted(frame, column).group_by(CUSTOMER).agg(most_common("uses", column).alias(column))
    return found.with_columns(named(pl.col(column), words))


def shares(pairs: pl.LazyFrame, one: str, many: str) -> pl.LazyFrame:
    """Return, per customer, `many` (how many words), `one`_share (of the most used) and `one`_change.

    `pairs` has a row per customer and word with `uses` and, of these, `recent`. The change is the total variation
    distance between the recent mix and the one before: 0 the same, 1 nothing in common; null without a use in either.
    """
    recent, before = pl.col("recent"), pl.col("uses") - pl.col("recent")
    sums = pairs.group_by(CUSTOMER).agg(recent.sum().alias("now"), before.sum().alias("then"))
    apart = (recent / pl.col("now") - before / pl.col("then")).abs().alias("apart")
    found = pairs.join(sums, on=CUSTOMER).with_columns(apart).group_by(CUSTOMER)
    told = found.agg(
        pl.len().cast(pl.Int64).alias(many),
        (pl.col("uses").max() / pl.col("uses").sum()).alias(f"{one}_share"),
        (pl.col("apart").sum() / 2).round(SHARE_DECIMALS).alias("apart"),
        (pl.col("now").first() > 0).alias("after"),
        (pl.col("then").first() > 0).alias("earlier"),
    )
    return told.select(CUSTOMER, many, f"{one}_share", pl.when("after", "earlier").then("apart").alias(f"{one}_change"))
