from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from serving.store.issued import EARLIER
from serving.store.targets import SCHEMA
from serving.targeting.curve import curve
from serving.targeting.exclusions import Exclusion, exclusion_sentence
from serving.targeting.plan import ListBounds, Plan, PlanInputs, make_plan
from serving.targeting.rules import Target
from settings.sections import Action, Caps, Targeting

ACTIONS = (
    Action("mail", "retention", cost=1.0, save_rate=0.1),
    Action("call", "retention", cost=10.0, save_rate=0.3, owner="desk", level="accountable"),
    Action("return", "win_back", cost=2.0, save_rate=0.05, buyers="repeat"),
    Action("apology", "recovery", cost=15.0, save_rate=0.2, owner="service"),
)
NOTHING = Targeting(control_share=0.0, global_control_share=0.0, actions=ACTIONS)
BLANK: dict[str, Any] = {
    "status": "existing",
    "lifecycle_stage": "repeat",
    "relationship_level": "basic",
    "loyalty_segment": "split",
    "recency_days": 80,
    "orders": 4,
    "p_churn": 0.8,
    "value_at_risk": 80.0,
    "target": "retention",
}


def customers(*rows: dict[str, Any]) -> pl.DataFrame:
    told = [{"customer_id": f"c{n}"} | BLANK | row for n, row in enumerate(rows)]
    return pl.DataFrame([{name: row.get(name) for name in SCHEMA} for row in told], schema=SCHEMA)


def earlier(*rows: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=EARLIER, orient="row")


def planned(
    people: pl.DataFrame,
    targeting: Targeting = NOTHING,
    past: pl.DataFrame | None = None,
    withheld: tuple[str, ...] = (),
    budget: float | None = None,
    limit: int | None = None,
) -> Plan:
    targets = (Target.RECOVERY, Target.RETENTION, Target.WIN_BACK)
    draws, wanted = {each: f"{each}-w" for each in targets}, dict.fromkeys(targets, ListBounds(budget, limit))
    terms = PlanInputs(targeting, b"k" * 32, draws, wanted, 90)
    gone = pl.col("customer_id").is_in(list(withheld))
    return make_plan(people, earlier() if past is None else past, gone, terms)


def fates(plan: Plan) -> dict[str, str | None]:
    return dict(plan.frame.sort("customer_id").select("customer_id", "left_out").iter_rows())


def test_the_gain_is_what_is_averted_times_what_a_kept_customer_is_worth_less_the_cost() -> None:
    plan = planned(customers({}, {"relationship_level": "partnership"}, {"value_at_risk": 5.0}))
    told = plan.frame.sort("customer_id").select("action", "action_cost", "expected_gain", "averted", "basis", "owner").rows()
    assert told[0] == ("mail", 1.0, pytest.approx(0.1 * 80 - 1), pytest.approx(0.08), "assumed", "marketing")
    assert told[1] == ("call", 10.0, pytest.approx(0.3 * 80 - 10), pytest.approx(0.24), "assumed", "desk")
    assert told[2][0] is None
    assert fates(plan)["c2"] == Exclusion.NOT_WORTH_IT


def test_what_was_measured_takes_the_place_of_what_was_assumed() -> None:
    plan = planned(customers({"averted": '{"mail": 0.02, "call": null}'}, {}))
    first, second = plan.frame.sort("customer_id").select("expected_gain", "basis").rows()
    assert first == (pytest.approx(0.02 * 100 - 1), "measured")
    assert second == (pytest.approx(0.1 * 80 - 1), "assumed")


def test_everybody_is_on_a_list_or_left_out_for_one_reason() -> None:
    plan = planned(
        customers(
            {},
            {"barred": "no_consent"},
            {"contacted_days": 13},
            {"contacted_days": 14},
            {"target": "win_back", "status": "former", "orders": 1},
            {"value_at_risk": 1.0},
            {},
        ),
        withheld=("c6",),
    )
    assert fates(plan) == {
        "c0": None,
        "c1": Exclusion.NO_CONSENT,
        "c2": Exclusion.CONTACTED,
        "c3": None,
        "c4": Exclusion.NO_ACTION,
        "c5": Exclusion.NOT_WORTH_IT,
        "c6": Exclusion.OBJECTED,
    }


def test_marketing_waits_after_its_own_lists_and_service_after_its_own() -> None:
    asked = {"target": "recovery", "open_complaints": 1}
    plan = planned(
        customers({}, {}, {}, asked, asked | {"contacted_days": 1}, {}, asked, {"target": "recovery"}),
        past=earlier(
            ("c0", "retention", "treated", 13, 90, False),
            ("c1", "win_back", "treated", 14, 90, False),
            ("c2", "retention", "control", 89, 90, False),
            ("c3", "recovery", "treated", 3, 90, False),
            ("c4", "retention", "treated", 3, 90, False),
            ("c5", "retention", "treated", 0, 90, True),
            ("c6", "recovery", "treated", 20, 90, False),
            ("c7", "recovery", "treated", 20, 90, False),
        ),
    )
    assert fates(plan) == {
        "c0": Exclusion.CONTACTED,
        "c1": None,
        "c2": Exclusion.HELD_OUT,
        "c3": Exclusion.CONTACTED,
        "c4": None,
        "c6": None,
        "c7": Exclusion.ANSWERED,
        "c5": None,  # the same list of the same week, made anew
    }


