from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from serving.outcomes.measure import measure_groups
from serving.outcomes.report import NoListsError, measure_outcomes, save_outcomes
from serving.outcomes.rows import enrolments, issued_rows, unit_members, with_outcomes
from serving.schemas.lists import EXPECTED_COLUMNS, LIST_COLUMNS
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.lists.issued import IssuedList
from serving.store.lists.issuing import store_list
from serving.store.lists.rows import erase_from_list
from serving.store.publish import publish
from serving.store.reports import read_report
from serving.targeting.units import UNIT_COLUMNS

Orders = Callable[..., pl.LazyFrame]
UNTIL = date(2026, 6, 1)


def issued(
    store: sa.Engine,
    week: str,
    day: date,
    *rows: tuple[str, str],
    kind: str = "at_risk",
    number: int = 1,
    horizon: int = 30,
    propensity: float = 0.8,
    units: dict[str, str] | None = None,
) -> str:
    """Issue a list of customers and arms; each action costs 2, and every customer is treated with the given propensity.

    `units` names the unit of customers; None as in lists of earlier versions.
    """
    list_id = f"{kind}-{week}-{number}"
    issued_list = IssuedList(
        list_id=list_id,
        number=number,
        kind=kind,
        week=week,
        run_id=1,
        data_as_of=day,
        model_version="1",
        horizon_days=horizon,
        row_limit=None,
        budget=None,
        content=list_id,
        rows=len(rows),
        issued_at=datetime(2026, 1, 1),
        issued_by="ann",
    )
    cells: list[dict[str, Any]] = [
        {
            "list_id": list_id,
            "week": week,
            "rank": rank,
            "customer_id": customer,
            "arm": "control" if arm == "global" else arm,
            "action": "mail",
            "loyalty_segment": "split",
            "p_churn": 0.8,
            "expected_value": 10.0,
            "expected_gain": 1.0,
            "data_as_of": day,
            "held_by": {"treated": None, "control": "list", "global": "global"}[arm],
            "propensity": 0.0 if arm == "global" else propensity,
            "global_share": 0.02,
            "action_cost": 2.0,
            "unit": (units or {}).get(customer),
        }
        for rank, (customer, arm) in enumerate(rows, 1)
    ]
    schema = LIST_COLUMNS | EXPECTED_COLUMNS
    store_list(store, issued_list, pl.DataFrame([{name: row.get(name) for name in schema} for row in cells], schema=schema))
    return list_id


def outcomes(rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    return rows.select("who", "week", "orders", "spend", "cost", "profit", "closed").rows()


def test_outcomes_are_orders_and_spend_in_the_window_and_the_cost_of_all_treatments_in_it(
    store: sa.Engine, orders: Orders
) -> None:
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), ("b", "control"), ("c", "treated"))
    issued(store, "2026-W12", date(2026, 3, 16), ("a", "treated"))
    lines = orders(
        [
            ("a", "2026-03-01", 99.0),
            ("a", "2026-03-02", 10.0),
            ("a", "2026-03-31", 5.0),
            ("b", "2026-04-01", 7.0),
            ("c", "2026-03-10", -3.0),
        ]
    )
    rows = with_outcomes(issued_rows(store), lines, UNTIL, 0.5)
    assert outcomes(rows) == [
        ("a", "2026-W10", 2, 15.0, 4.0, 3.5, True),
        ("b", "2026-W10", 0, 0.0, 0.0, 0.0, True),
        ("c", "2026-W10", 0, -3.0, 2.0, -3.5, True),
        ("a", "2026-W12", 1, 5.0, 2.0, 0.5, True),
    ]


def test_an_open_window_counts_what_is_known_so_far(store: sa.Engine, orders: Orders) -> None:
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"))
    issued(store, "2026-W11", date(2026, 3, 9), ("a", "treated"))
    lines = orders([("a", "2026-03-03", 10.0), ("a", "2026-03-20", 5.0)])
    rows = with_outcomes(issued_rows(store), lines, date(2026, 3, 8), 1.0)
    assert outcomes(rows)[0] == ("a", "2026-W10", 1, 10.0, 2.0, 8.0, False)


