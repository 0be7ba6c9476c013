"""The plan of a week and the customer's page agree on who is not to be contacted, and until when."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest
import sqlalchemy as sa

from serving.lists.holds import hold_of_customer
from serving.schemas.iso_weeks import week_of
from serving.schemas.list_kind import TARGET_BY_KIND, ListKind
from serving.schemas.lists import EXPECTED_COLUMNS, LIST_COLUMNS
from serving.store.lists.issued import IssuedList
from serving.store.lists.issuing import store_list
from serving.store.lists.of_customers import customer_list_rows, earlier_rows
from serving.store.targets import CANDIDATE_COLUMNS
from serving.targeting.exclusions import Exclusion
from serving.targeting.plan import ListBounds, PlanInputs, make_plan
from serving.targeting.rules import Target
from settings.sections import Action, Targeting

START = date(2026, 3, 2)  # a Monday
PAUSE, HOLD = 14, 30
TARGETING = Targeting(
    control_share=0.0,
    global_control_share=0.0,
    pause_days=PAUSE,
    control_hold_days=HOLD,
    actions=(Action("mail", "retention", cost=1.0, save_rate=0.1), Action("apology", "recovery", cost=1.0, save_rate=0.1)),
)


def issue_list(store: sa.Engine, kind: ListKind, arm: str, start: date = START) -> None:
    """Issue a list of one customer, whose data are as of `start`."""
    list_id, week = f"{kind}-{week_of(start)}-run1", week_of(start)
    issued = IssuedList(
        list_id=list_id,
        number=1,
        kind=kind,
        week=week,
        run_id=1,
        data_as_of=start,
        model_version="1",
        horizon_days=90,
        row_limit=None,
        budget=None,
        content=list_id,
        rows=1,
        issued_at=datetime(2026, 3, 2),
        issued_by="ann",
    )
    row = {"list_id": list_id, "week": week, "rank": 1, "customer_id": "a", "arm": arm, "action": "mail", "data_as_of": start}
    schema = LIST_COLUMNS | EXPECTED_COLUMNS
    store_list(store, issued, pl.DataFrame([{name: row.get(name) for name in schema}], schema=schema))


def exclusion_in_plan(store: sa.Engine, target: Target, today: date) -> str | None:
    """Return why the plan of the week of `today`, from a new run, has the customer on no list."""
    customer = {"customer_id": "a", "status": "existing", "orders": 4, "p_churn": 0.8, "value_at_risk": 80.0} | {
        "value_if_stays": 100.0,
        "value_if_leaves": 0.0,
        "target": target,
        "relationship_level": "basic",
        "open_complaints": 1,
    }
    customers = pl.DataFrame([{name: customer.get(name) for name in CANDIDATE_COLUMNS}], schema=CANDIDATE_COLUMNS)
    inputs = PlanInputs(
        targeting=TARGETING,
        key=b"k" * 32,
        draws=dict.fromkeys(TARGET_BY_KIND.values(), "draw"),
        bounds=dict.fromkeys(TARGET_BY_KIND.values(), ListBounds(None)),
        control_hold_days=HOLD,
    )
    earlier = earlier_rows(store, week_of(today), today, PAUSE, HOLD)
    left_out = make_plan(customers, earlier, pl.lit(value=False), inputs).frame["left_out"].item()
    return None if left_out is None else str(left_out)


@pytest.mark.parametrize(
    ("arm", "days", "expected"),
    [
        ("treated", 0, Exclusion.CONTACTED),
        ("treated", PAUSE - 1, Exclusion.CONTACTED),
        ("treated", PAUSE, None),
        ("control", 0, Exclusion.HELD_OUT),
        ("control", HOLD - 1, Exclusion.HELD_OUT),
        ("control", HOLD, None),
    ],
)
@pytest.mark.parametrize(("kind", "target"), [(ListKind.WIN_BACK, Target.RETENTION), (ListKind.RECOVERY, Target.RECOVERY)])
def test_plan_and_page_agree_on_the_first_and_last_day_of_a_hold(
    store: sa.Engine, kind: ListKind, target: Target, arm: str, days: int, expected: Exclusion | None
) -> None:
    issue_list(store, kind, arm)
    today = START + timedelta(days=days)
    is_own_list = days == 0 and TARGET_BY_KIND[kind] == target
    hold = hold_of_customer(customer_list_rows(store, "a"), target, today, TARGETING)
    if is_own_list and arm == "treated":
        assert (exclusion_in_plan(store, target, today), hold) == (None, None)
    elif is_own_list:
        assert exclusion_in_plan(store, target, today) is None  # the same draw holds the customer out again
        assert hold is not None
    else:
        assert exclusion_in_plan(store, target, today) == expected
        assert (hold is None) == (expected is None)
    if hold is not None:
        assert hold.is_control == (arm == "control")
        assert hold.until == START + timedelta(days=HOLD if arm == "control" else PAUSE)


@pytest.mark.parametrize("days", [0, 6])
def test_this_weeks_own_list_does_not_pause_in_plan_or_page(store: sa.Engine, days: int) -> None:
    issue_list(store, ListKind.AT_RISK, "treated")
    today = START + timedelta(days=days)
    assert exclusion_in_plan(store, Target.RETENTION, today) is None
    assert hold_of_customer(customer_list_rows(store, "a"), Target.RETENTION, today, TARGETING) is None


@pytest.mark.parametrize(("kind", "target"), [(ListKind.WIN_BACK, Target.RECOVERY), (ListKind.RECOVERY, Target.RETENTION)])
def test_service_and_marketing_do_not_hold_each_other_back(store: sa.Engine, kind: ListKind, target: Target) -> None:
    issue_list(store, kind, "control")
    today = START + timedelta(days=7)
    assert exclusion_in_plan(store, target, today) is None
    assert hold_of_customer(customer_list_rows(store, "a"), target, today, TARGETING) is None


def test_the_control_group_comes_before_a_pause_and_a_list_of_the_next_week_holds_already(store: sa.Engine) -> None:
    issue_list(store, ListKind.AT_RISK, "treated")
    issue_list(store, ListKind.WIN_BACK, "control", start=START + timedelta(days=7))
    hold = hold_of_customer(customer_list_rows(store, "a"), Target.RETENTION, START + timedelta(days=6), TARGETING)
    assert hold is not None
    assert (hold.is_control, hold.days, hold.until) == (True, 0, START + timedelta(days=7 + HOLD))
