from collections.abc import Callable

import polars as pl

from features.frames.encoded import encode_tables
from features.frames.modes import modes, shares
from features.tables.schema import Tables

Orders = Callable[..., pl.LazyFrame]


def test_the_most_frequent_word_wins_and_ties_go_by_name(orders: Orders) -> None:
    words = {"a": "xyyx", "b": "zyz", "c": "-"}
    lines = orders([(customer, "2025-01-01", 1.0, word) for customer, uses in words.items() for word in uses], "channel")
    encoded = encode_tables(Tables(lines.with_columns(pl.col("channel").replace("-", None))))
    actual = modes(encoded.tables.transactions, "channel").sort("customer_id").collect()
    assert actual.rows() == [(0, "x"), (1, "z")]


def test_a_mix_without_change_one_with_change_and_one_without_recent_uses() -> None:
    pairs = pl.LazyFrame(
        [(0, "x", 4, 2), (0, "y", 2, 1), (1, "x", 3, 3), (1, "y", 1, 0), (2, "x", 5, 0)],
        schema={"customer_id": pl.UInt32, "store": pl.String, "uses": pl.Int64, "recent": pl.Int64},
        orient="row",
    )
    actual = shares(pairs, "store", "stores").sort("customer_id").collect()
    assert actual.select("stores", "store_change").rows() == [(2, 0.0), (2, 1.0), (1, None)]
    assert actual["store_share"].to_list() == [4 / 6, 3 / 4, 1.0]
