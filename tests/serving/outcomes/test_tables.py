"""What outcomes say where little is known: verdicts, tables shown once, the global control, and no minus before zero."""

import io
import json
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from expectations.check import Check, format_value
from holdfast.printing.outcomes import print_outcomes
from serving.outcomes.measure import GroupOutcome, measure_groups
from serving.outcomes.tables import is_conclusive, merge_equal_tables, row_figures
from serving.pages.outcomes import _tables
from serving.pages.render import FILTERS, PAGES, TermLinks, template

UNTIL = date(2026, 6, 1)
ARMS = {"treated": 192, "control": 18, "global": 6}


def issued_rows(ordered: dict[str, int], cost: float = 5.0, typical: float = 40.0, **columns: str) -> pl.DataFrame:
    """Return rows of one list with outcomes: the first of each arm ordered for 40."""
    frames = []
    for held_by, count in ARMS.items():
        arm = "treated" if held_by == "treated" else "control"
        bought = pl.int_range(count, eager=True) < ordered.get(held_by, 0)
        row = {
            "list_id": "at_risk-2026-W10-run1",
            "number": 1,
            "kind": "at_risk",
            "action": "retention",
            "loyalty_segment": "split",
            "week": "2026-W10",
            "start": date(2026, 3, 2),
            "horizon_days": 30,
            "arm": arm,
            "held_by": None if arm == "treated" else held_by.replace("control", "list"),
            "propensity": 0.0 if held_by == "global" else 0.92,
            "global_share": 0.02,
            "p_churn": 0.8,
            "expected_value": 10.0,
            "expected_gain": 1.0,
            "typical_orders": 1.2,
            "typical_margin": typical,
            "superseded": False,
            "closed": True,
        } | columns
        who = pl.Series([f"{held_by}{n}" for n in range(count)])
        frame = pl.DataFrame({"who": who}).with_columns(pl.lit(value).alias(name) for name, value in row.items())
        earned = 40.0 * bought.cast(pl.Float64)
        outcome = {"orders": bought.cast(pl.Int64), "earned": earned, "profit": earned - (cost if arm == "treated" else 0.0)}
        frames.append(frame.with_columns(pl.Series(name, values) for name, values in outcome.items()))
    return pl.concat(frames, how="vertical_relaxed")


def overall(ordered: dict[str, int], **columns: Any) -> GroupOutcome:  # noqa: ANN401  # any cell
    return measure_groups(issued_rows(ordered, **columns))[0]


def html(groups: list[GroupOutcome]) -> str:
    """Return the page of these outcomes, as stored and read again."""
    rows = json.loads(json.dumps([group.as_dict() for group in groups]))
    total = rows[0]
    shared = {"client": "ann", "csrf": "x", "pages": PAGES, "current_page": "outcomes", "currency": "EUR", "term": TermLinks()}
    return template("outcomes").render(
        shared,
        total=total,
        is_known=is_conclusive(total),
        made_at=None,
        until="2026-06-01",
        global_control=None,
        note_on_global_control="the note",
        tables=_tables(rows),
        weeks=[],
        has_chart=False,
    )


def printed(groups: list[GroupOutcome]) -> str:
    out = io.StringIO()
    print_outcomes(Console(file=out, width=400), groups, "EUR", UNTIL)
    return out.getvalue()


def test_no_order_in_either_arm_is_too_few_orders_to_tell_and_no_loss() -> None:
    outcome = overall({})
    assert outcome.orders is not None
    assert outcome.profit is not None
    assert outcome.orders.low < 0 < outcome.orders.high
    assert outcome.profit.low < -5 < outcome.profit.high
    assert outcome.verdict == "too few orders to tell"
    assert outcome.is_inconclusive
    assert outcome.caution == (
        "Too few orders to tell: 0 of 192 treated and 0 of 18 held-out customers ordered. "
        "A result needs at least 5 customers who ordered."
    )
    assert (outcome.as_dict()["conclusive"], outcome.as_dict()["ordered_treated"]) == (False, 0)


@pytest.mark.parametrize("ordered", [{"treated": 4}, {"treated": 2, "control": 2}])
def test_up_to_four_orders_are_too_few_whatever_the_interval(ordered: dict[str, int]) -> None:
    assert overall(ordered, cost=90.0).verdict == "too few orders to tell"


