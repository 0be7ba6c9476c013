"""Typed amounts: one meaning, or a sentence that says what to type."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.pages.render import format_input, format_money
from serving.pages.typed_amounts import read_amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1.000,50", 1000.5),
        ("1,000.50", 1000.5),
        ("1 000,50", 1000.5),
        ("1\u202f000,50", 1000.5),
        ("1'000.50", 1000.5),
        ("1.000.000", 1_000_000),
        ("1,234,567.8", 1_234_567.8),
        ("12,5", 12.5),
        ("12.50", 12.5),
        ("0,125", 0.125),
        ("1000.125", 1000.125),
        (".5", 0.5),
        ("5.", 5.0),
        ("250 EUR", 250.0),
        ("€250", 250.0),
        ("-0", 0.0),
        (" 7 ", 7.0),
    ],
)
def test_amounts_of_several_countries_are_understood(text: str, amount: float) -> None:
    assert read_amount(text, "EUR").amount == amount


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("1.000", "1.000 may mean 1000 or 1.00: type 1000, or 1.00."),
        ("12,345", "12,345 may mean 12345 or 12.3450: type 12345, or 12.3450."),
        ("-5", "-5 is below 0: type an amount of 0 or more."),
        ("\u22125,50", "\u22125,50 is below 0: type an amount of 0 or more."),
        ("-1.000,50", "-1.000,50 is below 0: type an amount of 0 or more."),
        ("1e3", "1e3 is not written as an amount: type 1000."),
        ("abc", "abc is not an amount: type digits, such as 250.50."),
        ("nan", "nan is not an amount: type digits, such as 250.50."),
        ("inf", "inf is not an amount: type digits, such as 250.50."),
        ("EUR", "EUR is not an amount: type digits, such as 250.50."),
        ("12 50", "12 50 is not an amount: type digits, such as 250.50."),
        ("1,00,000", "1,00,000 is not an amount: type digits, such as 250.50."),
        ("1.2.3", "1.2.3 is not an amount: type digits, such as 250.50."),
        ("\u0661\u0662", "\u0661\u0662 is not an amount: type digits, such as 250.50."),
        ("9" * 14, f"{'9' * 14} is too large: type an amount of at most 1,000,000,000,000."),
    ],
)
def test_an_amount_without_one_meaning_is_answered_with_what_to_type(text: str, advice: str) -> None:
    assert read_amount(text, "EUR").problem == advice
    assert read_amount(text, "EUR").amount is None


@given(st.text(max_size=20))
def test_no_typed_text_is_dropped_silently(text: str) -> None:
    typed = read_amount(text)
    assert bool(text.strip()) == ((typed.amount is None) != (typed.problem is None))


@given(st.text("0123456789.,", min_size=1, max_size=9))
def test_what_the_answer_says_to_type_is_understood(text: str) -> None:
    problem = read_amount(text).problem or ""
    for advised in re.findall(r"type ([0-9.]+[0-9])", problem):
        assert read_amount(advised).amount is not None


@given(st.floats(0, 1e11))
def test_the_value_of_a_field_is_read_back_as_it_was(amount: float) -> None:
    assert read_amount(format_input(amount)).amount == pytest.approx(amount, abs=1e-6)


def test_money_beside_an_input_is_rounded_half_up() -> None:
    assert format_money(594.5) == "595"