def test_a_superseded_list_costs_nothing(store: sa.Engine, orders: Orders) -> None:
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"))
    issued(store, "2026-W12", date(2026, 3, 16), ("a", "treated"))
    issued(store, "2026-W12", date(2026, 3, 16), ("a", "treated"), number=2)
    rows = with_outcomes(issued_rows(store), orders([]), UNTIL, 1.0)
    assert rows.filter(week="2026-W10")["cost"].to_list() == [4.0]


def test_customers_whose_window_is_open_are_not_measured(store: sa.Engine, orders: Orders) -> None:
    treated, control = [(f"t{n}", "treated") for n in range(40)], [(f"c{n}", "control") for n in range(10)]
    issued(store, "2026-W10", date(2026, 3, 2), *treated, *control)
    lines = orders([(f"t{n}", "2026-03-03", 10.0) for n in range(20)] + [("c1", "2026-03-03", 10.0)])
    rows = issued_rows(store)
    early = measure_groups(with_outcomes(rows, lines, date(2026, 3, 31), 1.0))
    assert all(
        (group.treated, group.control, group.closed, group.profit, group.orders) == (0, 0, 0.0, None, None) for group in early
    )
    assert early[0].verdict == "too early until 2026-04-01"
    assert early[0].is_inconclusive
    assert early[0].caution == "Too early: no customer's window has ended yet; the first ends on 2026-04-01."
    issued(store, "2026-W11", date(2026, 3, 9), *[(f"u{n}", "treated") for n in range(30)], ("v", "control"))
    later = measure_groups(with_outcomes(issued_rows(store), lines, date(2026, 4, 1), 1.0))
    assert (later[0].treated, later[0].control, later[0].next_end) == (40, 10, date(2026, 4, 8))
    assert later[0].closed == 50 / 81
    verdicts = {group.name: group.verdict for group in later if group.scope == "list"}
    assert verdicts["at_risk-2026-W11-1"] == "too early until 2026-04-08"


def test_the_stored_outcome_of_an_erased_customer_counts(store: sa.Engine, orders: Orders) -> None:
    list_id = issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), ("b", "treated"))
    with store.begin() as connection:
        outcome = {"outcome_orders": 3, "outcome_spend": 30.0, "outcome_until": date(2026, 3, 20)}
        erase_from_list(connection, list_id, "a", outcome)
    rows = with_outcomes(issued_rows(store), orders([("b", "2026-03-03", 1.0)]), UNTIL, 1.0)
    assert outcomes(rows) == [(f"{list_id} 1", "2026-W10", 3, 30.0, 2.0, 28.0, True), ("b", "2026-W10", 1, 1.0, 2.0, -1.0, True)]


def test_the_newest_list_of_a_week_counts(store: sa.Engine, orders: Orders) -> None:
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), ("c", "treated"))
    second = issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), ("b", "control"), number=2)
    rows = issued_rows(store)
    assert rows.filter(~pl.col("superseded")).select("who", "list_id").rows() == [("a", second), ("b", second)]
    groups = measure_groups(with_outcomes(rows, orders([("a", "2026-03-05", 1.0)]), UNTIL, 1.0))
    counts = {(group.scope, group.name): (group.treated, group.control) for group in groups}
    assert counts["all", "all lists"] == (1, 1)
    assert ("list", "at_risk-2026-W10-1") not in counts


def test_lists_with_different_horizons_have_their_own_windows(store: sa.Engine, orders: Orders) -> None:
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"))
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), kind="win_back", horizon=60)
    rows = with_outcomes(issued_rows(store), orders([("a", "2026-03-05", 1.0), ("a", "2026-04-20", 2.0)]), UNTIL, 1.0)
    assert rows.sort("horizon_days").select("orders", "spend").rows() == [(1, 1.0), (2, 3.0)]


