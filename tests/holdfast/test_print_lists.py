"""What commands print of a list's gain."""

from typing import Any

import polars as pl
import pytest
from rich.console import Console

from holdfast.printing.lists import gain_phrase, print_evidence
from holdfast.printing.tables import print_list


def summary(*, is_assumed: bool) -> dict[str, Any]:
    evidence = {"is_assumed": is_assumed, "sentence": "The trial contradicts the assumption."}
    return {"expected_gain": 3873.25, "value_horizon_days": 365, "evidence": evidence}


@pytest.mark.parametrize(
    ("is_assumed", "phrase"),
    [(True, "assumed gain about 3,900 EUR over 365 days"), (False, "expected gain 3,873.25 EUR over 365 days")],
)
def test_an_assumed_gain_has_two_digits_and_every_gain_its_horizon(is_assumed: bool, phrase: str) -> None:  # noqa: FBT001
    assert gain_phrase(summary(is_assumed=is_assumed), "EUR") == phrase


def test_the_evidence_and_the_rows_are_printed_as_assumed() -> None:
    console = Console(record=True, width=140)
    print_evidence(console, summary(is_assumed=True))
    row = {"rank": 1, "customer_id": "a", "arm": "treated", "action": "retention", "p_churn": 0.9, "expected_gain": 123.456}
    print_list(console, pl.DataFrame(row | {"reason_1": "None"}), "EUR", is_assumed=True)
    text = console.export_text()
    assert "The trial contradicts the assumption." in text
    assert "assumed gain EUR" in text
    assert "120" in text
    assert "123" not in text
