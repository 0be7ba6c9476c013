from typing import Any

import polars as pl

from features.build import FEATURES, TEXT_FEATURES
from serving.lists.reasons import NO_SINGLE_FACT, complaint_of_score, list_reason_columns
from serving.schemas.scores import REASON
from serving.scoring.reasons import explain_scores

LATE = ("No order for 90 days", "raises", "recency")


def list_reasons(
    target: str, reasons: list[tuple[str, str, str | None]] | None, open_complaints: int | None = 0
) -> tuple[Any, ...]:
    """Return reason_1 to reason_3 of a customer, from sentence, direction and family of each reason."""
    structs = reasons and [
        {"text": text, "weight": 0.5, "direction": direction, "family": family} for text, direction, family in reasons
    ]
    schema = {"target": pl.String, "reasons": pl.List(REASON), "open_complaints": pl.Int64}
    row = pl.DataFrame({"target": [target], "reasons": [structs], "open_complaints": [open_complaints]}, schema=schema)
    return row.select(list_reason_columns()).row(0)


def test_reasons_that_raise_the_risk_come_first_and_those_that_lower_it_are_marked() -> None:
    reasons = [("No complaint on record", "lowers", "complaints"), LATE, ("Buys one brand", "lowers", "loyalty")]
    assert list_reasons("retention", reasons) == (
        "No order for 90 days",
        "Lowers the risk: No complaint on record",
        "Lowers the risk: Buys one brand",
    )


def test_missing_reasons_are_null() -> None:
    assert list_reasons("win_back", [("No order for 400 days", "raises", "recency")]) == ("No order for 400 days", None, None)
    assert list_reasons("win_back", []) == (None, None, None)
    assert list_reasons("win_back", None) == (None, None, None)


def test_on_the_recovery_list_the_complaint_comes_first_and_once() -> None:
    open_complaint = ("Complaint open for 4 days", "raises", "complaints")
    assert list_reasons("recovery", [LATE, open_complaint], 1) == ("Complaint open for 4 days", LATE[0], None)
    assert list_reasons("recovery", [LATE, LATE, LATE], 2) == ("A complaint is open", LATE[0], LATE[0])
    dissatisfied = "The last settled complaint left the customer dissatisfied"
    assert list_reasons("recovery", [(dissatisfied, "lowers", "complaints"), LATE]) == (dissatisfied, LATE[0], None)
    assert list_reasons("recovery", None, None) == (dissatisfied, None, None)


def test_a_complaint_is_recognised_by_its_family_and_not_by_its_words() -> None:
    """A brand may be called "Complaint open", and the sentence about complaints may change."""
    brand = ("Chose Complaint open in 70 % of the recent purchases", "raises", "loyalty")
    reworded = ("Case unresolved for 4 days", "raises", "complaints")
    assert list_reasons("recovery", [brand, reworded], 1) == (reworded[0], brand[0], None)
    assert list_reasons("recovery", [brand], 1) == ("A complaint is open", brand[0], None)


def test_reasons_stored_without_a_family_are_recognised_by_their_words() -> None:
    open_complaint = ("Complaint open for 4 days", "raises", None)
    assert list_reasons("recovery", [("No order for 90 days", "raises", None), open_complaint], 1) == (
        "Complaint open for 4 days",
        "No order for 90 days",
        None,
    )


def test_the_reasons_of_a_score_carry_the_family_that_lists_look_for() -> None:
    features = {"open_complaints": 1, "open_complaint_days": 12, "orders": 5, "recency_days": 94, "gap_median": 31}
    schema = {feature.name: pl.String if feature.name in TEXT_FEATURES else pl.Float64 for feature in FEATURES}
    row = pl.DataFrame([dict.fromkeys(schema) | features], schema=schema)
    reasons = explain_scores(row, pl.DataFrame([{"recency": 0.9, "complaints": 0.1}]), "EUR")
    assert reasons.dtype == pl.List(REASON)
    customer = pl.DataFrame({"target": ["recovery"], "open_complaints": [1]}).with_columns(reasons)
    assert customer.select(list_reason_columns()).row(0)[0] == "Complaint open for 12 days"


def test_a_row_at_risk_without_a_reason_that_raises_the_risk_says_so_first() -> None:
    only_lowering = [("No complaint on record", "lowers", "complaints")]
    expected = (NO_SINGLE_FACT, "Lowers the risk: No complaint on record", None)
    assert list_reasons("retention", only_lowering) == expected
    assert list_reasons("win_back", only_lowering) == expected


def test_the_complaint_on_the_card_is_that_of_the_recovery_list() -> None:
    for complaints, reasons in (
        (1, [LATE, ("Complaint open for 4 days", "raises", "complaints")]),
        (1, [LATE]),
        (0, [LATE, ("The last settled complaint left the customer satisfied", "lowers", "complaints")]),
        (0, None),
    ):
        structs = reasons and [{"text": text, "weight": 1.0, "direction": way, "family": family} for text, way, family in reasons]
        score = {"reasons": structs, "open_complaints": complaints}
        assert complaint_of_score(score) == list_reasons("recovery", reasons, complaints)[0]
