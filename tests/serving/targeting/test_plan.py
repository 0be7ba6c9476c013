from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from serving.store.lists.of_customers import EARLIER_COLUMNS
from serving.store.targets import CANDIDATE_COLUMNS
from serving.targeting.curve import profit_curve
from serving.targeting.evidence import Trial, gains_at
from serving.targeting.exclusions import Exclusion, exclusion_sentence
from serving.targeting.plan import ListBounds, Plan, PlanInputs, make_plan
from serving.targeting.rules import Target
from settings.sections import Action, Caps, Targeting

ACTIONS = (
    Action("mail", "retention", cost=1.0, save_rate=0.1, effect="share"),
    Action("call", "retention", cost=10.0, save_rate=0.3, owner="desk", level="accountable", effect="share"),
    Action("return", "win_back", cost=2.0, save_rate=0.05, buyers="repeat", effect="share"),
    Action("apology", "recovery", cost=15.0, save_rate=0.2, owner="service", effect="share"),
)
NO_CONTROL = Targeting(control_share=0.0, global_control_share=0.0, actions=ACTIONS)
CUSTOMER: dict[str, Any] = {
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


def with_values(row: dict[str, Any]) -> dict[str, Any]:
    """Add the values behind value_at_risk = p_churn (value_if_stays - value_if_leaves)."""
    return {"value_if_stays": row["value_at_risk"] / row["p_churn"], "value_if_leaves": 0.0} | row


def customers(*rows: dict[str, Any]) -> pl.DataFrame:
    cells = [with_values({"customer_id": f"c{n}"} | CUSTOMER | row) for n, row in enumerate(rows)]
    return pl.DataFrame([{name: row.get(name) for name in CANDIDATE_COLUMNS} for row in cells], schema=CANDIDATE_COLUMNS)


def earlier_lists(*rows: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame([(*row, None) for row in rows], schema=EARLIER_COLUMNS, orient="row")


def plan_customers(
    people: pl.DataFrame,
    targeting: Targeting = NO_CONTROL,
    earlier: pl.DataFrame | None = None,
    withheld: tuple[str, ...] = (),
    budget: float | None = None,
    limit: int | None = None,
) -> Plan:
    targets = (Target.RECOVERY, Target.RETENTION, Target.WIN_BACK)
    inputs = PlanInputs(
        targeting=targeting,
        key=b"k" * 32,
        draws={target: f"{target}-w" for target in targets},
        bounds=dict.fromkeys(targets, ListBounds(budget, limit)),
        control_hold_days=90,
    )
    is_withheld = pl.col("customer_id").is_in(list(withheld))
    return make_plan(people, earlier_lists() if earlier is None else earlier, is_withheld, inputs)


def exclusions(plan: Plan) -> dict[str, str | None]:
    return dict(plan.frame.sort("customer_id").select("customer_id", "left_out").iter_rows())


def test_the_gain_is_averted_risk_times_saved_value_minus_cost() -> None:
    plan = plan_customers(customers({}, {"relationship_level": "partnership"}, {"value_at_risk": 5.0}))
    rows = plan.frame.sort("customer_id").select("action", "action_cost", "expected_gain", "averted", "basis", "owner").rows()
    assert rows[0] == ("mail", 1.0, pytest.approx(0.1 * 80 - 1), pytest.approx(0.08), "assumed", "marketing")
    assert rows[1] == ("call", 10.0, pytest.approx(0.3 * 80 - 10), pytest.approx(0.24), "assumed", "desk")
    assert rows[2][0] is None
    assert exclusions(plan)["c2"] == Exclusion.NOT_WORTH_IT


def test_a_measured_effect_replaces_the_assumed_one() -> None:
    plan = plan_customers(customers({"averted": '{"mail": 0.02, "call": null}'}, {}))
    first, second = plan.frame.sort("customer_id").select("expected_gain", "basis").rows()
    assert first == (pytest.approx(0.02 * 100 - 1), "measured")
    assert second == (pytest.approx(0.1 * 80 - 1), "assumed")


def test_every_customer_is_on_a_list_or_excluded_for_one_reason() -> None:
    plan = plan_customers(
        customers(
            {},
            {"barred": "no_consent"},
            {"contacted_days": 13},
            {"contacted_days": 14},
            {"target": "win_back", "status": "former", "orders": 1},
            {"value_at_risk": 1.0},
            {},
            {"barred": "uncertain_consent"},
        ),
        withheld=("c6",),
    )
    assert exclusions(plan) == {
        "c0": None,
        "c1": Exclusion.NO_CONSENT,
        "c2": Exclusion.CONTACTED,
        "c3": None,
        "c4": Exclusion.NO_ACTION,
        "c5": Exclusion.NOT_WORTH_IT,
        "c6": Exclusion.OBJECTED,
        "c7": Exclusion.UNCERTAIN_CONSENT,
    }


def test_marketing_and_service_each_pause_after_their_own_lists() -> None:
    complaint = {"target": "recovery", "open_complaints": 1}
    plan = plan_customers(
        customers({}, {}, {}, complaint, complaint | {"contacted_days": 1}, {}, complaint, {"target": "recovery"}),
        earlier=earlier_lists(
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
    assert exclusions(plan) == {
        "c0": Exclusion.CONTACTED,
        "c1": None,
        "c2": Exclusion.HELD_OUT,
        "c3": Exclusion.CONTACTED,
        "c4": None,
        "c6": None,
        "c7": Exclusion.ANSWERED,
        "c5": None,  # the same list of the same week, issued again
    }


def test_a_household_is_contacted_once_by_the_first_list() -> None:
    plan = plan_customers(
        customers(
            {"household": 1, "value_at_risk": 500.0},
            {"household": 1, "target": "recovery"},
            {"household": 2},
            {"household": 2, "value_at_risk": 90.0, "contact_point": 7},
            {"contact_point": 7, "value_at_risk": 99.0},
        )
    )
    expected = {"c0": Exclusion.HOUSEHOLD, "c1": None, "c2": Exclusion.HOUSEHOLD, "c3": Exclusion.HOUSEHOLD, "c4": None}
    assert exclusions(plan) == expected


def test_customers_with_the_same_address_share_contacts_and_holds() -> None:
    plan = plan_customers(
        customers({"contact_point": 1}, {"contact_point": 1}, {"household": 2, "contacted_days": 1}, {"household": 2}),
        earlier=earlier_lists(("c0", "retention", "control", 7, 90, False)),
    )
    assert exclusions(plan) == {
        "c0": Exclusion.HELD_OUT,
        "c1": Exclusion.HELD_OUT,
        "c2": Exclusion.CONTACTED,
        "c3": Exclusion.CONTACTED,
    }


def test_control_customers_stay_held_out_for_the_hold_of_their_list() -> None:
    earlier = earlier_lists(("c0", "retention", "control", 40, 30, False), ("c1", "retention", "control", 40, 41, False))
    assert exclusions(plan_customers(customers({}, {}), earlier=earlier)) == {"c0": None, "c1": Exclusion.HELD_OUT}


def test_a_list_issued_again_in_its_week_does_not_pause_after_itself() -> None:
    earlier = earlier_lists(("c0", "retention", "treated", 2, 90, True), ("c1", "retention", "treated", 2, 90, True))
    actual = exclusions(plan_customers(customers({"contacted_days": 2}, {"contacted_days": 1}), earlier=earlier))
    assert actual == {"c0": None, "c1": Exclusion.CONTACTED}


def test_the_cap_of_an_owner_also_holds_with_a_budget() -> None:
    people = customers(*({"relationship_level": "partnership", "value_at_risk": 50.0 + n} for n in range(12)))
    capped = replace(NO_CONTROL, caps=Caps(owner={"marketing": 2}))
    listed = plan_customers(people, capped, budget=40.0).frame.filter(pl.col("left_out").is_null())
    assert listed.filter(owner="marketing").height <= 2


@pytest.mark.parametrize(
    ("caps", "excluded", "reason"),
    [
        (Caps(week=3), ["c1", "c2"], Exclusion.CAP_WEEK),
        (Caps(owner={"marketing": 2}), ["c1", "c2"], Exclusion.CAP_OWNER),
        (Caps(segment={"split": 4}), ["c1"], Exclusion.CAP_SEGMENT),
        (Caps(one_time=1), ["c2"], Exclusion.CAP_ONE_TIME),
    ],
)
def test_caps_keep_service_first_and_then_the_largest_gains(caps: Caps, excluded: list[str], reason: Exclusion) -> None:
    people = customers(
        {"target": "recovery", "value_at_risk": 1.0},
        {"value_at_risk": 50.0},
        {"value_at_risk": 60.0, "orders": 1},
        {"value_at_risk": 70.0, "orders": 1},
        {"value_at_risk": 80.0},
    )
    actual = exclusions(plan_customers(people, replace(NO_CONTROL, caps=caps)))
    assert {customer: left_out for customer, left_out in actual.items() if left_out} == dict.fromkeys(excluded, reason)


def test_the_control_group_uses_up_neither_budget_nor_cap() -> None:
    people = customers(*({"value_at_risk": 80.0 + n} for n in range(60)))
    half_held_out = replace(NO_CONTROL, control_share=0.5, caps=Caps(week=20))
    plan = plan_customers(people, half_held_out, budget=12.0)
    listed = plan.frame.filter(pl.col("left_out").is_null())
    assert (listed["arm"] == "treated").sum() == 12
    assert (listed["arm"] == "control").sum() > 2
    assert plan.frame.select(pl.col("left_out").is_in([Exclusion.BUDGET, Exclusion.CAP_WEEK]).sum()).item() == 60 - listed.height
    assert (
        listed["expected_gain"].min()
        > plan.frame.filter(left_out="budget").select(pl.col("value_at_risk") * 0.1 - 1).max().item()
    )  # type: ignore[operator]


def test_a_limit_keeps_the_first_rows() -> None:
    plan = plan_customers(customers({"value_at_risk": 90.0}, {"value_at_risk": 95.0}, {"value_at_risk": 99.0}), limit=2)
    assert exclusions(plan) == {"c0": Exclusion.LIMIT, "c1": None, "c2": None}


def test_the_curve_has_its_highest_profit_at_the_best_budget() -> None:
    people = customers({"value_at_risk": 100.0}, {"value_at_risk": 50.0}, {"value_at_risk": 5.0})
    plan = plan_customers(people)
    curve = profit_curve(plan.frame, plan.spending_order[Target.RETENTION])
    assert curve.spent == [0.0, 1.0, 2.0, 3.0]
    assert curve.contacts == [0, 1, 2, 3]
    assert curve.profit == pytest.approx([0.0, 9.0, 13.0, 12.5])
    assert curve.saved == pytest.approx([0.0, 0.08, 0.16, 0.24])
    assert curve.best_budget == 2.0
    assert curve.at(1.5) == pytest.approx((1.5, 1.5, 0.12, 11.0))
    assert curve.at(99.0)[0] == 3.0


def test_a_plan_without_customers_is_empty() -> None:
    plan = plan_customers(customers())
    assert plan.frame.is_empty()
    assert profit_curve(plan.frame, plan.spending_order[Target.RETENTION]).profit == [0.0]


def test_every_exclusion_has_a_sentence() -> None:
    assert exclusion_sentence("contacted", 312, NO_CONTROL) == "312 were contacted in the last 14 days"
    assert all(exclusion_sentence(exclusion, 1, NO_CONTROL) for exclusion in Exclusion)


def test_the_curve_has_the_profit_at_both_ends_of_the_measured_effects() -> None:
    plan = plan_customers(customers({}, {}, {"value_at_risk": 40.0}))
    trials = {"mail": Trial(contacts=900, mean=0.0, low=-0.02, high=0.05)}
    bounds = [gains_at(plan.frame, ACTIONS, trials, end) for end in ("low", "high")]
    curve = profit_curve(plan.frame, plan.spending_order[Target.RETENTION], bounds)
    low, high = curve.range_at(curve.spent[-1]) or (0.0, 0.0)
    treated = plan.frame.filter(arm="treated")
    saved = treated.filter(target="retention")["saved_value"].sum()
    assert low == pytest.approx(-0.02 * saved - curve.spent[-1])
    assert high == pytest.approx(0.05 * saved - curve.spent[-1])
    assert curve.range_at(0.0) == (0.0, 0.0)
    assert profit_curve(plan.frame, plan.spending_order[Target.RETENTION]).range_at(1.0) is None