def test_a_list_without_a_control_group_is_not_measured(store: sa.Engine, orders: Orders) -> None:
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), ("b", "treated"), propensity=1.0)
    issued(store, "2026-W11", date(2026, 3, 9), ("c", "treated"), ("d", "control"))
    groups = measure_groups(with_outcomes(issued_rows(store), orders([("a", "2026-03-05", 1.0)]), UNTIL, 1.0))
    assert (groups[0].scope, groups[0].treated, groups[0].control) == ("all", 1, 1)


def test_the_global_control_is_weighted_by_its_own_odds(store: sa.Engine, orders: Orders) -> None:
    treated = [(f"t{n}", "treated") for n in range(49)]
    issued(store, "2026-W10", date(2026, 3, 2), *treated, ("g", "global"), ("h", "global"), ("c", "control"), ("d", "control"))
    groups = measure_groups(with_outcomes(issued_rows(store), orders([("g", "2026-03-05", 1.0)]), UNTIL, 1.0))
    by_scope = {group.scope: group for group in groups}
    assert (by_scope["all"].treated, by_scope["all"].control) == (49, 2)
    assert (by_scope["global"].treated, by_scope["global"].control) == (49, 2)
    assert by_scope["global"].orders is not None
    assert by_scope["global"].orders.mean == pytest.approx(-0.5)


def test_a_customer_is_enrolled_once_per_window(store: sa.Engine) -> None:
    for week, day in (("2026-W10", date(2026, 3, 2)), ("2026-W12", date(2026, 3, 16)), ("2026-W15", date(2026, 4, 6))):
        issued(store, week, day, ("a", "treated"))
    assert enrolments(issued_rows(store))["week"].to_list() == ["2026-W10", "2026-W15"]


def test_groups_are_measured_by_intention_to_treat(store: sa.Engine, orders: Orders) -> None:
    treated, control = [(f"t{n}", "treated") for n in range(40)], [(f"c{n}", "control") for n in range(10)]
    list_id = issued(store, "2026-W10", date(2026, 3, 2), *treated, *control)
    lines = [(f"t{n}", "2026-03-05", 10.0) for n in range(30)] + [(f"c{n}", "2026-03-05", 10.0) for n in range(5)]
    groups = measure_groups(with_outcomes(issued_rows(store), orders(lines), UNTIL, 1.0))
    by_name = {(group.scope, group.name): group for group in groups}
    assert [group.scope for group in groups] == ["all", "kind", "action", "segment", "cumulated", "list"]
    outcome = by_name["list", list_id]
    assert outcome.orders is not None
    assert outcome.profit is not None
    assert outcome.orders.mean == pytest.approx(0.75 - 0.5)
    assert outcome.profit.mean == pytest.approx(7.5 - 2 - 5.0)
    assert (outcome.treated, outcome.control, outcome.closed, outcome.expected_gain) == (40, 10, 1.0, 1.0)
    assert outcome.is_inconclusive
    assert outcome.more is not None
    assert outcome.more > 0
    assert outcome.verdict == f"not yet: {outcome.more:,} more customers"
    assert f"About {outcome.more:,} more customers, split the same way" in str(outcome.caution)
    assert "there are enough customers to show the expected gain of 1.00" in str(replace(outcome, more=0).caution)
    assert "no gain was expected" in str(replace(outcome, more=None).caution)
    assert "40 treated and 10 held out; each arm needs at least two" in str(replace(outcome, profit=None).caution)
    assert replace(outcome, more=0).verdict == "less than expected"
    assert replace(outcome, more=None).verdict == "inconclusive; no gain was expected"
    assert replace(outcome, profit=None).verdict == "too few customers"
    assert outcome.as_dict()["verdict"] == outcome.verdict
    assert outcome.total == pytest.approx(
        tuple(40 * value for value in (outcome.profit.mean, outcome.profit.low, outcome.profit.high))
    )


