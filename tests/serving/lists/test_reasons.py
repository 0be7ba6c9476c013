from typing import Any

import polars as pl

from serving.lists.reasons import list_reasons
from serving.schemas.scores import REASON


def told(target: str, reasons: list[tuple[str, str]] | None, open_complaints: int | None = 0) -> tuple[Any, ...]:
    said = None if reasons is None else [{"text": text, "weight": 0.5, "direction": direction} for text, direction in reasons]
    schema = {"target": pl.String, "reasons": pl.List(REASON), "open_complaints": pl.Int64}
    row = pl.DataFrame({"target": [target], "reasons": [said], "open_complaints": [open_complaints]}, schema=schema)
    return row.select(list_reasons()).row(0)


def test_what_raises_the_risk_comes_first_and_what_lowers_it_says_so() -> None:
    reasons = [("No complaint on record", "lowers"), ("No order for 90 days", "raises"), ("Buys one brand", "lowers")]
    assert told("retention", reasons) == (
        "No order for 90 days",
        "Speaks for staying: No complaint on record",
        "Speaks for staying: Buys one brand",
    )


def test_fewer_reasons_leave_the_rest_empty() -> None:
    assert told("win_back", [("No order for 400 days", "raises")]) == ("No order for 400 days", None, None)
    assert told("win_back", []) == (None, None, None)
    assert told("win_back", None) == (None, None, None)


def test_on_the_recovery_list_the_complaint_comes_first_and_once() -> None:
    late = ("No order for 90 days", "raises")
    assert told("recovery", [late, ("Complaint open for 4 days", "raises")], 1) == ("Complaint open for 4 days", late[0], None)
    assert told("recovery", [late, late, late], 2) == ("A complaint is open", late[0], late[0])
    dissatisfied = "The last settled complaint left the customer dissatisfied"
    assert told("recovery", [(dissatisfied, "lowers"), late]) == (dissatisfied, late[0], None)
    assert told("recovery", None, None) == (dissatisfied, None, None)
