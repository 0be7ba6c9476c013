"""Amounts are rounded half up, and assumed ones to two digits."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.rendering.amounts import format_amount, format_money, format_rough, round_half_up

AMOUNTS = st.floats(-1e9, 1e9, allow_nan=False)


@pytest.mark.parametrize(
    ("amount", "money"),
    [
        (594.5, "595"),
        (593.5, "594"),
        (0.125, "0.13"),
        (1.005, "1.01"),
        (-594.5, "-595"),
        (-0.001, "0.00"),
        (1234567.5, "1,234,568"),
    ],
)
def test_halves_are_rounded_up_as_they_are_written_and_zero_has_no_sign(amount: float, money: str) -> None:
    assert format_money(amount) == money


@given(AMOUNTS, st.integers(0, 2))
def test_a_rounded_amount_is_at_most_half_a_unit_away(amount: float, decimals: int) -> None:
    rounded = round_half_up(amount, decimals)
    assert abs(rounded - Decimal(repr(amount))) <= Decimal(5).scaleb(-decimals - 1)
    assert not format_amount(amount, decimals).startswith("-0" + "." * bool(decimals) + "0" * decimals + "$")
    assert "-" not in format_amount(-0.0, decimals)


@pytest.mark.parametrize(
    ("amount", "rough"),
    [
        (3873, "3,900"),
        (117135.4, "120,000"),
        (5.951, "6.0"),
        (99.6, "100"),
        (501, "500"),
        (-25, "-25"),
        (-0.004, "0"),
        (0.0, "0"),
        (0.05, "0.05"),
    ],
)
def test_a_rough_amount_has_two_significant_digits(amount: float, rough: str) -> None:
    assert format_rough(amount) == rough


@given(AMOUNTS)
def test_a_rough_amount_is_within_five_percent_or_half_a_cent(amount: float) -> None:
    shown = float(format_rough(amount).replace(",", ""))
    assert abs(shown - amount) <= max(0.0500001 * abs(amount), 0.005)
    assert len(format_rough(amount).lstrip("-").replace(",", "").replace(".", "").strip("0")) <= 2
