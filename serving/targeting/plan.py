"""A week's plan: of every customer who may come on a list, with what and in which arm, or why not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from features.frames.columns import CUSTOMER
from serving.targeting.caps import capped, owners_capped
from serving.targeting.control_group import held_by
from serving.targeting.eligibility import with_reasons
from serving.targeting.exclusions import Exclusion
from serving.targeting.expected_gain import ASSUMED, MEASURED, SAVED, averted, gain
from serving.targeting.knapsack import Flags, Increments, affordable, forced_increments, increments
from serving.targeting.ordering import BEST, OWNER, SERVICE, WHY, exclude
from serving.targeting.rules import Target
from settings.sections import Action, Targeting

OPTION = "_option"


@dataclass(frozen=True)
class ListBounds:
    """What is asked of one list of the week: how much it may cost and how many rows it may have; None: no bound."""

    budget: float | None
    limit: int | None = None


@dataclass(frozen=True)
class PlanInputs:
    """What a plan rests on beside the customers.

    `draws` names the draw that holds customers out, by target; `key` is the workspace's; `hold_out_days` for how long who was
    held out stays so. `wanted` is asked of each target's list.
    """

    targeting: Targeting
    key: bytes
    draws: Mapping[Target, str]
    wanted: Mapping[Target, ListBounds]
    control_hold_days: int


@dataclass(frozen=True)
class Plan:
    """A row per customer in `frame`: action, its cost, gain and basis, arm, and `left_out`, null for those on a list.

    `ladders` are the steps by which each target's money is spent, their `row` a place in `frame`.
    """

    frame: pl.DataFrame
    spending_order: Mapping[Target, Increments]


def make_plan(customers: pl.DataFrame, earlier: pl.DataFrame, withheld: pl.Expr, terms: PlanInputs) -> Plan:
    """Return the plan for all targets at once, so that caps and households hold over all lists of a week.

    `customers` has a row per customer who may come on a list (`serving.store.targets.SCHEMA`), by customer_id; `earlier` a row
    per customer and earlier list (`serving.store.issued.EARLIER`). `withheld` tells who objected since.
    Who is held out is drawn before caps and budget, and no row's place depends on its own draw.
    """
    targeting = terms.targeting
    frame = customers.with_columns(_saved(), *_measured(customers, targeting.actions))
    measured = {
        action.name: f"averted:{action.name}" for action in targeting.actions if f"averted:{action.name}" in frame.columns
    }
    frame = frame.with_columns(gain(action, measured).alias(_gain(action)) for action in targeting.actions)
    frame = _with_best(frame, targeting.actions)
    eligible = with_reasons(frame, earlier, withheld, targeting.pause_days, terms.control_hold_days)
    return _spent(capped(_drawn(eligible, terms), targeting.caps), terms, measured)


def _gain(action: Action) -> str:
    return f"gain:{action.name}"


def _saved() -> pl.Expr:
    """What a customer who stays is worth more than one who leaves; value_at_risk is p_churn times it."""
    return (pl.col("value_at_risk") / pl.col("p_churn")).fill_nan(0.0).alias(SAVED)


def _measured(customers: pl.DataFrame, actions: tuple[Action, ...]) -> list[pl.Expr]:
    """A column for each action whose effect was measured."""
    if customers["averted"].null_count() == customers.height:
        return []
    told = pl.col("averted").str.json_decode(pl.Struct({action.name: pl.Float64 for action in actions}))
    columns = {action.name: told.struct.field(action.name) for action in actions}
    known = customers.select(**columns)
    return [columns[name].alias(f"averted:{name}") for name in columns if known[name].null_count() < known.height]


def _with_best(frame: pl.DataFrame, actions: tuple[Action, ...]) -> pl.DataFrame:
    """The gain of the best action, and whose work it is."""
    names = [_gain(action) for action in actions]
    best = frame.with_columns(pl.max_horizontal(*names, pl.lit(None, pl.Float64)).alias(BEST))
    owners = [pl.when(pl.col(_gain(action)) == pl.col(BEST)).then(pl.lit(action.owner)) for action in actions]
    return best.with_columns(pl.coalesce(*owners, pl.lit(None, pl.String)).alias(OWNER))


def global_share(targeting: Targeting) -> float:
    """Return the share of all customers whom no list ever treats: of the control, at most all."""
    return min(targeting.global_control_share, targeting.control_share)


def list_share(targeting: Targeting) -> float:
    """Return the share that a list holds out of the others, so that both together are the control share."""
    return (targeting.control_share - global_share(targeting)) / (1 - global_share(targeting))


def _drawn(frame: pl.DataFrame, terms: PlanInputs) -> pl.DataFrame:
    """Draw who is held out, by each target's own draw."""
    targeting = terms.targeting
    draws = [
        pl.when(pl.col("target") == each.value).then(
            pl.lit(held_by(frame[CUSTOMER], name, terms.key, list_share(targeting), global_share(targeting)))
        )
        for each, name in terms.draws.items()
    ]
    held = frame.with_columns(pl.coalesce(*draws, pl.lit(None, pl.String)).alias("held_by"))
    return held.with_columns(
        pl.when(pl.col("held_by").is_null()).then(pl.lit("treated")).otherwise(pl.lit("control")).alias("arm"),
        pl.when(pl.col("held_by") == "global").then(0.0).otherwise(1 - list_share(targeting)).alias("propensity"),
        pl.lit(global_share(targeting)).alias("global_share"),
    )


