"""Ids that are not of one person: placeholders far above all other customers, and ids that a spreadsheet rounded."""

import polars as pl
import pytest

from expectations.measures.odd_ids import dominant_customer, rounded_ids


def orders(placeholders: dict[str, tuple[int, float]], customers: int = 200) -> pl.LazyFrame:
    """Ten lines of 20 each per customer, and lines and amount of each placeholder."""
    rows = [(f"c{number}", 20.0) for number in range(customers) for _ in range(10)]
    rows += [(name, amount) for name, (lines, amount) in placeholders.items() for _ in range(lines)]
    return pl.LazyFrame(rows, schema={"customer_id": pl.String, "amount": pl.Float64}, orient="row")


@pytest.mark.parametrize(
    ("placeholders", "share", "words"),
    [
        ({}, 0.0, ""),
        ({"0": (1_000, 20.0)}, 1 / 3, "one customer id has 33% of the lines, 33% of the money, at least 10 times as much"),
        ({"0": (1_000, 20.0), "guest": (1_000, 20.0)}, 0.5, "2 customer ids have 50% of the lines, 50% of the money"),
        ({"0": (1_000, 0.0)}, 1 / 3, "one customer id has 33% of the lines, at least"),
        ({"big": (10, 2_000.0)}, 1 / 3, "one customer id has 33% of the money, at least"),
        ({"regular": (60, 20.0)}, 0.0, ""),  # six times as much as the others
        ({"returns": (50, -2_000.0)}, 0.0, ""),
    ],
)
def test_ids_far_above_all_others_are_counted_together(
    placeholders: dict[str, tuple[int, float]], share: float, words: str
) -> None:
    measure = dominant_customer(orders(placeholders))
    assert measure.value == pytest.approx(share)
    assert words in measure.detail
    assert not any(name in measure.detail for name in ("0%0", "guest", "big"))


def test_few_customers_are_not_compared() -> None:
    assert dominant_customer(orders({"0": (1_000, 20.0)}, customers=10)).value == 0.0
    assert dominant_customer(orders({}, customers=0)).value == 0.0


def test_long_ids_that_end_in_zeros_after_the_fifteenth_digit_are_rounded() -> None:
    exact = pl.Series([f"4917012345{number:07d}" for number in range(1, 400)])
    rounded = pl.Series([f"49170123{number:07d}00" for number in range(400)])
    assert rounded_ids(exact).value < 0.05
    assert rounded_ids(rounded).value == 1.0
    assert rounded_ids(pl.concat([exact, rounded])).detail == "403 of 799 long ids"
    assert rounded_ids(pl.Series(["100", "2000", "ab" * 20])).value == 0.0
