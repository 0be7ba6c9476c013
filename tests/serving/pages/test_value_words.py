"""Values in words: parts that add up, and no interval that excludes its mean."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.rendering.amounts import format_money
from serving.pages.budget_words import best_budget_sentence, curve_description
from serving.pages.value_words import value_parts, value_sentence

BRINGS = "such customers places an order within 91 days, and still brings about 379 EUR."
MONEY, SHARES = st.floats(0, 1e6), st.floats(0, 1)


def score(mean: float, low: float, high: float, p_churn: float = 0.985, stays: float = 379.0) -> dict[str, float]:
    return {"expected_value": mean, "value_low": low, "value_high": high, "p_churn": p_churn, "value_if_stays": stays}


def test_the_parts_of_the_issue_add_up_to_what_all_would_bring_if_none_left() -> None:
    parts = value_parts(238_688.2, 117_135.1)
    assert (parts.if_all_stay, parts.expected, parts.expected_loss) == (355_823, 238_688, 117_135)


@given(MONEY, MONEY)
def test_the_parts_always_add_up_as_shown(expected: float, loss: float) -> None:
    parts = value_parts(expected, loss)
    assert parts.expected + parts.expected_loss == parts.if_all_stay
    assert abs(parts.expected_loss - loss) <= 1.001


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            score(5.95, 0.0, 0.0),
            "Most likely nothing; about one in 67 such customers places an order within 91 days, and still brings about 379 EUR.",
        ),
        (score(46.0, 0.0, 12.5, p_churn=0.88), f"In nine of ten cases at most 12.50 EUR; about one in 8 {BRINGS}"),
        (score(0.01, 0.0, 0.0, p_churn=0.99999), f"Most likely nothing; fewer than one in 1,000 {BRINGS}"),
        (score(80.0, 0.0, 250.4, p_churn=0.6), "80 % interval over 365 days: 0.00 to 250 EUR."),
        (score(300.0, 90.0, 500.0, p_churn=0.1), "80 % interval over 365 days: 90.00 to 500 EUR."),
    ],
)
def test_a_value_is_described_by_its_interval_or_by_its_exception(values: dict[str, float], sentence: str) -> None:
    assert value_sentence(values, "EUR", 365, 91) == sentence


@given(MONEY, MONEY, MONEY, SHARES, MONEY)
def test_no_sentence_states_an_interval_that_excludes_the_stated_mean(
    mean: float, one: float, other: float, p_churn: float, stays: float
) -> None:
    sentence = value_sentence(score(mean, min(one, other), max(one, other), p_churn, stays), "EUR", 365, 91)
    interval = re.search(r"days: ([\d,.]+) to ([\d,.]+) EUR", sentence)
    if interval:
        low, high = (float(text.replace(",", "")) for text in interval.groups())
        assert low <= float(format_money(mean).replace(",", "")) <= high
        assert high > 0 or mean == pytest.approx(0, abs=0.005)
    else:
        assert "within 91 days" in sentence


@pytest.mark.parametrize(
    ("best", "maximum", "sentence", "shape"),
    [
        (
            501.0,
            501.0,
            "Every contact is expected to bring more than it costs; 501 EUR pays for all of them.",
            "rises up to the last",
        ),
        (
            501.0000049,
            501.0,
            "Every contact is expected to bring more than it costs; 501 EUR pays for all of them.",
            "to the last",
        ),
        (0.0, 40.0, "No contact is expected to bring more than it costs.", "falls from the first contact"),
        (20.0, 40.0, "Contacts beyond a budget of 20.00 EUR cost more than they are expected to bring.", "falls beyond it"),
    ],
)
def test_nothing_is_said_about_money_beyond_the_end_of_the_curve(best: float, maximum: float, sentence: str, shape: str) -> None:
    assert best_budget_sentence(best, maximum, "EUR", what="contact") == sentence
    assert shape in curve_description(best, maximum, "EUR")


def test_answers_to_complaints_are_given_whatever_they_gain() -> None:
    sentence = best_budget_sentence(20.0, 40.0, "EUR", what="answer", answers_all=True)
    assert sentence.startswith(
        "Every complaint is answered. By expected gain alone, answers beyond a budget of 20.00 EUR cost more"
    )
