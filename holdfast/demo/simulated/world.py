"""The simulated world, one week at a time: who leaves, who orders, what goes wrong, and who is contacted."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from holdfast.demo.simulated.catalogue import FAILURE_RATES
from holdfast.demo.simulated.population import (
    CONTACT_ON_DROPOUT,
    CONTACT_ON_RATE,
    Flags,
    Floats,
    Ints,
    Population,
    draw_population,
)

CONTACT_WEEKS = 8
WEEKS_PER_YEAR = 52.18
FADING = 0.94
# Log-multipliers on the weekly dropout: a case settled well leaves more loyalty than none.
OPEN_CASE, SETTLED_WELL, SETTLED_BADLY, SUFFERED_SILENTLY = np.log(4.0), np.log(0.4), np.log(3.0), np.log(2.5)
NEVER = -1


@dataclass(frozen=True)
class WorldState:
    """The world at the start of a week; one entry per customer in every array.

    `belief` is the probability of still being a customer for one who knows every rate and every order, but
    not who has left. `mood` multiplies the dropout, as exp(mood), and fades by 6 % a week.
    """

    population: Population
    week: int
    alive: Flags
    belief: Floats
    since_order: Ints
    orders: Ints
    mood: Floats
    settles_in: Ints
    settles_well: Flags
    contacted_until: Ints


@dataclass(frozen=True)
class Week:
    """What happened in one week: indices of customers, and what belongs to them."""

    week: int
    ordered: Ints
    opened: Ints
    opened_settles_in: Ints
    opened_settles_well: Flags
    settled: Ints
    contacted: Ints
    mood: Floats


def new_world(customers: int, weeks: int, seed: int) -> WorldState:
    """Return the world before its first week; `weeks` only spreads the days on which customers join."""
    population = draw_population(customers, weeks, seed)
    n = population.size
    none = np.zeros(n, dtype=np.int64)
    return WorldState(
        population, 0, np.ones(n, dtype=bool), np.ones(n), none, none, np.zeros(n), none + NEVER, np.zeros(n, dtype=bool), none
    )


def advance(state: WorldState, treated: NDArray[np.bool_] | None = None) -> tuple[WorldState, Week]:
    """Return the state one week later, and what happened; `treated` marks the customers contacted in this week.

    Draws depend on seed and week alone, one per customer and purpose: two worlds that differ in whom they
    treat use the same luck, so their difference is the effect of treating.
    """
    people, draws = (
        state.population,
        np.random.default_rng([state.population.seed, 2, state.week]).random((6, state.population.size)),
    )
    contacted = np.zeros(people.size, dtype=bool) if treated is None else treated & (people.joined <= state.week)
    state = replace(state, contacted_until=np.where(contacted, state.week + CONTACT_WEEKS, state.contacted_until))
    here = (people.joined <= state.week) & ~people.prospect
    leaves = weekly_dropout(state, 0)
    alive = state.alive & ~(here & (state.orders > 0) & (draws[0] < leaves))
    first = here & (state.orders == 0)
    chance = np.where(first, 1.0, np.where(state.orders > 0, weekly_order(state, 0), 0.0))
    ordered = here & alive & (draws[1] < chance)
    belief = _updated_belief(state.belief, leaves, chance, ordered, here & (state.orders > 0))
    moved, opened, settled = _service(state, ordered, draws)
    orders = state.orders + ordered
    since = np.where(ordered, 1, state.since_order + (orders > 0))
    after = replace(moved, week=state.week + 1, alive=alive, belief=belief, since_order=since, orders=orders)
    happened = Week(
        state.week,
        np.flatnonzero(ordered),
        np.flatnonzero(opened),
        moved.settles_in[opened] + 1,
        moved.settles_well[opened],
        np.flatnonzero(settled),
        np.flatnonzero(contacted),
        moved.mood,
    )
    return after, happened


def weekly_order(state: WorldState, ahead: int) -> Floats:
    """Probability of an order in the week `ahead` weeks from now, for one alive who has not ordered until then.

    Weibull hazard with the customer's rhythm as shape, scaled by season and by contacts.
    """
    people, week = state.population, state.week + ahead
    since = state.since_order + ahead
    hazard = people.rate * people.rhythm * (people.rate * np.maximum(since, 0.5)) ** (people.rhythm - 1)
    contact = np.where(state.contacted_until > week, CONTACT_ON_RATE[people.response], 1.0)
    return 1 - np.exp(-np.minimum(hazard, 1.5) * contact * season(week))


def weekly_dropout(state: WorldState, ahead: int) -> Floats:
    """Probability of leaving for good in the week `ahead` weeks from now, with the mood as it will be then."""
    people = state.population
    contact = np.where(state.contacted_until > state.week + ahead, CONTACT_ON_DROPOUT[people.response], 1.0)
    return np.minimum(people.dropout * contact * np.exp(mood_ahead(state, ahead)), 0.9)


def mood_ahead(state: WorldState, ahead: int) -> Floats:
    """Mood `ahead` weeks from now if no order is made: it fades, and changes when an open case is settled."""
    settles = (state.settles_in != NEVER) & (state.settles_in < ahead)
    after = np.where(state.settles_well, SETTLED_WELL, SETTLED_BADLY) * FADING ** np.maximum(ahead - 1 - state.settles_in, 0)
    return np.where(settles, after, state.mood * FADING**ahead)


def season(week: int) -> float:
    """Order intensity of a week of the year; the simulation starts in the first week of January."""
    return 1 + 0.25 * float(np.cos(2 * np.pi * (week - 49) / WEEKS_PER_YEAR))


def true_p_churn(state: WorldState, horizon_weeks: int) -> Floats:
    """P(no order in the next `horizon_weeks` weeks) for one who knows every rate and mood, but not who has left.

    Exact: until the next order everything but the customer's leaving is determined. NaN before the first order.
    """
    waiting, order = state.belief.copy(), np.zeros(state.population.size)
    for ahead in range(horizon_weeks):
        waiting = waiting * (1 - weekly_dropout(state, ahead))
        chance = weekly_order(state, ahead)
        order += waiting * chance
        waiting = waiting * (1 - chance)
    return np.where(state.orders > 0, 1 - order, np.nan)


def _updated_belief(belief: Floats, leaves: Floats, chance: Floats, ordered: Flags, known: Flags) -> Floats:
    """Bayes: an order proves that the customer is still there, silence makes it less likely."""
    stays = belief * (1 - leaves)
    silent = stays * (1 - chance) / np.maximum(1 - stays * chance, 1e-12)
    return np.where(ordered, 1.0, np.where(known, silent, belief))


def _service(state: WorldState, ordered: Flags, draws: Floats) -> tuple[WorldState, Flags, Flags]:
    """Orders go wrong, some customers complain, open cases are settled; returns the state, opened and settled."""
    people = state.population
    settled = state.settles_in == 0
    mood = np.where(settled, np.where(state.settles_well, SETTLED_WELL, SETTLED_BADLY), state.mood * FADING)
    settles_in = np.where(state.settles_in > 0, state.settles_in - 1, NEVER)
    failed = ordered & (draws[2] < FAILURE_RATES[people.region]) & (settles_in == NEVER)
    opened = failed & (draws[3] < people.complains)
    mood = np.where(opened, OPEN_CASE, np.where(failed, np.maximum(mood, SUFFERED_SILENTLY), mood))
    duration = np.floor(-np.log1p(-draws[4]) * 2.0).astype(np.int64)
    well = draws[5] < np.where(duration <= 1, 0.8, 0.3)
    settles_in = np.where(opened, duration, settles_in)
    return (
        replace(state, mood=mood, settles_in=settles_in, settles_well=np.where(opened, well, state.settles_well)),
        opened,
        settled,
    )
