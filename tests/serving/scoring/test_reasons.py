from typing import Any

import polars as pl
import pytest

from features.build import FEATURES, TEXT_FEATURES
from serving.scoring.reasons import explain_scores

EMPTY: dict[str, Any] = {feature.name: None for feature in FEATURES}


def explain(
    contributions: dict[str, float],
    shop_gap_days: float | None = None,
    **features: Any,  # noqa: ANN401  # any cell
) -> list[dict[str, Any]]:
    schema = {feature.name: pl.String if feature.name in TEXT_FEATURES else pl.Float64 for feature in FEATURES}
    rows = pl.DataFrame([EMPTY | features], schema=schema)
    return explain_scores(rows, pl.DataFrame([contributions]), "EUR", shop_gap_days).to_list()[0]


def test_the_silence_of_a_one_time_buyer_is_a_reason_only_if_repeat_customers_do_not_wait_as_long() -> None:
    [reason] = explain({"recency": 0.7}, shop_gap_days=30.0, orders=1, recency_days=97)
    assert reason["text"] == "No order for 97 days since the only one; repeat customers usually order every 30 days"
    assert explain({"recency": 0.7}, shop_gap_days=164.0, orders=1, recency_days=97) == []
    [recent] = explain({"recency": -0.7}, shop_gap_days=164.0, orders=1, recency_days=9)
    assert recent["text"] == "First order only 9 days ago"


@pytest.mark.parametrize(
    ("family", "weight", "features", "text"),
    [
        (
            "recency",
            0.7,
            {"recency_days": 94, "orders": 5, "gap_median": 31},
            "No order for 94 days; usually orders every 31 days",
        ),
        ("recency", 0.7, {"recency_days": 1, "orders": 1}, "No order for 1 day since the only one"),
        (
            "recency",
            0.7,
            {"recency_days": 100, "orders": 2, "gap_last": 80},
            "No order for 100 days; the two orders before were 80 days apart",
        ),
        ("complaints", 0.7, {"open_complaints": 1, "open_complaint_days": 12}, "Complaint open for 12 days"),
        (
            "complaints",
            0.7,
            {"open_complaints": 0, "complaints": 1, "last_settled_satisfied": 0},
            "The last settled complaint left the customer dissatisfied",
        ),
        ("complaints", -0.7, {"open_complaints": 0, "complaints": 0}, "No complaint on record"),
        (
            "loyalty",
            0.7,
            {"favourite_brand": "Brand A", "favourite_share_before": 0.8, "favourite_share_recent": 0.2, "orders": 10},
            "Share of Brand A fell from 80 % to 20 %",
        ),
        (
            "loyalty",
            -0.7,
            {"favourite_brand": "Brand A", "favourite_share_before": 0.8, "favourite_share_recent": 0.7, "orders": 10},
            "Chose Brand A in 70 % of the recent purchases",
        ),
        (
            "spend",
            0.7,
            {"spend_90": 40, "spend_365": 400, "T": 700},
            "Spent 40 EUR in the last 90 days; 100 EUR in an average quarter of the last year",
        ),
        ("spend", -0.7, {"spend_90": 40, "spend_365": 40, "T": 12}, "Spent 40 EUR in the last 90 days"),
        ("spend", 0.7, {"spend_90": -9, "spend_365": 40, "T": 700}, "Returned more than was bought in the last 90 days"),
    ],
)
def test_a_sentence_describes_the_customers_own_history(family: str, weight: float, features: dict[str, Any], text: str) -> None:
    direction = "raises" if weight > 0 else "lowers"
    assert explain({family: weight}, **features) == [{"text": text, "weight": weight, "direction": direction, "family": family}]


def test_the_three_strongest_reasons_are_kept_the_strongest_first() -> None:
    features = {
        "recency_days": 94,
        "orders": 5,
        "gap_median": 31,
        "complaints": 0,
        "open_complaints": 0,
        "spend_90": 1,
        "T": 900,
        "spend_365": 400,
        "lines_per_order": 4,
    }
    reasons = explain({"recency": 0.1, "complaints": -0.9, "spend": 0.5, "basket": -0.3}, **features)
    assert [(reason["weight"], reason["direction"]) for reason in reasons] == [
        (-0.9, "lowers"),
        (0.5, "raises"),
        (-0.3, "lowers"),
    ]


def test_a_family_without_a_sentence_is_left_out() -> None:
    assert explain({"complaints": 0.9, "lifecycle": 0.8}) == []


def test_where_only_the_base_rate_speaks_the_reason_says_so() -> None:
    [reason] = explain({"recency": 0.0}, recency_days=94, orders=5, gap_median=31)
    assert reason["text"].startswith("Past windows show no way to tell customers apart")
    assert explain({"recency": 0.0, "complaints": 0.2}, open_complaints=1, open_complaint_days=3)[0]["family"] == "complaints"
