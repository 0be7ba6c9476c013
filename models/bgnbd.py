"""BG/NBD: orders come at a customer's own rate until the customer drops out after one of them.

Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD
Model, Marketing Science 24(2), doi:10.1287/mksc.1040.0098; (eq. n) below refers to it.
"""

from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
import polars as pl
from scipy.special import expit, hyp2f1

from models.lifetimes_engine import fit_bgnbd
from models.log_odds import Array

SINGULAR = 1e-6
LARGE, ALIKE = 30.0, 1e5


@dataclass(frozen=True)
class BGNBD:
    """A fitted BG/NBD. r has no unit, alpha the time unit of the data, a and b none.

    Frames hold `frequency` (x, repeat purchases, >= 0), `recency` (t_x, 0 <= t_x <= T) and `T`, all in one
    time unit, which horizons share. Results are Series of float64 in the order of the frame.
    """

    r: float
    alpha: float
    a: float
    b: float
    diagnosis: str = ""

    @classmethod
    def fit(cls, frame: pl.DataFrame) -> Self:
        """Return the maximum-likelihood fit (eq. 6) to frequency, recency and T; an optional `weight` counts rows.

        Raises TooLittleData when there is no customer with a repeat purchase, or no engine setting converges.
        """
        params, diagnosis = fit_bgnbd(frame)
        return cls(**params, diagnosis=diagnosis)

    @property
    def params(self) -> dict[str, float]:
        """The parameters under the paper's names."""
        return {"r": self.r, "alpha": self.alpha, "a": self.a, "b": self.b}

    def p_alive(self, frame: pl.DataFrame) -> pl.Series:
        """Probability of not having dropped out by T; 1 for every customer without a repeat purchase."""
        return pl.Series("p_alive", p_alive(self, *_arrays(frame)))

    def p_no_order(self, frame: pl.DataFrame, h: float) -> pl.Series:
        """Probability of no order in (T, T + h]: the churn probability of a non-contractual customer."""
        return pl.Series("p_no_order", p_no_order(self, *_arrays(frame), h))

    def expected_orders(self, frame: pl.DataFrame, h: float) -> pl.Series:
        """Expected number of orders in (T, T + h]."""
        return pl.Series("expected_orders", expected_orders(self, *_arrays(frame), h))

    def to_json(self) -> dict[str, float | str]:
        """Return the fitted model as data."""
        return asdict(self)


def p_alive(model: BGNBD, x: Array, t_x: Array, T: Array) -> Array:  # noqa: N803  # the paper's symbols
    """P(alive | x, t_x, T): the first of the two terms of the likelihood (eq. 3) over their sum."""
    dropped = (
        np.log(model.a) - np.log(model.b + np.maximum(x, 1) - 1) + (model.r + x) * np.log((model.alpha + T) / (model.alpha + t_x))
    )
    alive: Array = np.where(x > 0, expit(-dropped), 1.0)
    return alive


def p_no_order(model: BGNBD, x: Array, t_x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
    """P(X(T, T + h) = 0 | x, t_x, T), exact for every x, 0 included.

    A customer alive at T has a rate distributed Gamma(r + x, alpha + T) and stays until the next order, so
    the probability is 1 - P(alive) (1 - ((alpha + T) / (alpha + T + h))^(r + x)).
    """
    silent: Array = np.exp((model.r + x) * np.log((model.alpha + T) / (model.alpha + T + h)))
    return 1 - p_alive(model, x, t_x, T) * (1 - silent)


def expected_orders(model: BGNBD, x: Array, t_x: Array, T: Array, h: float) -> Array:  # noqa: N803
    """E[X(T, T + h) | x, t_x, T] (eq. 10)."""
    alike = model.a + model.b > ALIKE
    staying = _orders_if_alive_when_alike(model, x, T, h) if alike else _orders_if_alive(model, x, T, h)
    return p_alive(model, x, t_x, T) * staying


def _orders_if_alive(model: BGNBD, x: Array, T: Array, h: float) -> Array:  # noqa: N803
    """Eq. 10 without P(alive).

    Euler's transformation of the hypergeometric function (Abramowitz and Stegun 15.3.3) keeps every growing
    parameter in its third place, so that it stays finite for x in the thousands; for a large a it would not.
    """
    a, b, r = model.a if abs(model.a - 1) > SINGULAR else 1 + SINGULAR, model.b, model.r
    z = h / (model.alpha + T + h)
    c = a + b + x - 1
    if a > LARGE:
        silent = (1 - z) ** (r + x) * hyp2f1(r + x, b + x, c, z)
    else:
        silent = (1 - z) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, c, z)
    expected: Array = c / (a - 1) * (1 - silent)
    return expected


def _orders_if_alive_when_alike(model: BGNBD, x: Array, T: Array, h: float) -> Array:  # noqa: N803
    """The limit of eq. 10 for a + b without bounds: everybody drops out with the same p after an order.

    A customer with rate l then makes (1 - exp(-l p h)) / p orders in h, and l is Gamma(r + x, alpha + T).
    """
    p = model.a / (model.a + model.b + x)
    silent = np.exp((model.r + x) * np.log((model.alpha + T) / (model.alpha + T + p * h)))
    expected: Array = (1 - silent) / p
    return expected


def waiting_time(model: BGNBD, x: Array, t_x: Array, T: Array, p_still_waiting: Array) -> Array:  # noqa: N803
    """Time after T at which P(no order yet) has fallen to `p_still_waiting`; infinity where it never does."""
    alive = p_alive(model, x, t_x, T)
    silent = 1 - (1 - p_still_waiting) / alive
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        wait = (model.alpha + T) * np.expm1(-np.log(silent) / (model.r + x))
    return np.where(silent > 0, wait, np.inf)


def _arrays(frame: pl.DataFrame) -> tuple[Array, Array, Array]:
    columns = frame.select(pl.col("frequency", "recency", "T").cast(pl.Float64))
    return columns["frequency"].to_numpy(), columns["recency"].to_numpy(), columns["T"].to_numpy()
