from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from serving.targeting.choice import choose_actions
from settings.sections import Action, Targeting

ACTIONS = (
    Action("mail", "retention", cost=1.0, save_rate=0.1, effect="share"),
    Action("call", "retention", cost=10.0, save_rate=0.3, effect="share"),
    Action("return", "win_back", cost=2.0, save_rate=0.05, effect="share"),
    Action("apology", "recovery", cost=15.0, save_rate=0.2, effect="share"),
)
CUSTOMER: dict[str, Any] = {
    "status": "existing",
    "p_churn": 0.8,
    "value_if_stays": 100.0,
    "value_if_leaves": 20.0,
    "open_complaints": 0.0,
    "last_settled_satisfied": None,
    "last_settled_days": None,
    "may_contact": True,
    "consent_uncertain": False,
    "relationship_level": "reactive",
    "orders": 3,
}


def chosen(actions: tuple[Action, ...] = ACTIONS, **changes: Any) -> tuple[Any, ...]:  # noqa: ANN401  # any cell
    schema = {"last_settled_satisfied": pl.Int64, "last_settled_days": pl.Int64, "open_complaints": pl.Float64}
    row = pl.DataFrame([CUSTOMER | changes], schema_overrides=schema)
    return (
        choose_actions(row, Targeting(actions=actions), at_risk_from=0.5).select("action", "action_cost", "expected_gain").row(0)
    )


def test_the_gain_is_the_averted_loss_minus_the_cost_and_the_best_action_wins() -> None:
    assert chosen() == ("call", 10.0, pytest.approx(0.8 * 0.3 * 80 - 10))
    assert chosen(value_if_stays=50.0) == ("mail", 1.0, pytest.approx(0.8 * 0.1 * 30 - 1))


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({"may_contact": False}, "none"),
        ({"p_churn": 0.49}, "none"),
        ({"p_churn": 0.5, "value_if_stays": 1000.0}, "call"),
        ({"value_if_stays": 25.0}, "none"),
        ({"status": "former"}, "return"),
        ({"status": "former", "value_if_stays": 21.0}, "none"),
        ({"open_complaints": 1.0}, "apology"),
        ({"open_complaints": 1.0, "may_contact": False}, "none"),
        ({"open_complaints": 1.0, "p_churn": 0.01}, "apology"),
        ({"last_settled_satisfied": 0, "last_settled_days": 3}, "apology"),
        ({"last_settled_satisfied": 0, "last_settled_days": 400}, "call"),
        ({"last_settled_satisfied": 1, "last_settled_days": 3}, "call"),
        ({"open_complaints": None}, "call"),
    ],
)
def test_rules_come_before_gains(changes: dict[str, Any], action: str) -> None:
    assert chosen(**changes)[0] == action


def test_with_effect_odds_a_wavering_customer_comes_before_one_who_is_almost_certain_to_leave() -> None:
    odds_actions = tuple(replace(action, effect="odds") for action in ACTIONS)
    leaving, wavering = (chosen(odds_actions, p_churn=p, value_if_stays=220.0)[2] for p in (0.99, 0.6))
    assert wavering > leaving
    assert wavering == pytest.approx(2 * 0.3 * 0.6 * 0.4 / (1 - 0.3 * 0.2) * 200 - 10)
    assert chosen(p_churn=0.99, value_if_stays=220.0)[2] > chosen(p_churn=0.6, value_if_stays=220.0)[2]


def test_without_actions_the_choice_is_none() -> None:
    assert chosen(actions=()) == ("none", 0.0, 0.0)


def test_refused_and_uncertain_consent_are_told_apart() -> None:
    changes = [{}, {"may_contact": False}, {"may_contact": False, "consent_uncertain": True}]
    schema = {"last_settled_satisfied": pl.Int64, "last_settled_days": pl.Int64}
    rows = pl.DataFrame([CUSTOMER | change for change in changes], schema_overrides=schema)
    assert choose_actions(rows, Targeting(actions=ACTIONS), at_risk_from=0.5)["barred"].to_list() == [
        None,
        "no_consent",
        "uncertain_consent",
    ]
