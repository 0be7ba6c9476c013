"""Simulate the world one week at a time: who leaves, who orders, what goes wrong, and who is contacted."""

from dataclasses import dataclass, replace

import numpy as np

from features.frames.arrays import Array, BoolArray, IntArray
from holdfast.demo.simulated.catalogue import FAILURE_RATES
from holdfast.demo.simulated.population import (
    CONTACT_DROPOUT_FACTORS,
    CONTACT_RATE_FACTORS,
    Population,
    draw_population,
)

CONTACT_EFFECT_WEEKS = 8
WEEKS_PER_YEAR = 52.18
WEEKLY_DECAY = 0.94
# Dissatisfaction after each event. A case settled well leaves a customer more loyal than no case at all.
OPEN_CASE, SETTLED_WELL, SETTLED_BADLY, SUFFERED_SILENTLY = np.log(4.0), np.log(0.4), np.log(3.0), np.log(2.5)
NO_OPEN_CASE = -1


@dataclass(frozen=True)
class WorldState:
    """The world at the start of a week; every array has one entry per customer.

    `p_alive` is the probability that the customer has not left, given every rate and every order. `dissatisfaction`
    multiplies the dropout probability by its exponential and fades by 6 % a week; below zero it lowers the risk.
    `weeks_to_settle` counts down to the settlement of an open case; NO_OPEN_CASE without one.
    """

    population: Population
    week: int
    alive: BoolArray
    p_alive: Array
    weeks_since_order: IntArray
    orders: IntArray
    dissatisfaction: Array
    weeks_to_settle: IntArray
    settles_well: BoolArray
    contacted_until: IntArray


@dataclass(frozen=True)
class WeekEvents:
    """The events of one week: indices of customers, and the details of the cases opened.

    `weeks_to_settle` and `settles_well` have one entry per case in `opened`; `dissatisfaction` has one per customer.
    """

    week: int
    ordered: IntArray
    opened: IntArray
    weeks_to_settle: IntArray
    settles_well: BoolArray
    settled: IntArray
    contacted: IntArray
    dissatisfaction: Array


def new_world(customers: int, weeks: int, seed: int) -> WorldState:
    """Return the world before its first week; customers join during the first 85 % of `weeks`."""
    population = draw_population(customers, weeks, seed)
    n = population.size
    zeros = np.zeros(n, dtype=np.int64)
    return WorldState(
        population=population,
        week=0,
        alive=np.ones(n, dtype=bool),
        p_alive=np.ones(n),
        weeks_since_order=zeros,
        orders=zeros,
        dissatisfaction=np.zeros(n),
        weeks_to_settle=zeros + NO_OPEN_CASE,
        settles_well=np.zeros(n, dtype=bool),
        contacted_until=zeros,
    )


def advance(state: WorldState, treated: BoolArray | None = None) -> tuple[WorldState, WeekEvents]:
    """Return the state one week later and the week's events; `treated` marks the customers contacted this week.

    The random draws depend only on seed and week, one per customer and purpose. Two worlds that treat different
    customers therefore share their draws, and any difference between them is the effect of the treatment.
    """
    people = state.population
    draws = np.random.default_rng([people.seed, 2, state.week]).random((6, people.size))
    has_joined = people.joined_week <= state.week
    contacted = np.zeros(people.size, dtype=bool) if treated is None else treated & has_joined
    state = replace(state, contacted_until=np.where(contacted, state.week + CONTACT_EFFECT_WEEKS, state.contacted_until))
    present = has_joined & ~people.is_prospect
    has_ordered = state.orders > 0
    p_dropout = dropout_probability(state, 0)
    alive = state.alive & ~(present & has_ordered & (draws[0] < p_dropout))
    is_first = present & ~has_ordered
    p_order = np.where(is_first, 1.0, np.where(has_ordered, order_probability(state, 0), 0.0))
    ordered = present & alive & (draws[1] < p_order)
    p_alive = _update_p_alive(state.p_alive, p_dropout, p_order, ordered, present & has_ordered)
    served, opened, settled = _update_cases(state, ordered, draws)
    orders = state.orders + ordered
    later = replace(
        served,
        week=state.week + 1,
        alive=alive,
        p_alive=p_alive,
        weeks_since_order=np.where(ordered, 1, state.weeks_since_order + (orders > 0)),
        orders=orders,
    )
    events = WeekEvents(
        week=state.week,
        ordered=np.flatnonzero(ordered),
        opened=np.flatnonzero(opened),
        weeks_to_settle=served.weeks_to_settle[opened] + 1,
        settles_well=served.settles_well[opened],
        settled=np.flatnonzero(settled),
        contacted=np.flatnonzero(contacted),
        dissatisfaction=served.dissatisfaction,
    )
    return later, events


