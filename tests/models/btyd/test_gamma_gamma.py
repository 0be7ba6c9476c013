import polars as pl
import pytest

from models.btyd.gamma_gamma import GammaGamma


def test_the_fit_reproduces_the_published_parameters_and_customers(cdnow_weeks: pl.DataFrame) -> None:
    fitted = GammaGamma().fit(cdnow_weeks)
    assert fitted.params == pytest.approx({"p": 6.2497, "q": 3.7442, "gamma": 15.4435}, rel=1e-3)
    first_three = fitted.expected_spend(cdnow_weeks.head(3))
    assert first_three.to_list() == pytest.approx([24.65, 18.91, 35.17], abs=0.05)


def test_a_customer_without_a_repeat_purchase_is_expected_to_spend_the_populations_mean() -> None:
    model = GammaGamma(p=6.0, q=4.0, gamma=15.0)
    frame = pl.DataFrame(
        {"frequency": [0.0, 0.0], "monetary_value": [None, 99.0]}, schema={"frequency": pl.Float64, "monetary_value": pl.Float64}
    )
    assert model.expected_spend(frame).to_list() == [30.0, 30.0]


def test_returns_cannot_make_expected_spend_negative() -> None:
    frame = pl.DataFrame({"frequency": [3.0], "monetary_value": [-50.0]})
    assert GammaGamma(p=6.0, q=4.0, gamma=15.0).expected_spend(frame)[0] > 0


def test_with_too_few_repeat_buyers_parameters_come_from_moments() -> None:
    frame = pl.DataFrame({"frequency": [1.0, 0.0], "monetary_value": [10.0, None], "mean_order_value": [12.0, 8.0]})
    fitted = GammaGamma().fit(frame)
    assert "too little data" in fitted.diagnosis
    assert fitted.gamma * fitted.p / (fitted.q - 1) == pytest.approx(10.0)
