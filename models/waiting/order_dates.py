"""Waiting times until the next order, which agree with p_churn and with what happened on past days."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl

from features.frames.arrays import Array
from models.btyd.bgcnbd import MBGCNBD
from models.btyd.bgnbd import BGNBD
from models.btyd.histories import history_arrays
from models.btyd.order_model import OrderModel
from models.btyd.order_process import P_ORDER, OrderProcess
from models.log_odds import MIN_PROBABILITY
from models.waiting.rank_map import IDENTITY, RankMap
from models.waiting.seasonal_clock import SeasonalClock

MODELS: dict[str, type[OrderModel]] = {"mbgcnbd": MBGCNBD, "bgnbd": BGNBD}
LEVELS = {"next_order_low": 0.10, "next_order_days": 0.50, "next_order_high": 0.90}
MIN_COVERAGE, MAX_COVERAGE = 0.25, 0.75
SMALLEST = float(np.finfo(float).tiny)


@dataclass(frozen=True)
class OrderDates:
    """The distribution of the waiting time by an order model, anchored at p_churn and mapped to the shares of past days.

    The model's survival function S is raised to the power g that makes S^g equal p_churn at the churn horizon; with a `clock`, it
    runs in the clock's time. `within` maps the rank of orders within the churn horizon among such orders, `beyond` that of later
    ones among later ones, so the probability at the churn horizon stays p_churn. `coverage` is the share that had ordered by the
    median date on the newest past day, with maps from the days before; None where there was no such day.
    """

    orders: OrderModel
    clock: SeasonalClock | None = None
    within: RankMap = IDENTITY
    beyond: RankMap = IDENTITY
    coverage: float | None = None

    @property
    def is_trusted(self) -> bool:
        """Whether dates may be shown: by the median, neither nearly all nor hardly any customers had ordered on a past day."""
        return self.coverage is None or MIN_COVERAGE <= self.coverage <= MAX_COVERAGE

    def p_no_order(self, frame: pl.DataFrame, p_churn: pl.Series, horizon_days: int, days: int) -> Array:
        """Return P(no order in the next `days`), which is p_churn at the churn horizon and falls with `days`."""
        rank, p_order = self.ranks(frame, p_churn, horizon_days, np.full(frame.height, float(days))), _p_order(p_churn)
        within = p_order * self.within(np.minimum(rank / p_order, 1.0))
        beyond = (1 - p_order) * self.beyond(np.clip((rank - p_order) / (1 - p_order), 0.0, 1.0))
        p_no_order: Array = np.clip(1 - within - beyond, 0.0, 1.0)
        return p_no_order

    def waiting_times(self, frame: pl.DataFrame, p_churn: pl.Series, horizon_days: int) -> pl.DataFrame:
        """Return next_order_low, next_order_days and next_order_high: the times by which 10, 50 and 90 % have ordered.

        In days from the frame's as-of date; infinite where that share never orders, or did not on any past day.
        """
        p_order = _p_order(p_churn)
        return pl.DataFrame(
            {name: self._times_at(frame, p_order, horizon_days, self._unmapped(level, p_order)) for name, level in LEVELS.items()}
        )

    def ranks(self, frame: pl.DataFrame, p_churn: pl.Series, horizon_days: int, days: Array) -> Array:
        """Return the unmapped probability of an order within each customer's `days`."""
        if frame.is_empty():
            return np.empty(0)
        process = self.orders.process(frame)
        elapsed = days if self.clock is None else self.clock.elapsed(frame["as_of"][0], days, horizon_days)
        power = _power(_p_order(p_churn), _log_no_order(process, frame, horizon_days))
        rank: Array = -np.expm1(power * _log_no_order(process, frame, elapsed))
        return rank

    def _unmapped(self, level: float, p_order: Array) -> Array:
        """Return the unmapped probability at which the mapped one has reached a level; 1 where it never does."""
        within = p_order * self.within.inverse(np.minimum(level / p_order, 1.0))
        beyond = p_order + (1 - p_order) * self.beyond.inverse(np.clip((level - p_order) / (1 - p_order), 0.0, 1.0))
        return np.minimum(np.where(level <= p_order, within, beyond), 1.0)

    def _times_at(self, frame: pl.DataFrame, p_order: Array, horizon_days: int, rank: Array) -> Array:
        if frame.is_empty():
            return np.empty(0)
        process, (x, t_x, T) = self.orders.process(frame), history_arrays(frame)  # noqa: N806  # the papers' symbol
        power = _power(p_order, _log_no_order(process, frame, horizon_days))
        times = np.where(rank < 1, process.waiting_time(x, t_x, T, (1 - rank) ** (1 / power)), np.inf)
        return times if self.clock is None else self.clock.days(frame["as_of"][0], times, horizon_days)

    def to_json(self) -> dict[str, Any]:
        """Return the distribution as data."""
        name = next(name for name, model in MODELS.items() if isinstance(self.orders, model))
        maps = {"within": list(self.within.values), "beyond": list(self.beyond.values)}
        clock = None if self.clock is None else self.clock.to_json()
        return {"model": name, "orders": self.orders.to_json(), "clock": clock, "coverage": self.coverage} | maps

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild a distribution from `to_json`."""
        return cls(
            orders=MODELS[data["model"]].from_json(data["orders"]),
            clock=None if data["clock"] is None else SeasonalClock.from_json(data["clock"]),
            within=RankMap(tuple(data["within"])),
            beyond=RankMap(tuple(data["beyond"])),
            coverage=data["coverage"],
        )


def _p_order(p_churn: pl.Series) -> Array:
    p_order: Array = 1 - np.clip(p_churn.to_numpy(), MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return p_order


def _log_no_order(process: OrderProcess, frame: pl.DataFrame, days: float | Array) -> Array:
    """Return the logarithm of the model's P(no order), exact also where an order is next to impossible."""
    x, t_x, T = history_arrays(frame)  # noqa: N806  # the papers' symbol
    p_order = process.p_alive(x, t_x, T) * process.if_alive(P_ORDER, x, t_x, T, days)
    log_p: Array = np.log1p(-np.clip(p_order, SMALLEST, 1 - MIN_PROBABILITY))
    return log_p


def _power(p_order: Array, log_no_order: Array) -> Array:
    """Return g, by which the survival function at the churn horizon becomes 1 - p_order."""
    power: Array = np.log1p(-p_order) / log_no_order
    return power