def test_a_household_is_contacted_once_by_the_list_that_comes_first() -> None:
    plan = planned(
        customers(
            {"household": 1, "value_at_risk": 500.0},
            {"household": 1, "target": "recovery"},
            {"household": 2},
            {"household": 2, "value_at_risk": 90.0, "contact_point": 7},
            {"contact_point": 7, "value_at_risk": 99.0},
        )
    )
    expected = {"c0": Exclusion.HOUSEHOLD, "c1": None, "c2": Exclusion.HOUSEHOLD, "c3": Exclusion.HOUSEHOLD, "c4": None}
    assert fates(plan) == expected


def test_what_one_of_an_address_got_the_others_got_too() -> None:
    plan = planned(
        customers({"contact_point": 1}, {"contact_point": 1}, {"household": 2, "contacted_days": 1}, {"household": 2}),
        past=earlier(("c0", "retention", "control", 7, 90, False)),
    )
    assert fates(plan) == {
        "c0": Exclusion.HELD_OUT,
        "c1": Exclusion.HELD_OUT,
        "c2": Exclusion.CONTACTED,
        "c3": Exclusion.CONTACTED,
    }


def test_who_is_held_out_stays_so_for_the_time_of_that_list() -> None:
    past = earlier(("c0", "retention", "control", 40, 30, False), ("c1", "retention", "control", 40, 41, False))
    assert fates(planned(customers({}, {}), past=past)) == {"c0": None, "c1": Exclusion.HELD_OUT}


def test_a_list_made_anew_in_its_week_does_not_wait_after_itself() -> None:
    past = earlier(("c0", "retention", "treated", 2, 90, True), ("c1", "retention", "treated", 2, 90, True))
    found = fates(planned(customers({"contacted_days": 2}, {"contacted_days": 1}), past=past))
    assert found == {"c0": None, "c1": Exclusion.CONTACTED}


def test_an_owner_is_not_given_more_than_asked_by_a_budget_either() -> None:
    people = customers(*({"relationship_level": "partnership", "value_at_risk": 50.0 + n} for n in range(12)))
    both = replace(NOTHING, caps=Caps(owner={"marketing": 2}))
    listed = planned(people, both, budget=40.0).frame.filter(pl.col("left_out").is_null())
    assert listed.filter(owner="marketing").height <= 2


@pytest.mark.parametrize(
    ("caps", "left", "why"),
    [
        (Caps(week=3), ["c1", "c2"], Exclusion.CAP_WEEK),
        (Caps(owner={"marketing": 2}), ["c1", "c2"], Exclusion.CAP_OWNER),
        (Caps(segment={"split": 4}), ["c1"], Exclusion.CAP_SEGMENT),
        (Caps(one_time=1), ["c2"], Exclusion.CAP_ONE_TIME),
    ],
)
def test_caps_keep_the_most_gainful_and_service_first(caps: Caps, left: list[str], why: Exclusion) -> None:
    people = customers(
        {"target": "recovery", "value_at_risk": 1.0},
        {"value_at_risk": 50.0},
        {"value_at_risk": 60.0, "orders": 1},
        {"value_at_risk": 70.0, "orders": 1},
        {"value_at_risk": 80.0},
    )
    found = fates(planned(people, replace(NOTHING, caps=caps)))
    assert {who: reason for who, reason in found.items() if reason} == dict.fromkeys(left, why)


def test_those_held_out_use_up_neither_budget_nor_cap() -> None:
    people = customers(*({"value_at_risk": 80.0 + n} for n in range(60)))
    half = replace(NOTHING, control_share=0.5, caps=Caps(week=20))
    plan = planned(people, half, budget=12.0)
    listed = plan.frame.filter(pl.col("left_out").is_null())
    assert (listed["arm"] == "treated").sum() == 12
    assert (listed["arm"] == "control").sum() > 2
    assert plan.frame.select(pl.col("left_out").is_in([Exclusion.BUDGET, Exclusion.CAP_WEEK]).sum()).item() == 60 - listed.height
    assert (
        listed["expected_gain"].min()
        > plan.frame.filter(left_out="budget").select(pl.col("value_at_risk") * 0.1 - 1).max().item()
    )  # type: ignore[operator]


def test_a_limit_keeps_the_first_rows() -> None:
    plan = planned(customers({"value_at_risk": 90.0}, {"value_at_risk": 95.0}, {"value_at_risk": 99.0}), limit=2)
    assert fates(plan) == {"c0": Exclusion.LIMIT, "c1": None, "c2": None}


def test_the_curve_rises_to_the_point_where_the_next_unit_no_longer_pays() -> None:
    people = customers({"value_at_risk": 100.0}, {"value_at_risk": 50.0}, {"value_at_risk": 5.0})
    plan = planned(people)
    found = curve(plan.frame, plan.spending_order[Target.RETENTION])
    assert found.spent == [0.0, 1.0, 2.0, 3.0]
    assert found.contacts == [0, 1, 2, 3]
    assert found.profit == pytest.approx([0.0, 9.0, 13.0, 12.5])
    assert found.saved == pytest.approx([0.0, 0.08, 0.16, 0.24])
    assert found.best_budget == 2.0
    assert found.at(1.5) == pytest.approx((1.5, 1.5, 0.12, 11.0))
    assert found.at(99.0)[0] == 3.0


def test_nobody_to_act_on_is_a_plan_too() -> None:
    plan = planned(customers())
    assert plan.frame.is_empty()
    assert curve(plan.frame, plan.spending_order[Target.RETENTION]).profit == [0.0]


def test_every_reason_has_a_sentence() -> None:
    assert exclusion_sentence("contacted", 312, NOTHING) == "312 were contacted in the last 14 days"
    assert all(exclusion_sentence(each, 1, NOTHING) for each in Exclusion)
