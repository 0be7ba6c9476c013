"""The distribution of waiting times that agrees with past days: by which clock, and with which maps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from features.frames.arrays import Array, BoolArray
from features.frames.columns import CUSTOMER, DAY
from features.frames.purchases import customer_days, is_sale_line, occasions
from features.labels import with_waits
from features.tables.schema import Tables
from models.btyd.bgcnbd import MBGCNBD
from models.btyd.order_model import OrderModel
from models.log_odds import MIN_PROBABILITY
from models.waiting.order_dates import OrderDates
from models.waiting.rank_map import IDENTITY, RankMap, fit_rank_map
from models.waiting.seasonal_clock import SeasonalClock, fit_clock
from training.evaluation.bootstrap import clustered_error
from training.evaluation.past_forecasts import PastForecasts

MIN_CLOCK_DAYS = 2  # past days with a clock, before it may be used
MIN_DATED = 50  # customers with a median date on a past day, before the share that ordered by it says anything
DATED = 0.5  # p_churn below which the median is within the churn horizon


@dataclass(frozen=True)
class PastWaits:
    """The customers of a past day: how long they waited until the next order, or, where `is_seen` is false, at least.

    `dates` are unmapped and by the calendar; `clock` is that of the day, None in the first year.
    """

    forecasts: PastForecasts
    dates: OrderDates
    clock: SeasonalClock | None
    wait: Array
    is_seen: BoolArray


class Ranks(NamedTuple):
    """Ranks in [0, 1], whether the order was seen (else its rank is higher), and the weight of each."""

    values: Array
    is_seen: BoolArray
    weight: Array


def fit_order_dates(
    tables: Tables, current: pl.DataFrame, forecasts: Sequence[PastForecasts], as_of: date, horizon_days: int
) -> OrderDates:
    """Return the waiting times of the `current` customers' order model, with the maps of past days.

    The order model is MBG/CNBD-k, which knows how regularly customers buy. The seasonal clock is used if, on two past days or
    more, medians by it were closer to the actual waiting times, by more than a standard error.
    """
    orders = occasions(customer_days(tables.transactions)).select(DAY).collect(engine="streaming")[DAY]
    first: date = orders.min()  # type: ignore[assignment]  # the minimum of dates is one
    order_days = (orders - first).dt.total_days().to_numpy()
    days = [_past_waits(tables, day, fit_clock(order_days, first, day.origin), as_of) for day in forecasts]
    is_clocked = _prefers_clock(days, horizon_days)
    ranks = [_day_ranks(day, horizon_days, is_clocked=is_clocked) for day in days]
    dates = OrderDates(_fit_orders(current), fit_clock(order_days, first, as_of) if is_clocked else None)
    coverage = _coverage(days[-1], _maps(ranks[:-1]), horizon_days, is_clocked=is_clocked) if len(days) > 1 else None
    return _mapped(replace(dates, coverage=coverage), _maps(ranks))


def _fit_orders(frame: pl.DataFrame) -> OrderModel:
    return MBGCNBD().fit(frame)


def _past_waits(tables: Tables, day: PastForecasts, clock: SeasonalClock | None, as_of: date) -> PastWaits:
    """Return the waits until `as_of`, counted from the middle of the day of the order."""
    span = (as_of - day.origin).days
    sales = tables.transactions.filter(is_sale_line(tables.transactions.collect_schema().names()))
    rows = with_waits(day.frame.select(CUSTOMER).lazy(), sales, None, day.origin, span).collect(engine="streaming")
    waits = day.frame.select(CUSTOMER).join(rows, on=CUSTOMER, how="left", maintain_order="left")["order_wait"]
    wait = (waits.floor() + 0.5).fill_null(span).to_numpy()
    return PastWaits(day, OrderDates(_fit_orders(day.frame)), clock, wait, waits.is_not_null().to_numpy())


def _dates_of(day: PastWaits, *, is_clocked: bool) -> OrderDates:
    return replace(day.dates, clock=day.clock if is_clocked else None)


def _day_ranks(day: PastWaits, horizon_days: int, *, is_clocked: bool) -> tuple[Ranks, Ranks]:
    """Return the ranks of orders within the churn horizon, and of later or missing ones."""
    frame = day.forecasts.frame
    p_order = 1 - frame["p_churn"].to_numpy()
    rank = _dates_of(day, is_clocked=is_clocked).ranks(frame, frame["p_churn"], horizon_days, day.wait)
    is_within = day.is_seen & (day.wait <= horizon_days)
    within = np.clip(rank / np.maximum(p_order, MIN_PROBABILITY), 0.0, 1.0)
    later = np.clip((rank - p_order) / np.maximum(1 - p_order, MIN_PROBABILITY), 0.0, 1.0)
    is_later = ~is_within & (day.wait >= horizon_days)
    weight = np.full(len(rank), day.forecasts.weight)
    return (
        Ranks(within[is_within], day.is_seen[is_within], weight[is_within]),
        Ranks(later[is_later], day.is_seen[is_later], weight[is_later]),
    )


def _maps(ranks: Sequence[tuple[Ranks, Ranks]]) -> tuple[RankMap, RankMap]:
    """Return the maps within and beyond the churn horizon, from the ranks of past days."""
    if not ranks:
        return IDENTITY, IDENTITY
    within, beyond = (Ranks(*map(np.concatenate, zip(*part, strict=True))) for part in zip(*ranks, strict=True))
    return fit_rank_map(*within, len(ranks)), fit_rank_map(*beyond, len(ranks))


def _mapped(dates: OrderDates, maps: tuple[RankMap, RankMap]) -> OrderDates:
    return replace(dates, within=maps[0], beyond=maps[1])


def _prefers_clock(days: Sequence[PastWaits], horizon_days: int) -> bool:
    clocked = [day for day in days if day.clock is not None]
    if len(clocked) < MIN_CLOCK_DAYS:
        return False
    errors = pl.concat(_clock_gain(day, horizon_days) for day in clocked)
    if errors.is_empty():
        return False
    gain, weight = errors["gain"].to_numpy(), errors["weight"].to_numpy()
    mean = float(gain @ weight) / float(weight.sum())
    return mean > clustered_error(errors[CUSTOMER], (gain - mean) * weight) / float(weight.sum())


def _clock_gain(day: PastWaits, horizon_days: int) -> pl.DataFrame:
    """Return by how many days the median by the clock is closer, of each customer with a median within the churn horizon."""
    frame = day.forecasts.frame.filter(pl.col("p_churn") < DATED)
    wait = day.wait[(day.forecasts.frame["p_churn"] < DATED).to_numpy()]
    span = float(day.wait.max(initial=0.0))
    by_calendar, by_clock = (
        _dates_of(day, is_clocked=is_clocked).waiting_times(frame, frame["p_churn"], horizon_days)["next_order_days"].to_numpy()
        for is_clocked in (False, True)
    )
    gain = np.abs(np.minimum(by_calendar, span) - wait) - np.abs(np.minimum(by_clock, span) - wait)
    return frame.select(CUSTOMER, pl.Series("gain", gain), pl.lit(day.forecasts.weight).alias("weight"))


def _coverage(day: PastWaits, maps: tuple[RankMap, RankMap], horizon_days: int, *, is_clocked: bool) -> float | None:
    """Return the share that had ordered by the median date, of customers with one within the churn horizon; None for few."""
    is_dated = (day.forecasts.frame["p_churn"] < DATED).to_numpy()
    if is_dated.sum() < MIN_DATED:
        return None
    frame = day.forecasts.frame.filter(pl.Series(is_dated))
    dates = _mapped(_dates_of(day, is_clocked=is_clocked), maps)
    median = dates.waiting_times(frame, frame["p_churn"], horizon_days)["next_order_days"].to_numpy()
    return float((day.is_seen[is_dated] & (day.wait[is_dated] <= median)).mean())
