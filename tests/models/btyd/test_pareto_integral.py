import numpy as np
import pytest
from scipy.integrate import quad

from models.btyd.pareto_integral import log_odds_of_leaving, p_order_if_alive

RNG = np.random.default_rng(0)
CASES = 1_500


def drawn() -> tuple[np.ndarray, float, float, float]:
    """Parameters over three orders of magnitude each, and a history."""
    params = np.exp(RNG.uniform(-3, 4, 4))
    x, observed = float(RNG.choice([0, 1, 2, 5, 50, 500])), float(np.exp(RNG.uniform(0, 6)))
    return params, x, 0.0 if x == 0 else float(RNG.uniform(0, observed)), observed


def adaptive(params: np.ndarray, x: float, t_x: float, observed: float) -> float:
    """ln R by adaptive quadrature, over the logarithm of alpha + u."""
    r, alpha, s, beta = params

    def height(v: float) -> float:
        u = (alpha + t_x) * np.exp(v) - alpha
        return float(np.exp(-(r + x) * v - s * np.log((beta + u) / (beta + t_x))) / (beta + u) * (alpha + u))

    length = np.log((alpha + observed) / (alpha + t_x))
    points = [length * 10.0**-digit for digit in (1, 2, 3)]
    area = quad(height, 0, length, epsabs=0, epsrel=1e-12, limit=400, points=points)[0]
    return float(np.log(s * area) + (r + x) * length + s * np.log((beta + observed) / (beta + t_x)))


def test_the_sum_is_the_integral_for_ordinary_and_extreme_parameters_alike() -> None:
    off = []
    for params, x, t_x, observed in (drawn() for _ in range(CASES)):
        found = log_odds_of_leaving(params, np.array([x]), np.array([t_x]), np.array([observed]))[0]
        off.append(abs(found - adaptive(params, x, t_x, observed)))
    assert max(off) < 1e-9
    assert np.median(off) < 1e-13


def test_nobody_left_in_no_time() -> None:
    found = log_odds_of_leaving(np.array([0.5, 10.0, 0.6, 12.0]), np.array([3.0]), np.array([20.0]), np.array([20.0]))
    assert found[0] == -np.inf


def test_an_order_comes_in_the_end_unless_the_customer_leaves_first() -> None:
    """With one rate of orders and one of leaving for all, the chance of an order before leaving is l / (l + m)."""
    l, m = 0.05, 0.02  # noqa: E741  # the papers' symbol
    alike = np.array([l * 1e7, 1e7, m * 1e7, 1e7])
    ever = p_order_if_alive(alike, np.zeros(1), np.zeros(1), np.array([2_000.0]))
    assert ever[0] == pytest.approx(l / (l + m), rel=1e-3)
