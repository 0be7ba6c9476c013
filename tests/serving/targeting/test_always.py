"""Answers to complaints: whatever they gain, or with `always = false` only if they are expected to gain."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from serving.lists.summary import losing_sentence
from serving.targeting.choice import choose_actions
from serving.targeting.expected_gain import acceptable_gain
from serving.targeting.plan import _offered_gains
from serving.targeting.rules import Target
from settings.errors import SettingsError
from settings.load import load_settings
from settings.sections import Action, Targeting

APOLOGY = Action("apology", "recovery", cost=15.0, save_rate=0.2, effect="share")
CUSTOMER: dict[str, Any] = {
    "status": "existing",
    "p_churn": 0.8,
    "value_if_stays": 100.0,
    "value_if_leaves": 20.0,
    "open_complaints": 1.0,
    "last_settled_satisfied": None,
    "last_settled_days": None,
    "may_contact": True,
    "consent_uncertain": False,
    "relationship_level": "reactive",
    "orders": 3,
}


def chosen(*actions: Action, **changes: Any) -> tuple[Any, ...]:  # noqa: ANN401  # any cell
    schema = {"last_settled_satisfied": pl.Int64, "last_settled_days": pl.Int64}
    row = pl.DataFrame([CUSTOMER | changes], schema_overrides=schema)
    return choose_actions(row, Targeting(actions=actions), at_risk_from=0.5).select("action", "expected_gain").row(0)


def test_a_complaint_is_answered_at_a_loss_unless_always_is_false() -> None:
    assert chosen(APOLOGY) == ("apology", pytest.approx(0.8 * 0.2 * 80 - 15))
    assert chosen(replace(APOLOGY, always=True))[0] == "apology"
    assert chosen(replace(APOLOGY, always=False)) == ("none", 0.0)
    assert chosen(replace(APOLOGY, always=False), value_if_stays=200.0)[0] == "apology"


def test_of_two_answers_the_one_that_may_lose_remains() -> None:
    letter = Action("letter", "recovery", cost=30.0, save_rate=0.1, effect="share")
    assert chosen(letter, replace(APOLOGY, always=False)) == ("letter", pytest.approx(0.8 * 0.1 * 80 - 30))
    assert chosen(letter, replace(APOLOGY, always=False), value_if_stays=200.0)[0] == "apology"


def test_plans_offer_what_the_choice_would_take() -> None:
    actions = (APOLOGY, replace(APOLOGY, name="voucher", always=False))
    gains = np.array([[-2.0, -1.0], [-2.0, 3.0], [np.nan, 0.0]])
    expected = np.array([[-2.0, np.nan], [-2.0, 3.0], [np.nan, np.nan]])
    np.testing.assert_array_equal(_offered_gains(Target.RECOVERY, actions, gains), expected)
    np.testing.assert_array_equal(_offered_gains(Target.RETENTION, actions, gains), gains)
    frame = pl.DataFrame({"gain": [-1.0, 0.0, 2.0, None]})
    assert frame.select(acceptable_gain(actions[1], pl.col("gain"))).to_series().to_list() == [None, None, 2.0, None]
    assert frame.select(acceptable_gain(actions[0], pl.col("gain"))).to_series().to_list() == [-1.0, 0.0, 2.0, None]


def test_the_switch_is_read_from_the_configuration_and_refused_for_marketing(tmp_path: Path) -> None:
    config = tmp_path / "holdfast.toml"
    action = (
        '[tables]\ntransactions = "t.csv"\n[[targeting.actions]]\nname = "a"\nkind = "{}"\n'
        "cost = 1.0\nsave_rate = 0.1\nalways = {}\n"
    )
    config.write_text(action.format("recovery", "false"))
    assert [action.is_unconditional for action in load_settings(config, {}).targeting.actions] == [False]
    config.write_text(action.format("retention", "false"))
    assert load_settings(config, {}).targeting.actions[0].always is False
    config.write_text(action.format("retention", "true"))
    with pytest.raises(SettingsError, match=re.escape("always = true is for actions of kind recovery only; remove it from a")):
        load_settings(config, {})


@pytest.mark.parametrize(
    ("summary", "sentence"),
    [
        (
            {"treated": 118, "losing": 76, "losing_gain": -247.3},
            "76 of 118 answers cost more than they are expected to bring: -247 EUR.",
        ),
        ({"treated": 9, "losing": 1, "losing_gain": -0.2}, "1 of 9 answers costs more than it is expected to bring: 0 EUR."),
        ({"treated": 9, "losing": 0, "losing_gain": 0.0}, None),
        ({"treated": 9}, None),
    ],
)
def test_the_cost_of_answering_is_a_fact_of_the_list(summary: dict[str, Any], sentence: str | None) -> None:
    assert losing_sentence(summary, "EUR") == sentence
