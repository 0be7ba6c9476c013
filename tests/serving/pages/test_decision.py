"""What the page of a week says to do, and what it asks before a download."""

from datetime import date, datetime
from typing import Any

import pytest

from serving.pages.decision import first_result_day, instruction, reasons_to_ask, status_of, week_title
from serving.store.lists.issued import IssuedList

NOW = datetime(2026, 11, 23, 8)


def issued_list(**changes: Any) -> IssuedList:  # noqa: ANN401  # any field
    fields: dict[str, Any] = {
        "list_id": "at_risk-2026-W48-run1",
        "number": 1,
        "kind": "at_risk",
        "week": "2026-W48",
        "run_id": 1,
        "data_as_of": date(2026, 11, 23),
        "model_version": "1",
        "horizon_days": 91,
        "row_limit": None,
        "budget": None,
        "content": "",
        "rows": 200,
        "issued_at": NOW,
        "issued_by": "ann",
    }
    return IssuedList(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "treated", "today", "expected"),
    [
        ({}, 1_002, date(2026, 11, 23), "Contact these 1,002 customers today"),
        ({}, 1, date(2026, 11, 29), "Contact this customer today"),
        ({"kind": "recovery"}, 20, date(2026, 11, 25), "Answer these 20 customers today"),
        ({}, 0, date(2026, 11, 23), "No customer to contact on this list"),
        ({"week": "2026-W49"}, 5, date(2026, 11, 25), "Contact these 5 customers from 30 Nov 2026"),
        ({}, 171, date(2026, 12, 1), "Issue a new list first: this one, of 171 customers, ended on 29 Nov 2026"),
        ({"withdrawn_at": NOW}, 5, date(2026, 11, 25), "Do not contact these 5 customers: the list was withdrawn"),
    ],
)
def test_the_first_line_is_what_to_do(changes: dict[str, Any], treated: int, today: date, expected: str) -> None:
    assert instruction(issued_list(**changes), treated, today) == expected


def test_the_title_names_the_days_of_the_week() -> None:
    assert week_title("2026-W47") == "Week 47 of 2026: 16 Nov to 22 Nov 2026"
    assert week_title("2026-W53") == "Week 53 of 2026: 28 Dec to 3 Jan 2027"


def test_a_fresh_list_that_counts_needs_no_question() -> None:
    issued = issued_list()
    assert reasons_to_ask(issued, issued, date(2026, 11, 29), 8) == []


@pytest.mark.parametrize(
    ("changes", "effective", "today", "reason"),
    [
        ({"data_as_of": date(2026, 1, 2)}, {}, date(2026, 11, 29), "The data of this list are 331 days old (2 Jan 2026)."),
        ({}, {}, date(2026, 11, 30), "The list was to be used until 29 Nov 2026."),
        (
            {"withdrawn_at": NOW},
            {},
            date(2026, 11, 24),
            "The scores of this list were withdrawn on 2026-11-23: do not act on it.",
        ),
        ({}, {"list_id": "at_risk-2026-W48-run1-2"}, date(2026, 11, 24), "at_risk-2026-W48-run1-2 counts as"),
    ],
)
def test_a_download_asks_first(changes: dict[str, Any], effective: dict[str, Any], today: date, reason: str) -> None:
    reasons = reasons_to_ask(issued_list(**changes), issued_list(**(changes | effective)), today, 8)
    assert len(reasons) == 1
    assert reasons[0].startswith(reason)


def test_a_list_counts_or_was_replaced_withdrawn_or_a_preview() -> None:
    other = issued_list(list_id="at_risk-2026-W48-run1-2")
    assert status_of(issued_list(), issued_list())["word"] == "counts"
    assert status_of(issued_list(), other)["word"] == "replaced"
    assert status_of(issued_list(row_limit=5), other)["word"] == "preview"
    assert status_of(issued_list(withdrawn_at=NOW), other)["word"] == "withdrawn"


def test_the_first_result_comes_when_the_window_of_the_first_list_has_ended() -> None:
    later = issued_list(week="2026-W50")
    assert first_result_day([later, issued_list()]) == date(2027, 2, 22)
    assert first_result_day([]) is None
