from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from serving.outcomes.measure import earned
from serving.outcomes.report import NoListsError, keep_outcomes, measure_outcomes
from serving.outcomes.rows import enrolments, issued_rows, with_outcomes
from serving.schemas.lists import EXPECTED_COLUMNS, LIST_COLUMNS
from serving.store.issued import IssuedList, erase_from_list, store_list
from serving.store.reports import read_report

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
) -> str:
    """Issue a list of customers and arms; each action costs 2, and everybody was treated with a probability of .8."""
    list_id = f"{kind}-{week}-{number}"
    about = IssuedList(
        list_id, number, kind, week, 1, day, "1", horizon, None, None, list_id, len(rows), datetime(2026, 1, 1), "ann"
    )
    told: list[dict[str, Any]] = [
        {
            "list_id": list_id,
            "week": week,
            "rank": place,
            "customer_id": who,
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
        }
        for place, (who, arm) in enumerate(rows, 1)
    ]
    schema = LIST_COLUMNS | EXPECTED_COLUMNS
    store_list(store, about, pl.DataFrame([{name: row.get(name) for name in schema} for row in told], schema=schema))
    return list_id


def told(rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    return rows.select("who", "week", "orders", "spend", "cost", "profit", "closed").rows()


def test_orders_and_spend_of_the_window_and_what_all_treatments_in_it_cost(store: sa.Engine, orders: Orders) -> None:
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
    found = with_outcomes(issued_rows(store), lines, UNTIL, 0.5)
    assert told(found) == [
        ("a", "2026-W10", 2, 15.0, 4.0, 3.5, True),
        ("b", "2026-W10", 0, 0.0, 0.0, 0.0, True),
        ("c", "2026-W10", 0, -3.0, 2.0, -3.5, True),
        ("a", "2026-W12", 1, 5.0, 2.0, 0.5, True),
    ]


def test_a_window_that_is_still_open_counts_what_is_known_so_far(store: sa.Engine, orders: Orders) -> None:
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"))
    issued(store, "2026-W11", date(2026, 3, 9), ("a", "treated"))
    lines = orders([("a", "2026-03-03", 10.0), ("a", "2026-03-20", 5.0)])
    found = with_outcomes(issued_rows(store), lines, date(2026, 3, 8), 1.0)
    assert told(found)[0] == ("a", "2026-W10", 1, 10.0, 2.0, 8.0, False)


def test_what_is_not_acted_on_costs_nothing(store: sa.Engine, orders: Orders) -> None:
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"))
    issued(store, "2026-W12", date(2026, 3, 16), ("a", "treated"))
    issued(store, "2026-W12", date(2026, 3, 16), ("a", "treated"), number=2)
    found = with_outcomes(issued_rows(store), orders([]), UNTIL, 1.0)
    assert found.filter(week="2026-W10")["cost"].to_list() == [4.0]


def test_nothing_is_told_of_customers_whose_window_is_open(store: sa.Engine, orders: Orders) -> None:
    treated, control = [(f"t{n}", "treated") for n in range(40)], [(f"c{n}", "control") for n in range(10)]
    issued(store, "2026-W10", date(2026, 3, 2), *treated, *control)
    lines = orders([(f"t{n}", "2026-03-03", 10.0) for n in range(20)] + [("c1", "2026-03-03", 10.0)])
    rows = issued_rows(store)
    early = earned(with_outcomes(rows, lines, date(2026, 3, 31), 1.0))
    assert all((each.treated, each.control, each.closed, each.profit, each.orders) == (0, 0, 0.0, None, None) for each in early)
    assert early[0].verdict == "too early until 2026-04-01"
    assert early[0].is_too_small
    assert early[0].caution == "Too early to tell: no customer's window has ended yet; the first ends on 2026-04-01."
    issued(store, "2026-W11", date(2026, 3, 9), *[(f"u{n}", "treated") for n in range(30)], ("v", "control"))
    later = earned(with_outcomes(issued_rows(store), lines, date(2026, 4, 1), 1.0))
    assert (later[0].treated, later[0].control, later[0].next_end) == (40, 10, date(2026, 4, 8))
    assert later[0].closed == 50 / 81
    by_list = {each.name: each.verdict for each in later if each.scope == "list"}
    assert by_list["at_risk-2026-W11-1"] == "too early until 2026-04-08"


def test_what_was_kept_of_an_erased_customer_counts(store: sa.Engine, orders: Orders) -> None:
    one = issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), ("b", "treated"))
    with store.begin() as connection:
        outcome = {"outcome_orders": 3, "outcome_spend": 30.0, "outcome_until": date(2026, 3, 20)}
        erase_from_list(connection, one, "a", outcome)
    found = with_outcomes(issued_rows(store), orders([("b", "2026-03-03", 1.0)]), UNTIL, 1.0)
    assert told(found) == [(f"{one} 1", "2026-W10", 3, 30.0, 2.0, 28.0, True), ("b", "2026-W10", 1, 1.0, 2.0, -1.0, True)]


def test_of_several_lists_of_a_week_the_newest_counts(store: sa.Engine, orders: Orders) -> None:
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), ("c", "treated"))
    second = issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), ("b", "control"), number=2)
    rows = issued_rows(store)
    assert rows.filter(~pl.col("superseded")).select("who", "list_id").rows() == [("a", second), ("b", second)]
    found = earned(with_outcomes(rows, orders([("a", "2026-03-05", 1.0)]), UNTIL, 1.0))
    counted = {(each.scope, each.name): (each.treated, each.control) for each in found}
    assert counted["all", "all lists"] == (1, 1)
    assert ("list", "at_risk-2026-W10-1") not in counted