def test_the_figures_are_stored_for_the_page(store: sa.Engine, orders: Orders) -> None:
    with pytest.raises(NoListsError, match="No list was issued before 2026-06-01"):
        measure_outcomes(store, orders([("a", "2026-03-05", 1.0)]), UNTIL, 1.0)
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), ("b", "control"))
    groups = measure_outcomes(store, orders([("a", "2026-03-05", 1.0)]), UNTIL, 1.0)
    for _ in range(2):
        save_outcomes(store, groups, UNTIL, datetime(2026, 6, 1, 8))
    report = read_report(store, "outcomes")
    assert report is not None
    assert (report[0], report[1]["until"], len(report[1]["earned"])) == (datetime(2026, 6, 1, 8), "2026-06-01", len(groups))
    assert report[1]["earned"][0]["profit"] is None  # one customer in each arm is too few


HOME = {"a": "u", "b": "u", "c": "v"}
NOW = pl.DataFrame([("a", "u", "u", None), ("b", "u", "u", None), ("z", "u", "u", None)], schema=UNIT_COLUMNS, orient="row")


def test_a_household_is_enrolled_once_per_window_whoever_is_listed(store: sa.Engine) -> None:
    for week, day, customer in (("W10", date(2026, 3, 2), "a"), ("W12", date(2026, 3, 16), "b"), ("W15", date(2026, 4, 6), "b")):
        issued(store, f"2026-{week}", day, (customer, "treated"), units=HOME)
    enrolled = enrolments(issued_rows(store))
    assert enrolled.select("customer_id", "week", "who").rows() == [("a", "2026-W10", "u"), ("b", "2026-W15", "u")]


def test_costs_and_orders_are_those_of_the_whole_household(store: sa.Engine, orders: Orders) -> None:
    """A later list treats another member; so that member's orders count too, as do those of a member on no list."""
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), ("c", "control"), units=HOME)
    issued(store, "2026-W12", date(2026, 3, 16), ("b", "treated"), units=HOME)
    lines = orders([("a", "2026-03-03", 10.0), ("b", "2026-03-20", 5.0), ("z", "2026-03-21", 3.0), ("c", "2026-03-03", 1.0)])
    rows = issued_rows(store, NOW)
    with_household = with_outcomes(rows, lines, UNTIL, 1.0, unit_members(rows, NOW))
    assert outcomes(with_household) == [
        ("u", "2026-W10", 3, 18.0, 4.0, 14.0, True),
        ("v", "2026-W10", 1, 1.0, 0.0, 1.0, True),
        ("u", "2026-W12", 2, 8.0, 2.0, 6.0, True),
    ]


def test_rows_of_earlier_versions_count_for_the_present_household(store: sa.Engine, orders: Orders) -> None:
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), ("c", "control"))
    issued(store, "2026-W11", date(2026, 3, 9), ("b", "control"), units=HOME)
    rows = issued_rows(store, NOW)
    assert rows["who"].to_list() == ["u", "c", "u"]
    assert issued_rows(store)["who"].to_list() == ["a", "c", "u"]
    counted = with_outcomes(rows, orders([("z", "2026-03-10", 4.0)]), UNTIL, 1.0, unit_members(rows, NOW))
    assert counted["spend"].to_list() == [4.0, 0.0, 4.0]


def test_a_household_that_changes_its_name_or_customer_stays_one(store: sa.Engine) -> None:
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), units={"a": "u"})
    issued(store, "2026-W12", date(2026, 3, 16), ("a", "treated"), units={"a": "renamed"})
    issued(store, "2026-W14", date(2026, 3, 30), ("b", "treated"), units={"b": "renamed"})
    assert issued_rows(store)["who"].n_unique() == 1


