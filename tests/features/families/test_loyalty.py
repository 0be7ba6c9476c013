from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import combinations, permutations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln, gammaln

from features.build import build_features
from features.tables.schema import Tables
from settings.sections import Loyalty

AS_OF = date(2030, 1, 1)
TYPES = ("p_hard_core", "p_split", "p_shifting", "p_switcher")


def sequences(*brands: str) -> pl.LazyFrame:
    """Return the order lines of one customer per sequence, with one purchase a week."""
    start = datetime(2025, 1, 1)
    rows = [(sequence, start + timedelta(weeks=week), 10.0, brand) for sequence in brands for week, brand in enumerate(sequence)]
    return pl.LazyFrame(rows, schema=["customer_id", "ordered_at", "amount", "brand"], orient="row")


def classify(lines: pl.LazyFrame, settings: Loyalty = Loyalty()) -> dict[str, dict[str, Any]]:  # noqa: B008  # frozen
    return {row["customer_id"]: row for row in build_features(Tables(lines), AS_OF, 365, settings).to_dicts()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("AAAAAA", "hard_core"), ("AABBAB", "split"), ("AAABBB", "shifting"), ("ACED", "switcher"), ("AAA", "undetermined")],
)
def test_the_textbook_sequences_classify_as_named(text: str, expected: str) -> None:
    assert classify(sequences(text))[text]["loyalty_segment"] == expected


def test_probabilities_sum_to_one_and_are_nearly_flat_after_one_purchase() -> None:
    rows = classify(sequences("A", "AB", "AABBABAABB", "A" * 200))
    assert [sum(row[kind] for kind in TYPES) for row in rows.values()] == pytest.approx([1.0] * 4)
    assert [rows["A"][kind] for kind in TYPES] == pytest.approx([0.25] * 4, abs=0.02)


@pytest.mark.parametrize("text", ["AABBAB", "AAABBB", "ABCABC", "AABBCC"])
def test_the_label_does_not_depend_on_the_names_of_brands(text: str) -> None:
    renamed = text.translate(str.maketrans("ABC", "ZQM"))
    first, second = classify(sequences(text))[text], classify(sequences(renamed))[renamed]
    assert [first[kind] for kind in TYPES] == pytest.approx([second[kind] for kind in TYPES])


@settings(max_examples=40, deadline=None)
@given(st.text("ABCDEFG", min_size=1, max_size=14), st.permutations("ABCDEFG"))
def test_renaming_the_brands_of_any_sequence_changes_nothing(text: str, names: list[str]) -> None:
    renamed = text.translate(str.maketrans("ABCDEFG", "".join(names)))
    renamed_lines = sequences(renamed).with_columns(pl.lit("renamed").alias("customer_id"))
    customers = classify(pl.concat([sequences(text), renamed_lines]))
    first, second = customers[text], customers["renamed"]
    assert [first[kind] for kind in TYPES] == [second[kind] for kind in TYPES]
    assert first["loyalty_segment"] == second["loyalty_segment"]


def test_the_label_does_not_depend_on_other_customers() -> None:
    alone, together = classify(sequences("AAABBB")), classify(sequences("AAABBB", "CCCC", "ABABAB"))
    assert [alone["AAABBB"][kind] for kind in TYPES] == pytest.approx([together["AAABBB"][kind] for kind in TYPES])


def test_a_customer_may_be_loyal_to_a_different_brand_in_each_category(orders: Callable[..., pl.LazyFrame]) -> None:
    rows = [
        ("a", f"2025-01-{day:02d}", 1.0, brand, category)
        for day in range(1, 7)
        for brand, category in (("A", "tea"), ("B", "soap"))
    ]
    assert classify(orders(rows, "brand category"))["a"]["loyalty_segment"] == "hard_core"


def test_ties_within_an_occasion_go_by_name_and_returns_take_spend_away(orders: Callable[..., pl.LazyFrame]) -> None:
    rows = [
        ("a", "2025-01-01", 5.0, 1.0, "B"),
        ("a", "2025-01-01", 5.0, 1.0, "A"),
        ("a", "2025-01-02", 9.0, 1.0, "B"),
        ("a", "2025-01-02", -8.0, -1.0, "B"),
        ("a", "2025-01-02", 2.0, 1.0, "A"),
    ]
    row = classify(orders(rows, "quantity brand"))["a"]
    assert (row["favourite_brand"], row["favourite_share_before"], row["favourite_share_recent"]) == ("A", 1.0, 1.0)


def test_without_the_column_there_is_no_label(orders: Callable[..., pl.LazyFrame]) -> None:
    row = classify(orders([("a", "2025-01-01", 1.0)]))["a"]
    assert (row["loyalty_segment"], row["p_split"], row["favourite_brand"]) == ("undetermined", None, None)


def test_category_can_replace_brand(orders: Callable[..., pl.LazyFrame]) -> None:
    rows = [("a", f"2025-01-{day:02d}", 1.0, "tea") for day in range(1, 7)]
    assert classify(orders(rows, "category"), Loyalty(unit="category"))["a"]["loyalty_segment"] == "hard_core"


def brute_force(text: str, v: int = 12) -> list[float]:
    """Return the probability of each type, summed over every favourite, pair, triple and change point."""
    n, brands = len(text), range(v)
    choices = ["ABCDEFGHIJKL".index(brand) for brand in text]

    def matches(hits: int, others: int) -> float:
        return float(np.exp(betaln(12 + hits, 1 + n - hits) - betaln(12, 1) - (n - hits) * np.log(others)))

    def shares(favourites: tuple[int, ...]) -> float:
        counts = np.array([choices.count(brand) for brand in favourites])
        size = len(counts)
        return float(np.exp(gammaln(3 * size) - size * gammaln(3) + gammaln(counts + 3).sum() - gammaln(counts.sum() + 3 * size)))

    def split(size: int) -> float:
        sets = list(combinations(brands, size))
        return float(
            np.mean([shares(favourites) * matches(sum(c in favourites for c in choices), v - size) for favourites in sets])
        )

    def shift(before: int, after: int, point: int) -> float:
        return matches(choices[:point].count(before) + choices[point:].count(after), v - 1)

    hard_core = np.mean([matches(choices.count(brand), v - 1) for brand in brands])
    points = range(2, n - 1)
    shifting = np.mean([shift(f, g, point) for f, g in permutations(brands, 2) for point in points]) if points else hard_core
    switcher = np.exp(gammaln(v) - gammaln(n + v) + sum(gammaln(choices.count(brand) + 1) for brand in brands))
    likelihoods = np.array([hard_core, (split(2) + split(3)) / 2, shifting, switcher])
    return list(likelihoods / likelihoods.sum())


@pytest.mark.parametrize(
    "text", ["A", "AB", "AAB", "AAAB", "AABBAB", "AAABBB", "AAAABAC", "AAAABCD", "AABAAABCC", "ACED", "ABCDABCD"]
)
def test_probabilities_equal_the_sum_over_all_favourites_and_change_points(text: str) -> None:
    row = classify(sequences(text))[text]
    assert [row[kind] for kind in TYPES] == pytest.approx(brute_force(text), abs=0.01)


def test_one_purchase_in_each_of_many_categories_carries_no_information(orders: Callable[..., pl.LazyFrame]) -> None:
    rows = [("a", f"2025-01-{day:02d}", 1.0, "A", f"category {day}") for day in range(1, 21)]
    row = classify(orders(rows, "brand category"))["a"]
    assert [row[kind] for kind in TYPES] == pytest.approx([0.25] * 4)
    assert row["loyalty_segment"] == "undetermined"
