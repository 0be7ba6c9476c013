import numpy as np
import pytest
from scipy.integrate import quad

from models.btyd.pareto_integral import leaving_log_odds, p_order_if_alive

RNG = np.random.default_rng(0)
CASES = 1_500


def random_case() -> tuple[np.ndarray, float, float, float]:
    """Return parameters over three orders of magnitude each, and a history: x, t_x and T."""
    params = np.exp(RNG.uniform(-3, 4, 4))
    x, T = float(RNG.choice([0, 1, 2, 5, 50, 500])), float(np.exp(RNG.uniform(0, 6)))  # noqa: N806  # the papers' symbol
    return params, x, 0.0 if x == 0 else float(RNG.uniform(0, T)), T


def adaptive_log_odds(params: np.ndarray, x: float, t_x: float, T: float) -> float:  # noqa: N803  # the papers' symbol
    """Return ln R by adaptive quadrature over the logarithm of alpha + u."""
    r, alpha, s, beta = params

    def integrand(v: float) -> float:
        u = (alpha + t_x) * np.exp(v) - alpha
        return float(np.exp(-(r + x) * v - s * np.log((beta + u) / (beta + t_x))) / (beta + u) * (alpha + u))

    length = np.log((alpha + T) / (alpha + t_x))
    points = [length * 10.0**-digit for digit in (1, 2, 3)]
    area = quad(integrand, 0, length, epsabs=0, epsrel=1e-12, limit=400, points=points)[0]
    return float(np.log(s * area) + (r + x) * length + s * np.log((beta + T) / (beta + t_x)))


def test_the_quadrature_equals_the_integral_for_ordinary_and_extreme_parameters() -> None:
    errors = []
    for params, x, t_x, T in (random_case() for _ in range(CASES)):  # noqa: N806  # the papers' symbol
        log_odds = leaving_log_odds(params, np.array([x]), np.array([t_x]), np.array([T]))[0]
        errors.append(abs(log_odds - adaptive_log_odds(params, x, t_x, T)))
    assert max(errors) < 1e-9
    assert np.median(errors) < 1e-13


def test_a_customer_who_ordered_at_t_has_not_left() -> None:
    log_odds = leaving_log_odds(np.array([0.5, 10.0, 0.6, 12.0]), np.array([3.0]), np.array([20.0]), np.array([20.0]))
    assert log_odds[0] == -np.inf


def test_an_order_comes_eventually_unless_the_customer_leaves_first() -> None:
    """If all customers share one order rate l and one dropout rate m, P(an order before leaving) is l / (l + m)."""
    l, m = 0.05, 0.02  # noqa: E741  # the papers' symbol
    homogeneous = np.array([l * 1e7, 1e7, m * 1e7, 1e7])
    p_order = p_order_if_alive(homogeneous, np.zeros(1), np.zeros(1), np.array([2_000.0]))
    assert p_order[0] == pytest.approx(l / (l + m), rel=1e-3)
