"""What is known of a customer's orders once the parameters are: the questions every order model answers.

All that a history tells falls into two parts: is the customer still there at T, and if so, how does it go on from there? Of
one who is there, all models know a rate of orders Gamma(r + x, alpha + T); they differ in how the customer may leave. So a
model tells `alive` and a few things "if alive", and everything else follows here.

Arrays x, t_x and T are of one length and in the time unit of the parameters, which horizons h share. Parameters are numbers,
or arrays of that length where covariates give every customer its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.btyd.histories import unique
from models.log_odds import Array

MAX_PAIRS = 4_000_000
IfAlive = Callable[[Array, Array, float | Array], Array]


@dataclass(frozen=True)
class OrderProcess(ABC):
    """A model with its parameters: of all customers together, or of each its own."""

    @property
    def shared(self) -> bool:
        """Whether all customers have the same parameters."""
        return all(np.ndim(getattr(self, field.name)) == 0 for field in fields(self))

    def of(self, rows: NDArray[Any]) -> Self:
        """Return the process of these customers only: places, or a mask."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: value[rows] for name, value in own.items() if np.ndim(value)})

    @abstractmethod
    def alive(self, x: Array, t_x: Array, T: Array) -> Array:  # noqa: N803  # the papers' symbol
        """P(alive at T | x, t_x, T)."""

    @abstractmethod
    def p_order_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """P(an order in (T, T + h]) of one alive at T; h may be infinite."""

    @abstractmethod
    def orders_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """E[N], N orders in (T, T + h], of one alive at T."""

    @abstractmethod
    def pairs_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """E[N (N - 1)] of one alive at T."""

    @abstractmethod
    def orders_ever_if_alive(self, x: Array, T: Array) -> Array:  # noqa: N803
        """E[orders after T] of one alive at T; infinity where the mean does not exist."""

    @abstractmethod
    def p_at_least_if_alive(self, x: Array, T: Array, h: float | Array, n: Array) -> Array:  # noqa: N803
        """P(N >= n) of one alive at T, for n >= 1 of the same length, or of a shape that goes with it."""

    @abstractmethod
    def wait_if_alive(self, x: Array, T: Array, p_order: Array) -> Array:  # noqa: N803
        """Time after T by which one alive has ordered with probability `p_order`; infinity where it is never reached."""

    @abstractmethod
    def max_rate(self, x: Array, T: Array) -> Array:  # noqa: N803
        """How much happens per time, at most, to one alive at T: over a fraction of 1 / pace, orders come evenly."""

    @abstractmethod
    def sample(self, customers: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Return, for new customers drawn at random, the rate of orders, the age of leaving, and the most repeat orders."""

    def p_no_order(self, x: Array, t_x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """P(no order in (T, T + h] | x, t_x, T): gone, or alive and silent."""
        return 1 - self.alive(x, t_x, T) * self.deduplicated(self.p_order_if_alive, x, T, h)

    def orders(self, x: Array, t_x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """E[N | x, t_x, T], N orders in (T, T + h]."""
        return self.alive(x, t_x, T) * self.deduplicated(self.orders_if_alive, x, T, h)

    def variance(self, x: Array, t_x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Var(N | x, t_x, T), from E[N (N - 1)] and E[N]."""
        alive, mean = self.alive(x, t_x, T), self.deduplicated(self.orders_if_alive, x, T, h)
        return np.maximum(alive * (self.deduplicated(self.pairs_if_alive, x, T, h) + mean) - (alive * mean) ** 2, 0.0)

    def p_at_least(self, x: Array, t_x: Array, T: Array, h: float | Array, n: Array) -> Array:  # noqa: N803
        """P(N >= n | x, t_x, T); 1 for n = 0."""
        some = self.alive(x, t_x, T) * self.p_at_least_if_alive(x, T, h, np.maximum(n, 1))
        found: Array = np.where(n > 0, some, 1.0)
        return found

    def waiting_time(self, x: Array, t_x: Array, T: Array, p_still_waiting: Array) -> Array:  # noqa: N803
        """Time after T at which P(no order yet) has fallen to `p_still_waiting`; infinity where it never does."""
        wanted = (1 - p_still_waiting) / self.alive(x, t_x, T)
        return self.wait_if_alive(x, T, np.broadcast_to(wanted, np.shape(x)))

    def deduplicated(self, work: IfAlive, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Do `work` once per different pair of x and T, where h is the same for all: of a million customers many share theirs."""
        if np.ndim(h) or not self.shared or not len(x):
            return work(x, T, h)
        (counts, of_x), (times, of_T) = unique(x), unique(T)  # noqa: N806  # the papers' symbol
        pairs = len(counts) * len(times)
        if pairs > min(MAX_PAIRS, 4 * len(x)):
            return work(x, T, h)
        place = of_x * len(times) + of_T
        seen = np.flatnonzero(np.bincount(place, minlength=pairs))
        found = np.empty(pairs)
        found[seen] = work(counts[seen // len(times)], times[seen % len(times)], h)
        everyone: Array = found[place]
        return everyone