def test_the_household_of_an_erased_customer_keeps_its_outcome(store: sa.Engine, orders: Orders) -> None:
    list_id = issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), units=HOME)
    with store.begin() as connection:
        outcome = {"outcome_orders": 3, "outcome_spend": 30.0, "outcome_until": date(2026, 3, 20)}
        erase_from_list(connection, list_id, "a", outcome)
    now = NOW.filter(pl.col("customer_id") != "a")
    rows = issued_rows(store, now)
    counted = with_outcomes(rows, orders([("b", "2026-03-03", 1.0)]), UNTIL, 1.0, unit_members(rows, now))
    assert outcomes(counted) == [("u", "2026-W10", 4, 31.0, 2.0, 29.0, True)]


def test_a_list_of_the_same_day_adds_its_cost(store: sa.Engine, orders: Orders) -> None:
    for kind, customer in (("recovery", "a"), ("at_risk", "b")):
        issued(store, "2026-W10", date(2026, 3, 2), (customer, "treated"), kind=kind, units=HOME)
    assert with_outcomes(issued_rows(store), orders([]), UNTIL, 1.0)["cost"].to_list() == [4.0, 4.0]


def test_windows_of_the_same_households_widen_the_interval(store: sa.Engine, orders: Orders) -> None:
    """Forty households, each with two windows and the same orders in both, are no better known than with one."""
    arms = [(f"t{n}", "treated") for n in range(30)] + [(f"c{n}", "control") for n in range(10)]
    issued(store, "2026-W10", date(2026, 3, 2), *arms)
    lines = [(who, day, float(n)) for n, (who, _) in enumerate(arms) for day in ("2026-03-05", "2026-04-10")]
    once = measure_groups(with_outcomes(issued_rows(store), orders(lines), UNTIL, 1.0))[0]
    issued(store, "2026-W14", date(2026, 4, 1), *arms)
    twice = measure_groups(with_outcomes(issued_rows(store), orders(lines), UNTIL, 1.0))[0]
    assert once.profit is not None
    assert twice.profit is not None
    assert (once.treated, twice.treated) == (30, 60)
    assert twice.profit.standard_error == pytest.approx(once.profit.standard_error, rel=0.02)


def test_the_measured_outcomes_use_the_households_of_the_current_run(store: sa.Engine, orders: Orders) -> None:
    issued(
        store, "2026-W10", date(2026, 3, 2), ("a", "treated"), ("d", "treated"), ("c", "control"), ("e", "control"), units=HOME
    )
    scores = pl.DataFrame(
        [
            {
                "customer_id": "a",
                "as_of": date(2026, 3, 2),
                "scored_at": datetime(2026, 3, 2),
                "model_version": "1",
                "horizon_days": 30,
            }
        ],
        schema=SCORE_COLUMNS,
    )
    publish(store, scores, 30, units=NOW)
    lines = orders([("z", "2026-03-05", 8.0)])
    group = measure_outcomes(store, lines, UNTIL, 1.0)[0]
    assert group.profit is not None
    assert group.profit.mean == pytest.approx(8 / 2 - 2)


def test_returned_orders_and_earlier_versions_of_orders_are_no_outcome(store: sa.Engine, orders: Orders) -> None:
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"))
    lines = [
        ("a", "2026-03-05", 9.0, "1"),
        ("a", "2026-03-20", -9.0, "1"),
        ("a", "2026-03-06", 5.0, "2"),  # replaced by the next
        ("a", "2026-03-06", 4.0, "2"),
    ]
    superseded = pl.Series("superseded_at", [None, None, datetime(2026, 3, 10), None], dtype=pl.Datetime("us"))
    table = orders(lines, "order_id").with_columns(superseded)
    counted = [with_outcomes(issued_rows(store), table, until, 1.0) for until in (date(2026, 3, 20), UNTIL)]
    assert [rows.select("orders", "spend").row(0) for rows in counted] == [(2, 13.0), (1, 4.0)]
