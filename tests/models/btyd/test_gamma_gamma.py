import numpy as np
import polars as pl
import pytest

from models.btyd.gamma_gamma import GammaGamma, _credibility_estimate


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


def spends(customers: int, between: float, rng: np.random.Generator) -> pl.DataFrame:
    """Return repeat buyers whose own means vary by `between` (log), with orders spread evenly around them."""
    orders = rng.integers(1, 12, customers)
    own = 60 * np.exp(rng.normal(0, between, customers)) if between else np.full(customers, 60.0)
    means = [rng.uniform(0.2 * mean, 1.8 * mean, size).mean() for mean, size in zip(own, orders, strict=True)]
    return pl.DataFrame({"frequency": orders.astype(float), "monetary_value": means})


def test_at_a_boundary_the_customers_own_spend_keeps_some_weight() -> None:
    """Orders are bounded, so the likelihood sees no difference between customers, and q runs away."""
    frame = spends(3_000, 0.05, np.random.default_rng(1))
    model = GammaGamma().fit(frame)
    assert "at a boundary" in model.diagnosis
    assert "parameters from moments" in model.diagnosis
    assert "valid" not in model.diagnosis
    expected = model.expected_spend(frame)
    assert expected.mean() == pytest.approx(frame["monetary_value"].mean(), rel=0.03)
    assert pl.DataFrame({"a": expected, "b": frame["monetary_value"]}).select(pl.corr("a", "b", method="spearman")).item() > 0.8
    spread = (expected.quantile(0.9) - expected.quantile(0.1)) / expected.mean()  # type: ignore[operator]
    assert 0.02 < spread < 0.5


def test_moments_find_the_weight_of_the_own_mean() -> None:
    rng = np.random.default_rng(2)
    frame = spends(40_000, 0.4, rng).with_columns(weight=pl.lit(1.0))
    p, q, _ = _credibility_estimate(frame, "moments").params
    within = (60**2 * np.exp(2 * 0.4**2)) * (1.6**2 / 12)
    between = 60**2 * np.exp(0.4**2) * (np.exp(0.4**2) - 1)
    assert (q - 1) / p == pytest.approx(within / between, rel=0.25)  # large means are capped