def test_with_more_orders_the_interval_decides() -> None:
    assert overall({"treated": 20, "control": 1}).verdict.startswith("not yet")
    assert overall({"treated": 6, "control": 1}, cost=300.0).verdict == "a loss"
    assert overall({"treated": 150, "control": 1}).verdict == "a gain"


def test_without_any_order_in_the_shop_profit_is_not_estimated_and_the_verdict_is_the_same() -> None:
    outcome = overall({}, typical=0.0)
    assert (outcome.profit, outcome.verdict) == (None, "too few orders to tell")


def test_the_page_says_not_known_yet_and_shows_the_figure_small() -> None:
    page = html(measure_groups(issued_rows({})))
    assert page.count('<div class="big">not known yet</div>') == 2
    assert '<div class="big">-960' not in page
    assert 'class="soft">So far -960 EUR' in page
    assert "Too few orders to tell" in page
    assert "a loss" not in page
    known = html(measure_groups(issued_rows({"treated": 150, "control": 1})))
    assert "not known yet" not in known
    assert '<div class="big">4,' in known


def test_the_page_of_an_old_report_takes_an_interval_of_width_zero_for_unknown() -> None:
    row = overall({}).as_dict() | {"verdict": "a loss"}
    old = {name: value for name, value in row.items() if name not in {"conclusive", "ordered_treated", "global_control"}}
    zero = {"mean": -5.0, "low": -5.0, "high": -5.0}
    assert not is_conclusive(old | {"profit": zero, "orders": {"mean": 0.0, "low": 0.0, "high": 0.0}})
    known = {"mean": 5.0, "low": 1.0, "high": 9.0}
    assert is_conclusive(old | {"profit": known, "orders": known, "verdict": "a gain"})
    assert row_figures(old) != row_figures(old | {"treated": 1})


def test_customers_of_the_global_control_are_counted_apart_and_explained() -> None:
    groups = measure_groups(issued_rows({}))
    by_scope = {group.scope: group for group in groups}
    assert (by_scope["list"].control, by_scope["list"].global_control) == (18, 6)
    assert "18 (+6)" in printed(groups)
    assert "In brackets: customers of the global control group" in printed(groups)
    assert '18 <span class="soft" title="the note">(+6)</span>' in html(groups)


def test_tables_with_equal_figures_are_one() -> None:
    [table] = _tables([group.as_dict() for group in measure_groups(issued_rows({"treated": 9}))])
    assert table["title"] == "By list, by action, by loyalty segment and each issued list"
    assert [row["names"] for row in table["rows"]] == [
        {"kind": "at_risk", "action": "retention", "segment": "split", "list": "at_risk-2026-W10-run1"}
    ]
    text = printed(measure_groups(issued_rows({"treated": 9})))
    assert text.count("192 ") == text.count("9 of 192") + 2  # all lists with its equals, and the global control
    assert "at_risk, retention, split" in text


def test_tables_with_other_figures_and_ambiguous_rows_stay_apart() -> None:
    rows = {"kind": [("a", 1), ("b", 1)], "action": [("c", 1), ("d", 1)], "segment": [("e", 2)], "list": []}
    tables = merge_equal_tables(rows, lambda row: row[0], lambda row: row[1])
    assert [table.scopes for table in tables] == [("kind",), ("action",), ("segment",)]


def test_equal_tables_name_each_row_by_its_figures_whatever_the_order() -> None:
    rows = {"kind": [("a", 1), ("b", 2)], "action": [("d", 2), ("c", 1)]}
    [table] = merge_equal_tables(rows, lambda row: row[0], lambda row: row[1])
    assert table.names == [{"kind": "a", "action": "c"}, {"kind": "b", "action": "d"}]


@given(st.floats(-1.0, 0.0) | st.floats(-1e9, 1e9))
def test_no_number_is_shown_as_minus_zero(number: float) -> None:
    texts = [FILTERS[name](number) for name in ("integer", "money", "percent", "signed", "fixed", "input_value")]
    texts += [format_value(Check("c", "s"), number), format_value(Check("c", "s", is_share=True), number)]
    negative_zeros = [text for text in texts if text.startswith("-") and not any(digit in text for digit in "123456789")]
    assert negative_zeros == []


def test_the_tables_and_the_page_never_show_minus_zero() -> None:
    groups = measure_groups(issued_rows({"treated": 100, "control": 9}, cost=0.004))
    for text in (printed(groups), html(groups)):
        assert "-0.00 " not in text
        assert "-0 " not in text
        assert "-0.000" not in text
