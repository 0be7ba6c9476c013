"""What a customer has most of: the most frequent word, and how a mix of words has changed."""

import polars as pl

from features.frames.columns import CUSTOMER
from features.frames.purchases import SHARE_DECIMALS

MAX_CODE = 2**32 - 1


def count_uses(frame: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Return `uses` per customer and word of `column`, an Enum; rows without a word do not count."""
    return frame.drop_nulls(column).group_by(CUSTOMER, column).agg(pl.len().cast(pl.Int64).alias("uses"))


def most_common(uses: str, column: str) -> pl.Expr:
    """Return the code of the word with the most `uses` in a group, alphabetically first among equals; null if all are zero.

    Uses and code are packed into one whole number, whose maximum is quick to find. Its lower half is the code, reversed.
    """
    reversed_code = MAX_CODE - pl.col(column).to_physical().cast(pl.Int64)
    packed = pl.when(pl.col(uses) > 0).then(pl.col(uses) * 2**32 + reversed_code)
    return MAX_CODE - packed.max() % 2**32


def vocabulary(frame: pl.LazyFrame, column: str) -> pl.Series:
    """Return the words of a column of EncodedTables, in order. Raises TypeError where the column is not an Enum."""
    dtype = frame.collect_schema()[column]
    if not isinstance(dtype, pl.Enum):
        raise TypeError(f"{column} is {dtype}, not an Enum: it comes from a raw table and not from EncodedTables.")
    return dtype.categories


def decode_words(code: pl.Expr, words: pl.Series) -> pl.Expr:
    """Turn codes into the words of a vocabulary; null stays null."""
    return pl.lit(words).gather(code.cast(pl.UInt32)).alias(code.meta.output_name())


def modes(frame: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Return the most frequent word of `column`, an Enum, per customer who has one; alphabetically first among equals."""
    words = vocabulary(frame, column)
    codes = count_uses(frame, column).group_by(CUSTOMER).agg(most_common("uses", column).alias(column))
    return codes.with_columns(decode_words(pl.col(column), words))


def shares(pairs: pl.LazyFrame, singular: str, plural: str) -> pl.LazyFrame:
    """Return per customer `plural` (number of words), `singular`_share (of the most used word) and `singular`_change.

    `pairs` has a row per customer and word with its `uses` and, of these, the `recent` ones. The change is the total variation
    distance between the recent mix and the earlier one: 0 the same, 1 nothing in common; null where either has no use.
    """
    recent, earlier = pl.col("recent"), pl.col("uses") - pl.col("recent")
    totals = pairs.group_by(CUSTOMER).agg(recent.sum().alias("all_recent"), earlier.sum().alias("all_earlier"))
    difference = (recent / pl.col("all_recent") - earlier / pl.col("all_earlier")).abs().alias("difference")
    mixes = pairs.join(totals, on=CUSTOMER).with_columns(difference).group_by(CUSTOMER)
    sums = mixes.agg(
        pl.len().cast(pl.Int64).alias(plural),
        (pl.col("uses").max() / pl.col("uses").sum()).alias(f"{singular}_share"),
        (pl.col("difference").sum() / 2).round(SHARE_DECIMALS).alias("distance"),
        (pl.col("all_recent").first() > 0).alias("has_recent"),
        (pl.col("all_earlier").first() > 0).alias("has_earlier"),
    )
    change = pl.when("has_recent", "has_earlier").then("distance").alias(f"{singular}_change")
    return sums.select(CUSTOMER, plural, f"{singular}_share", change)
