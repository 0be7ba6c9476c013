import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.uplift.assumed_effect import assumed_reduction
from settings.sections import Action

PROBABILITY = st.floats(0, 1)


def averted(p_churn: float, save_rate: float, effect: str) -> float:
    action = Action("mail", "retention", cost=1.0, save_rate=save_rate, effect=effect)  # type: ignore[arg-type]
    return float(pl.DataFrame({"p": [p_churn]}).select(assumed_reduction(action, pl.col("p"))).item())


@given(PROBABILITY, PROBABILITY)
def test_a_share_is_saved_at_every_risk(p_churn: float, save_rate: float) -> None:
    assert averted(p_churn, save_rate, "share") == p_churn * save_rate


@given(PROBABILITY, PROBABILITY)
def test_no_more_than_the_risk_is_averted(p_churn: float, save_rate: float) -> None:
    assert 0 <= averted(p_churn, save_rate, "odds") <= p_churn * (1 + 1e-12)


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.99))
def test_the_odds_of_staying_rise_by_the_same_factor_at_every_risk(p_churn: float, save_rate: float) -> None:
    left = p_churn - averted(p_churn, save_rate, "odds")
    factor = ((1 - left) / left) / ((1 - p_churn) / p_churn)
    assert factor == pytest.approx((1 + save_rate) / (1 - save_rate), rel=1e-6)


def test_the_save_rate_holds_at_a_risk_of_one_half_and_shrinks_near_one() -> None:
    assert averted(0.5, 0.1, "odds") == pytest.approx(averted(0.5, 0.1, "share"))
    assert averted(0.99, 0.1, "odds") < 0.03 * averted(0.99, 0.1, "share")
    assert averted(1.0, 1.0, "odds") == 0.0


def test_an_unknown_risk_has_no_assumed_effect() -> None:
    action = Action("mail", "retention", cost=1.0, save_rate=0.1, effect="odds")
    reductions = pl.DataFrame({"p": [None, 0.5]}).select(assumed_reduction(action, pl.col("p"))).to_series()
    assert reductions.to_list() == [None, pytest.approx(0.05)]
    assert not np.isnan(reductions.drop_nulls().to_numpy()).any()


def test_by_default_an_action_keeps_few_of_those_who_have_almost_certainly_left() -> None:
    default = Action("mail", "retention", cost=1.0, save_rate=0.1)
    reduction = pl.DataFrame({"p": [0.99]}).select(assumed_reduction(default, pl.col("p"))).item()
    assert reduction == averted(0.99, 0.1, "odds") < averted(0.99, 0.1, "share") / 10
