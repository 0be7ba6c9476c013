"""Words such as brands and regions, which differ in how they are written: case, spaces and forms of the same letter."""

import polars as pl

WORDS = ("brand", "category", "product_id", "channel", "region", "store", "topic", "dimension")


def normalised_word(column: str) -> pl.Expr:
    """Return a word in lower case, with single spaces and with one form of each letter; null stays null."""
    text = pl.col(column).str.normalize("NFKC").str.to_lowercase()
    return text.str.replace_all(r"\s+", " ").str.strip_chars().alias(column)


def with_normalised_words(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return rows of a table with all its WORDS normalised."""
    return rows.with_columns(normalised_word(name) for name in rows.collect_schema() if name in WORDS)
