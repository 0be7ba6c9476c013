"""The words of a reason point the way of its weight, for every feature family and any history."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.build import FEATURES, TEXT_FEATURES
from serving.scoring.reasons import BASE_RATE_ONLY, MAX_REASONS, MIN_WEIGHT, explain_scores
from serving.scoring.sentences import facts_by_family

FAMILIES = tuple(facts_by_family("EUR"))
SCHEMA = {feature.name: pl.String if feature.name in TEXT_FEATURES else pl.Float64 for feature in FEATURES}
COUNT, DAYS, MONEY = st.integers(0, 12), st.integers(0, 500) | st.floats(0, 500), st.integers(-50, 400) | st.floats(-50, 400)
SHARE, RATING = st.sampled_from([0.0, 0.004, 0.2, 0.496, 0.5, 0.7, 1.0]) | st.floats(0, 1), st.floats(1, 5) | st.integers(1, 5)
CELLS = {
    "orders": st.integers(1, 12),
    "recency_days": DAYS,
    "gap_median": DAYS,
    "gap_last": DAYS,
    "T": st.integers(0, 900),
    "spend_90": MONEY,
    "spend_365": MONEY,
    "orders_365": st.integers(0, 3),
    "lines_per_order": st.floats(1, 9),
    "demand_last_30": st.floats(0, 6),
    "favourite_share_before": SHARE,
    "favourite_share_recent": SHARE,
    "complaints": COUNT,
    "open_complaints": st.integers(0, 2),
    "open_complaint_days": DAYS,
    "last_settled_satisfied": st.integers(0, 1),
    "surveys": COUNT,
    "last_rating": RATING,
    "mean_rating": RATING,
    "contacts": COUNT,
    "unanswered_contacts": st.integers(0, 4),
    "referrals": st.integers(0, 3),
}
ROWS = st.fixed_dictionaries({name: st.none() | cells for name, cells in CELLS.items()})
WEIGHTS = st.fixed_dictionaries({family: st.floats(-2, 2) | st.sampled_from([0.0, 0.049, -0.05]) for family in FAMILIES})
Words = Callable[[str], str]


def explain(rows: list[dict[str, Any]], weights: list[dict[str, float]]) -> list[list[dict[str, Any]]]:
    cells = [dict.fromkeys(SCHEMA) | {"favourite_brand": "Brand A"} | row for row in rows]
    return explain_scores(pl.DataFrame(cells, schema=SCHEMA), pl.DataFrame(weights), "EUR").to_list()


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(cases=st.lists(st.tuples(ROWS, WEIGHTS), min_size=1, max_size=25))
def test_the_words_point_the_way_of_the_weight(
    cases: list[tuple[dict[str, Any], dict[str, float]]], direction_of_words: Words
) -> None:
    for (_, weights), reasons in zip(cases, explain([row for row, _ in cases], [weights for _, weights in cases]), strict=True):
        if not any(weights.values()):
            assert [reason["text"] for reason in reasons] == [BASE_RATE_ONLY]
            continue
        for reason in reasons:
            assert reason["direction"] == ("raises" if reason["weight"] > 0 else "lowers"), reason
            assert direction_of_words(reason["text"]) == reason["direction"], reason
        assert len(reasons) <= MAX_REASONS


@settings(max_examples=20, deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=25), family=st.sampled_from(FAMILIES), weight=st.sampled_from([-1.0, 1.0]))
def test_each_family_speaks_in_both_directions_or_not_at_all(
    rows: list[dict[str, Any]], family: str, weight: float, direction_of_words: Words
) -> None:
    for reasons in explain(rows, [{family: weight}] * len(rows)):
        assert [direction_of_words(reason["text"]) for reason in reasons] in ([], ["raises" if weight > 0 else "lowers"])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(ROWS, WEIGHTS), min_size=1, max_size=25))
def test_a_reason_below_the_least_weight_is_only_ever_alone(cases: list[tuple[dict[str, Any], dict[str, float]]]) -> None:
    for reasons in explain([row for row, _ in cases], [weights for _, weights in cases]):
        assert all(abs(reason["weight"]) >= MIN_WEIGHT for reason in reasons) or len(reasons) == 1


@pytest.mark.parametrize(
    ("family", "features", "raising", "lowering"),
    [
        (
            "cadence",
            {"orders": 5, "gap_last": 12, "gap_median": 18},
            None,
            "The last two orders were 12 days apart; usually 18 days",
        ),
        (
            "cadence",
            {"orders": 5, "gap_last": 30, "gap_median": 18},
            "The last two orders were 30 days apart; usually 18 days",
            None,
        ),
        ("cadence", {"orders": 5, "gap_last": 15.0, "gap_median": 13.0}, None, None),
        ("cadence", {"orders": 5, "gap_last": 18.3, "gap_median": 17.9}, None, None),
        ("spend", {"spend_90": 0, "spend_365": 80, "orders_365": 1, "T": 90}, "Spent nothing in the last 90 days", None),
        ("spend", {"spend_90": 0.3, "spend_365": 0.3, "orders_365": 1, "T": 90}, "Spent nothing in the last 90 days", None),
        ("spend", {"spend_90": 0, "spend_365": 0, "orders_365": 0, "T": 900}, "Bought nothing in the last year", None),
        (
            "recency",
            {"orders": 4, "recency_days": 20, "gap_median": 31},
            None,
            "Last order 20 days ago; usually orders every 31 days",
        ),
        ("recency", {"orders": 1, "recency_days": 1}, "No order for 1 day since the only one", "First order only 1 day ago"),
        (
            "recency",
            {"orders": 3, "recency_days": 50, "gap_median": 46},
            None,
            None,
        ),
        (
            "recency",
            {"orders": 3, "recency_days": 80, "gap_median": 46},
            "No order for 80 days; usually orders every 46 days",
            None,
        ),
        ("basket", {"lines_per_order": 1.2}, "Usually buys one product at a time", None),
        ("basket", {"lines_per_order": 2.3}, None, None),
        ("basket", {"lines_per_order": 3.6}, None, "Usually buys about 4 products per order"),
        (
            "loyalty",
            {"orders": 9, "favourite_share_before": 0.6, "favourite_share_recent": 0.0},
            "Chose Brand A, the favourite so far, in none of the recent purchases",
            None,
        ),
        (
            "loyalty",
            {"orders": 4, "favourite_share_before": 0.5, "favourite_share_recent": 0.3},
            "Chose Brand A, the favourite so far, in only 30 % of the recent purchases",
            None,
        ),
        (
            "loyalty",
            {"orders": 9, "favourite_share_before": 1.0, "favourite_share_recent": 1.0},
            None,
            "Chose Brand A in all recent purchases",
        ),
        (
            "complaints",
            {"complaints": 1, "open_complaints": 0, "last_settled_satisfied": 1},
            "Complained once",
            "The last settled complaint left the customer satisfied",
        ),
        (
            "complaints",
            {"complaints": 2, "open_complaints": 1, "open_complaint_days": 1, "last_settled_satisfied": 1},
            "Complaint open for 1 day",
            None,
        ),
        ("complaints", {"complaints": 3, "open_complaints": 0}, "Complained 3 times", None),
        ("satisfaction", {"surveys": 1, "last_rating": 2.0}, "Last rating 2 of 5", None),
        ("satisfaction", {"surveys": 3, "last_rating": 3.5, "mean_rating": 4.25}, "Last rating 3.5 of 5; 4.2 on average", None),
        ("satisfaction", {"surveys": 3, "last_rating": 5.0, "mean_rating": 4.0}, None, "Last rating 5 of 5; 4 on average"),
        ("contacts", {"contacts": 2, "unanswered_contacts": 1}, "Contacted once without a response", None),
        ("contacts", {"contacts": 2, "unanswered_contacts": 0}, None, "Responded to the last contact"),
        (
            "demand",
            {"demand_last_30": 0.0},
            "Hardly any other customer bought the products of the last order in the last 30 days",
            None,
        ),
        ("lifecycle", {"referrals": 1}, None, "Referred one other customer"),
        ("lifecycle", {"referrals": 2}, None, "Referred 2 other customers"),
    ],
)
def test_a_fact_is_said_in_its_own_direction_only(
    family: str, features: dict[str, Any], raising: str | None, lowering: str | None
) -> None:
    [up], [down] = explain([features], [{family: 0.7}]), explain([features], [{family: -0.7}])
    assert [reason["text"] for reason in up] == ([] if raising is None else [raising])
    assert [reason["text"] for reason in down] == ([] if lowering is None else [lowering])


def test_a_reason_that_raises_the_risk_takes_the_place_of_a_stronger_one_that_lowers_it() -> None:
    features = {"orders": 9, "recency_days": 9, "gap_median": 30, "gap_last": 20, "complaints": 0, "unanswered_contacts": 2}
    weights = {"recency": -2.0, "cadence": -0.9, "complaints": -0.5, "contacts": 0.06}
    [reasons] = explain([features], [weights])
    assert [reason["family"] for reason in reasons] == ["recency", "cadence", "contacts"]
    [without] = explain([features], [weights | {"contacts": 0.04}])
    assert [reason["family"] for reason in without] == ["recency", "cadence", "complaints"]


@pytest.mark.parametrize("weight", [-1.0, 1.0])
@pytest.mark.parametrize("surveys", [None, 0, 1, 2])
def test_a_change_of_ratings_counts_only_where_the_words_show_it(
    surveys: int | None, weight: float, direction_of_words: Words
) -> None:
    ratings = [(last, mean) for last in (2.0, 3.2, 3.6, 4.2) for mean in (2.0, 3.1, 4.1, 5.0)]
    rows = [dict.fromkeys(CELLS) | {"last_rating": last, "mean_rating": mean, "surveys": surveys} for last, mean in ratings]
    for reasons in explain(rows, [{"satisfaction": weight}] * len(rows)):
        assert [direction_of_words(reason["text"]) for reason in reasons] in ([], ["raises" if weight > 0 else "lowers"])
