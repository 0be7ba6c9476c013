"""Predictions of a customer's orders for known parameters: the interface that every order model implements.

A prediction has two parts: is the customer still alive at T, and if so, what follows? A model implements `p_alive` and a few
quantities given that the customer is alive. Everything else is derived here. In memoryless models a customer alive at T has an
order rate of Gamma(r + x, alpha + T) whenever the last order was; they differ in how the customer may leave. In models of regular
customers (`models/btyd/regular_process.py`) the time since the last order counts too: they are mixtures over how far the customer
is on the way to the next order.

Arrays x, t_x and T have one length and the time unit of the parameters; horizons h have that unit too. Parameters are numbers,
or arrays of that length where covariates give each customer its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from features.frames.arrays import Array
from models.btyd.histories import unique_inverse

MAX_PAIRS = 4_000_000
FunctionIfAlive = Callable[[Array, Array, float | Array], Array]


@dataclass(frozen=True)
class Parameters:
    """The parameters of a model, which are shared by all customers or given per customer."""

    @property
    def has_shared_parameters(self) -> bool:
        """Whether all customers have the same parameters."""
        return all(np.ndim(getattr(self, field.name)) == 0 for field in fields(self))

    def subset(self, rows: NDArray[Any]) -> Self:
        """Return the process of these customers only; `rows` are positions or a mask."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: value[rows] for name, value in values.items() if np.ndim(value)})


@dataclass(frozen=True)
class OrdersIfAlive(Parameters, ABC):
    """What follows for a customer who is alive at T, which depends on x and T only."""

    @abstractmethod
    def p_order_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803  # the papers' symbol
        """Return P(an order in (T, T + h] | alive at T); h may be infinite."""

    @abstractmethod
    def expected_orders_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return E[N | alive at T], with N orders in (T, T + h]."""

    @abstractmethod
    def factorial_moment_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return E[N (N - 1) | alive at T]."""

    @abstractmethod
    def residual_orders_if_alive(self, x: Array, T: Array) -> Array:  # noqa: N803
        """Return E[all orders after T | alive at T]; infinity where the mean does not exist."""

    @abstractmethod
    def p_at_least_if_alive(self, x: Array, T: Array, h: float | Array, n: Array) -> Array:  # noqa: N803
        """Return P(N >= n | alive at T), for n >= 1 that broadcasts against x."""

    @abstractmethod
    def max_rate(self, x: Array, T: Array) -> Array:  # noqa: N803
        """Return a bound on how fast the expected order rate of a customer alive at T can change, per unit of time.

        Over a small fraction of 1 / max_rate, orders come evenly.
        """

    def deduplicated(self, function: FunctionIfAlive, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Evaluate `function` once per distinct pair of x and T, which many customers share, where h is one number."""
        if np.ndim(h) or not self.has_shared_parameters or not len(x):
            return function(x, T, h)
        (distinct_x, x_index), (distinct_T, T_index) = unique_inverse(x), unique_inverse(T)  # noqa: N806  # the papers' symbol
        pair_count = len(distinct_x) * len(distinct_T)
        if pair_count > min(MAX_PAIRS, 4 * len(x)):
            return function(x, T, h)
        pair_index = x_index * len(distinct_T) + T_index
        occupied = np.flatnonzero(np.bincount(pair_index, minlength=pair_count))
        pair_values = np.empty(pair_count)
        pair_values[occupied] = function(distinct_x[occupied // len(distinct_T)], distinct_T[occupied % len(distinct_T)], h)
        values: Array = pair_values[pair_index]
        return values


# Chooses what to compute of the orders that follow, as a function of x, T and h.
Quantity = Callable[[OrdersIfAlive], FunctionIfAlive]
P_ORDER: Quantity = attrgetter("p_order_if_alive")
EXPECTED_ORDERS: Quantity = attrgetter("expected_orders_if_alive")
FACTORIAL_MOMENT: Quantity = attrgetter("factorial_moment_if_alive")


@dataclass(frozen=True)
class OrderProcess(Parameters, ABC):
    """A model with its parameters."""

    @abstractmethod
    def p_alive(self, x: Array, t_x: Array, T: Array) -> Array:  # noqa: N803
        """Return P(alive at T | x, t_x, T)."""

    @abstractmethod
    def if_alive(self, quantity: Quantity, x: Array, t_x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return a quantity of the customers if they are alive at T, for a horizon h."""

    @abstractmethod
    def waiting_time(self, x: Array, t_x: Array, T: Array, p_still_waiting: Array) -> Array:  # noqa: N803
        """Return the time after T at which P(no order yet) has fallen to `p_still_waiting`; infinity where it never does."""

    @abstractmethod
    def sample(self, customers: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Draw new customers; return order rate, age at leaving and maximum number of repeat orders of each."""

    def p_no_order(self, x: Array, t_x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return P(no order in (T, T + h] | x, t_x, T): the customer has left, or is alive and does not order."""
        return 1 - self.p_alive(x, t_x, T) * self.if_alive(P_ORDER, x, t_x, T, h)

    def expected_orders(self, x: Array, t_x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return E[N | x, t_x, T], with N orders in (T, T + h]."""
        return self.p_alive(x, t_x, T) * self.if_alive(EXPECTED_ORDERS, x, t_x, T, h)

    def variance(self, x: Array, t_x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return Var(N | x, t_x, T), from E[N (N - 1)] and E[N]."""
        alive, mean = self.p_alive(x, t_x, T), self.if_alive(EXPECTED_ORDERS, x, t_x, T, h)
        return np.maximum(alive * (self.if_alive(FACTORIAL_MOMENT, x, t_x, T, h) + mean) - (alive * mean) ** 2, 0.0)

    def p_at_least(self, x: Array, t_x: Array, T: Array, h: float | Array, n: Array) -> Array:  # noqa: N803
        """Return P(N >= n | x, t_x, T); 1 for n = 0."""
        probability: Array = np.where(n > 0, self.p_alive(x, t_x, T) * self.tail(x, t_x, T, h, np.maximum(n, 1)), 1.0)
        return probability

    def tail(self, x: Array, t_x: Array, T: Array, h: float | Array, n: Array) -> Array:  # noqa: N803
        """Return P(N >= n | alive at T), for n >= 1 that broadcasts against x."""

        def quantity(orders: OrdersIfAlive) -> FunctionIfAlive:
            return lambda x, T, h: orders.p_at_least_if_alive(x, T, h, n)  # noqa: N803

        return self.if_alive(quantity, x, t_x, T, np.broadcast_to(np.asarray(h, dtype=np.float64), np.shape(x)))


@dataclass(frozen=True)
class MemorylessProcess(OrderProcess, OrdersIfAlive):
    """A model in which the time since the last order says nothing about when the next one comes, if the customer is alive."""

    @abstractmethod
    def waiting_time_if_alive(self, x: Array, T: Array, p_order: Array) -> Array:  # noqa: N803
        """Return the time after T by which a customer alive at T has ordered with probability `p_order`.

        Infinity where that probability is never reached.
        """

    def if_alive(self, quantity: Quantity, x: Array, _t_x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return the quantity for x and T."""
        return self.deduplicated(quantity(self), x, T, h)

    def waiting_time(self, x: Array, t_x: Array, T: Array, p_still_waiting: Array) -> Array:  # noqa: N803
        """Return the waiting time of a customer who may have left."""
        p_order = (1 - p_still_waiting) / self.p_alive(x, t_x, T)
        return self.waiting_time_if_alive(x, T, np.broadcast_to(p_order, np.shape(x)))