def _spent(frame: pl.DataFrame, terms: PlanInputs, measured: Mapping[str, str]) -> Plan:
    """Spend each target's budget, and say of everybody what was decided."""
    actions = terms.targeting.actions
    costs = np.array([action.cost for action in actions], dtype=np.float64)
    gains = frame.select(_gain(action) for action in actions).cast(pl.Float64).fill_null(np.nan).to_numpy()
    gains = gains.reshape(frame.height, len(actions))
    on_ladder = frame[WHY].is_null() | (frame[WHY] == Exclusion.NOT_WORTH_IT.value)
    treated = (frame["arm"] == "treated").to_numpy()
    option = np.full(frame.height, -1)
    ladders: dict[Target, Increments] = {}
    for each, wanted in terms.wanted.items():
        rows = np.flatnonzero((on_ladder & (frame["target"] == each.value)).to_numpy())
        ladders[each] = _ladder(each, rows, costs, gains[rows])
        bought = ladders[each].only(_pays(each, ladders[each]))
        paid = affordable(bought, treated, np.inf if wanted.budget is None else wanted.budget)
        option[bought.row[paid]] = bought.option[paid]  # a later step of a customer takes the place of an earlier one
    chosen = frame.with_columns(pl.Series(OPTION, option))
    chosen = exclude(chosen, pl.col(OPTION) < 0, Exclusion.BUDGET)
    decided = owners_capped(chosen.with_columns(_decided(actions, measured)), terms.targeting.caps)
    for each, wanted in terms.wanted.items():
        if wanted.limit is not None:
            decided = _shortened(decided, each, wanted.limit)
    return Plan(decided, ladders)


def _ladder(each: Target, rows: np.ndarray, costs: np.ndarray, gains: np.ndarray) -> Increments:
    found = forced_increments(costs, gains) if each in SERVICE else increments(costs, gains)
    return replace(found, row=rows[found.row])


def _pays(each: Target, ladder: Increments) -> Flags:
    """A complaint is answered whatever it gains."""
    every: Flags = np.ones(len(ladder), dtype=bool)
    return every if each in SERVICE else ladder.gain > 0


def _decided(actions: tuple[Action, ...], measured: Mapping[str, str]) -> list[pl.Expr]:
    """Action, cost, gain, what it averts and on what basis, of those who have one."""

    def of(value: Callable[[Action], pl.Expr], dtype: pl.DataType, name: str) -> pl.Expr:
        each = (pl.when(pl.col(OPTION) == place).then(value(action)) for place, action in enumerate(actions))
        return pl.coalesce(*each, pl.lit(None, dtype)).alias(name)

    def basis(action: Action) -> pl.Expr:
        if action.name not in measured:
            return pl.lit(ASSUMED)
        return pl.when(pl.col(measured[action.name]).is_null()).then(pl.lit(ASSUMED)).otherwise(pl.lit(MEASURED))

    return [
        of(lambda action: pl.lit(action.name), pl.String(), "action"),
        of(lambda action: pl.lit(action.channel), pl.String(), "channel"),
        of(lambda action: pl.lit(action.owner), pl.String(), "owner"),
        of(lambda action: pl.lit(action.cost), pl.Float64(), "action_cost"),
        of(lambda action: pl.col(_gain(action)), pl.Float64(), "expected_gain"),
        of(lambda action: averted(action, measured), pl.Float64(), "averted"),
        of(basis, pl.String(), "basis"),
    ]


def _shortened(frame: pl.DataFrame, each: Target, limit: int) -> pl.DataFrame:
    """Keep the first rows of a list, treated and held out."""
    listed = (pl.col("target") == each.value) & pl.col(WHY).is_null()
    ordered = frame.sort("expected_gain", CUSTOMER, descending=[True, False], nulls_last=True)
    return exclude(ordered, listed & (listed.cum_sum() > limit), Exclusion.LIMIT).sort(CUSTOMER)