def order_probability(state: WorldState, ahead: int) -> Array:
    """Return P(order in the week `ahead` weeks from now) for customers alive and without an order until then.

    A Weibull hazard with the customer's shape, scaled by the season and by contacts.
    """
    people, week = state.population, state.week + ahead
    elapsed = state.weeks_since_order + ahead
    shape = people.weibull_shape
    hazard = people.order_rate * shape * (people.order_rate * np.maximum(elapsed, 0.5)) ** (shape - 1)
    contact = np.where(state.contacted_until > week, CONTACT_RATE_FACTORS[people.contact_response], 1.0)
    return 1 - np.exp(-np.minimum(hazard, 1.5) * contact * seasonal_factor(week))


def dropout_probability(state: WorldState, ahead: int) -> Array:
    """Return P(leaving for good in the week `ahead` weeks from now), given the dissatisfaction at that time."""
    people = state.population
    contact = np.where(state.contacted_until > state.week + ahead, CONTACT_DROPOUT_FACTORS[people.contact_response], 1.0)
    return np.minimum(people.dropout_rate * contact * np.exp(dissatisfaction_ahead(state, ahead)), 0.9)


def dissatisfaction_ahead(state: WorldState, ahead: int) -> Array:
    """Return the dissatisfaction `ahead` weeks from now without another order: it fades, and jumps when a case is settled."""
    settles = (state.weeks_to_settle != NO_OPEN_CASE) & (state.weeks_to_settle < ahead)
    weeks_after = np.maximum(ahead - 1 - state.weeks_to_settle, 0)
    after_settlement = np.where(state.settles_well, SETTLED_WELL, SETTLED_BADLY) * WEEKLY_DECAY**weeks_after
    return np.where(settles, after_settlement, state.dissatisfaction * WEEKLY_DECAY**ahead)


def seasonal_factor(week: int) -> float:
    """Return the factor on the order rate for a week; the simulation starts in the first week of January."""
    return 1 + 0.25 * float(np.cos(2 * np.pi * (week - 49) / WEEKS_PER_YEAR))


def true_p_churn(state: WorldState, horizon_weeks: int) -> Array:
    """Return P(no order in the next `horizon_weeks` weeks), given all rates and dissatisfaction but not who has left.

    Exact: until the next order, only the dropout is unknown. NaN before the first order.
    """
    p_waiting, p_order = state.p_alive.copy(), np.zeros(state.population.size)
    for ahead in range(horizon_weeks):
        p_waiting = p_waiting * (1 - dropout_probability(state, ahead))
        p_order_this_week = order_probability(state, ahead)
        p_order += p_waiting * p_order_this_week
        p_waiting = p_waiting * (1 - p_order_this_week)
    return np.where(state.orders > 0, 1 - p_order, np.nan)


def _update_p_alive(p_alive: Array, p_dropout: Array, p_order: Array, ordered: BoolArray, has_ordered: BoolArray) -> Array:
    """Apply Bayes' rule: an order proves that the customer is alive, a week without one makes it less likely."""
    survives = p_alive * (1 - p_dropout)
    after_no_order = survives * (1 - p_order) / np.maximum(1 - survives * p_order, 1e-12)
    return np.where(ordered, 1.0, np.where(has_ordered, after_no_order, p_alive))


def _update_cases(state: WorldState, ordered: BoolArray, draws: Array) -> tuple[WorldState, BoolArray, BoolArray]:
    """Settle due cases, and let some orders fail and some of those customers complain.

    Returns the new state, who opened a case, and whose case was settled.
    """
    people = state.population
    settled = state.weeks_to_settle == 0
    dissatisfaction = np.where(
        settled, np.where(state.settles_well, SETTLED_WELL, SETTLED_BADLY), state.dissatisfaction * WEEKLY_DECAY
    )
    weeks_to_settle = np.where(state.weeks_to_settle > 0, state.weeks_to_settle - 1, NO_OPEN_CASE)
    failed = ordered & (draws[2] < FAILURE_RATES[people.region]) & (weeks_to_settle == NO_OPEN_CASE)
    opened = failed & (draws[3] < people.complaint_probability)
    after_failure = np.where(failed, np.maximum(dissatisfaction, SUFFERED_SILENTLY), dissatisfaction)
    duration = np.floor(-np.log1p(-draws[4]) * 2.0).astype(np.int64)
    settles_well = draws[5] < np.where(duration <= 1, 0.8, 0.3)
    updated = replace(
        state,
        dissatisfaction=np.where(opened, OPEN_CASE, after_failure),
        weeks_to_settle=np.where(opened, duration, weeks_to_settle),
        settles_well=np.where(opened, settles_well, state.settles_well),
    )
    return updated, opened, settled