def test_lists_of_other_horizons_keep_their_own_windows(store: sa.Engine, orders: Orders) -> None:
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"))
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), kind="win_back", horizon=60)
    found = with_outcomes(issued_rows(store), orders([("a", "2026-03-05", 1.0), ("a", "2026-04-20", 2.0)]), UNTIL, 1.0)
    assert found.sort("horizon_days").select("orders", "spend").rows() == [(1, 1.0), (2, 3.0)]


def test_a_list_without_a_control_is_compared_with_nobody(store: sa.Engine, orders: Orders) -> None:
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), ("b", "treated"), propensity=1.0)
    issued(store, "2026-W11", date(2026, 3, 9), ("c", "treated"), ("d", "control"))
    found = earned(with_outcomes(issued_rows(store), orders([("a", "2026-03-05", 1.0)]), UNTIL, 1.0))
    assert (found[0].scope, found[0].treated, found[0].control) == ("all", 1, 1)


def test_the_global_control_is_compared_by_its_own_odds(store: sa.Engine, orders: Orders) -> None:
    treated = [(f"t{n}", "treated") for n in range(49)]
    issued(store, "2026-W10", date(2026, 3, 2), *treated, ("g", "global"), ("h", "global"), ("c", "control"), ("d", "control"))
    found = earned(with_outcomes(issued_rows(store), orders([("g", "2026-03-05", 1.0)]), UNTIL, 1.0))
    by = {each.scope: each for each in found}
    assert (by["all"].treated, by["all"].control) == (49, 2)
    assert (by["global"].treated, by["global"].control) == (49, 2)
    assert by["global"].orders is not None
    assert by["global"].orders.mean == pytest.approx(-0.5)


def test_a_customer_is_enrolled_once_per_window(store: sa.Engine) -> None:
    for week, day in (("2026-W10", date(2026, 3, 2)), ("2026-W12", date(2026, 3, 16)), ("2026-W15", date(2026, 4, 6))):
        issued(store, week, day, ("a", "treated"))
    assert enrolments(issued_rows(store))["week"].to_list() == ["2026-W10", "2026-W15"]


def test_groups_are_compared_as_assigned(store: sa.Engine, orders: Orders) -> None:
    treated, control = [(f"t{n}", "treated") for n in range(40)], [(f"c{n}", "control") for n in range(10)]
    one = issued(store, "2026-W10", date(2026, 3, 2), *treated, *control)
    lines = [(f"t{n}", "2026-03-05", 10.0) for n in range(30)] + [(f"c{n}", "2026-03-05", 10.0) for n in range(5)]
    found = earned(with_outcomes(issued_rows(store), orders(lines), UNTIL, 1.0))
    by = {(each.scope, each.name): each for each in found}
    assert [each.scope for each in found] == ["all", "kind", "action", "segment", "cumulated", "list"]
    whole = by["list", one]
    assert whole.orders is not None
    assert whole.profit is not None
    assert whole.orders.mean == pytest.approx(0.75 - 0.5)
    assert whole.profit.mean == pytest.approx(7.5 - 2 - 5.0)
    assert (whole.treated, whole.control, whole.closed, whole.expected_gain) == (40, 10, 1.0, 1.0)
    assert whole.is_too_small
    assert whole.more is not None
    assert whole.more > 0
    assert whole.verdict == f"not yet: {whole.more:,} more customers"
    assert f"About {whole.more:,} more customers, split the same way" in str(whole.caution)
    assert "it is not there" in str(replace(whole, more=0).caution)
    assert "no gain was expected" in str(replace(whole, more=None).caution)
    assert "40 treated and 10 held out; an arm needs two" in str(replace(whole, profit=None).caution)
    assert replace(whole, more=0).verdict == "less than was expected"
    assert replace(whole, more=None).verdict == "not told, and no gain was expected"
    assert replace(whole, profit=None).verdict == "too few customers"
    assert whole.as_dict()["verdict"] == whole.verdict
    assert whole.total == pytest.approx(tuple(40 * each for each in (whole.profit.mean, whole.profit.low, whole.profit.high)))


def test_the_figures_are_kept_for_the_page(store: sa.Engine, orders: Orders) -> None:
    with pytest.raises(NoListsError, match="No list was issued before 2026-06-01"):
        measure_outcomes(store, orders([("a", "2026-03-05", 1.0)]), UNTIL, 1.0)
    issued(store, "2026-W10", date(2026, 3, 2), ("a", "treated"), ("b", "control"))
    found = measure_outcomes(store, orders([("a", "2026-03-05", 1.0)]), UNTIL, 1.0)
    for _ in range(2):
        keep_outcomes(store, found, UNTIL, datetime(2026, 6, 1, 8))
    kept = read_report(store, "outcomes")
    assert kept is not None
    assert (kept[0], kept[1]["until"], len(kept[1]["earned"])) == (datetime(2026, 6, 1, 8), "2026-06-01", len(found))
    assert kept[1]["earned"][0]["profit"] is None  # one in each arm tells nothing
