from collections.abc import Callable

import polars as pl
import pytest

from features.frames.encoded import EncodedTables, encode_tables
from features.frames.modes import vocabulary
from features.partition import Part
from features.tables.schema import Tables

LINES = [("b", "2025-01-02", 1.0, "tea"), ("a", "2025-01-03", 2.0, None), ("b", "2025-01-01", 3.0, "soap")]
CUSTOMERS = [("a", None), ("b", "a"), ("c", "c"), ("d", "unknown")]


@pytest.fixture
def tables(orders: Callable[..., pl.LazyFrame], make_table: Callable[..., pl.LazyFrame]) -> Tables:
    return Tables(orders(LINES, "category"), customers=make_table("customers", "customer_id referred_by", CUSTOMERS))


def collected(encoded: EncodedTables) -> tuple[pl.DataFrame, pl.DataFrame]:
    assert encoded.tables.customers is not None
    return encoded.tables.transactions.collect(), encoded.tables.customers.collect()


def test_customers_and_words_become_numbers_and_lines_are_sorted(tables: Tables) -> None:
    encoded = encode_tables(tables)
    lines, customers = collected(encoded)
    assert encoded.ids.to_list() == ["a", "b", "c", "d"]
    assert lines.select("customer_id", "amount").rows() == [(0, 2.0), (1, 3.0), (1, 1.0)]
    assert lines["category"].to_list() == [None, "soap", "tea"]
    assert vocabulary(encoded.tables.transactions, "category").to_list() == ["soap", "tea"]
    referred = dict(customers.select("customer_id", "referred_by").iter_rows())
    assert referred == {0: None, 1: 0, 2: None, 3: None}  # no customer refers themselves, and unknown customers refer no one


def test_ids_whose_hashes_collide_are_joined_by_name(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl.Series, "hash", lambda self: pl.Series([7] * len(self), dtype=pl.UInt64))
    lines, _ = collected(encode_tables(tables))
    assert lines.select("customer_id", "amount").rows() == [(0, 2.0), (1, 3.0), (1, 1.0)]


def test_every_customer_belongs_to_one_part_and_a_referral_to_that_of_the_customer_who_referred(tables: Tables) -> None:
    parts = [encode_tables(tables, Part(number, 3)) for number in range(3)]
    assert sorted(name for part in parts for name in part.ids) == ["a", "b", "c", "d"]
    referrers = [
        part.ids[row[0]] for part in parts for row in collected(part)[1].select("referred_by").iter_rows() if row[0] is not None
    ]
    assert referrers == ["a"]


def test_the_vocabulary_of_a_raw_table_is_refused(tables: Tables) -> None:
    with pytest.raises(TypeError, match="category is String, not an Enum"):
        vocabulary(tables.transactions, "category")
