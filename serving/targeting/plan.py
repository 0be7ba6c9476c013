"""A week's plan: for every candidate, the action and the arm, or why the customer is on no list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from features.frames.arrays import Array, BoolArray
from features.frames.columns import CUSTOMER
from serving.targeting.caps import apply_caps, apply_owner_caps
from serving.targeting.control_group import draw_holdouts
from serving.targeting.eligibility import Histories, with_exclusions
from serving.targeting.exclusions import Exclusion
from serving.targeting.expected_gain import ASSUMED, MEASURED, acceptable_gain, averted_risk, expected_gain, saved_value
from serving.targeting.knapsack import Increments, build_forced_increments, build_increments, select_affordable
from serving.targeting.ordering import BEST_GAIN, IS_WORTH_IT, LEFT_OUT, OWNER, SERVICE_TARGETS, exclude
from serving.targeting.rules import Target
from serving.targeting.units import DRAWN, NO_LINKS, NO_UNITS, unit_links, units_of_candidates, with_units
from settings.sections import Action, Targeting

OPTION = "_option"


@dataclass(frozen=True)
class ListBounds:
    """Limits of one list: what its treated customers may cost together, and its number of rows; None: no limit."""

    budget: float | None
    limit: int | None = None


@dataclass(frozen=True)
class PlanInputs:
    """What a plan needs beside the customers.

    `key` is the workspace's; `draws` names the draw of the control group by target, `bounds` the limits of each target's list.
    `control_hold_days` is for how long a customer stays in the control group of a list.
    """

    targeting: Targeting
    key: bytes
    draws: Mapping[Target, str]
    bounds: Mapping[Target, ListBounds]
    control_hold_days: int


@dataclass(frozen=True)
class Plan:
    """The decision for every customer.

    `frame` has a row per customer: action, its cost, gain and basis, arm, and `left_out`, null for those on a list.
    `spending_order` has the increments of each target in the order in which its budget is spent; their `row` is a row of `frame`.
    `links` are those of the units (`serving.targeting.units.unit_links`).
    """

    frame: pl.DataFrame
    spending_order: Mapping[Target, Increments]
    links: pl.DataFrame = field(default_factory=NO_LINKS.clone)


def make_plan(
    customers: pl.DataFrame, earlier: pl.DataFrame, withheld: pl.Expr, inputs: PlanInputs, units: pl.DataFrame = NO_UNITS
) -> Plan:
    """Return the plan for all targets together, so that caps and households hold over all lists of a week.

    `customers` has a row per candidate (`serving.store.targets.CANDIDATE_COLUMNS`), by customer_id; `earlier` a row per customer
    and earlier list (`serving.store.lists.EARLIER_COLUMNS`). `withheld` says who has objected or was erased since the run.
    `units` has UNIT_COLUMNS of all customers who share a household or contact point; empty, only candidates are known to share
    one. The control group is drawn by unit, before caps and budget, and no row's place depends on its own draw.
    """
    targeting = inputs.targeting
    units = units_of_candidates(customers, inputs.key) if units.is_empty() else units
    frame = with_units(customers, units, inputs.key).with_columns(saved_value(), *_measured_effects(customers, targeting.actions))
    measured = {action.name: _effect(action) for action in targeting.actions if _effect(action) in frame.columns}
    frame = frame.with_columns(expected_gain(action, measured).alias(_gain(action)) for action in targeting.actions)
    frame = _with_best_gain(frame, targeting.actions)
    histories = Histories(earlier, units, unit_links(frame, units, inputs.key))
    eligible = with_exclusions(frame, histories, withheld, targeting.pause_days, inputs.control_hold_days)
    plan = _allocate_budgets(apply_caps(_draw_arms(eligible, inputs), targeting.caps), inputs, measured)
    return replace(plan, links=histories.links)


def _gain(action: Action) -> str:
    """Return the column of an action's expected gain."""
    return f"gain:{action.name}"


def _effect(action: Action) -> str:
    """Return the column of an action's measured effect."""
    return f"averted:{action.name}"


def _measured_effects(customers: pl.DataFrame, actions: tuple[Action, ...]) -> list[pl.Expr]:
    """Return a column for each action whose effect was measured."""
    if customers["averted"].null_count() == customers.height:
        return []
    decoded = pl.col("averted").str.json_decode(pl.Struct({action.name: pl.Float64 for action in actions}))
    effects = {action: decoded.struct.field(action.name).alias(_effect(action)) for action in actions}
    frame = customers.select(*effects.values())
    return [effect for action, effect in effects.items() if frame[_effect(action)].null_count() < frame.height]


def _with_best_gain(frame: pl.DataFrame, actions: tuple[Action, ...]) -> pl.DataFrame:
    """Add the gain and the owner of the best action, and whether any action may be taken.

    For service the best of the actions that may be taken counts, for the others the best of all.
    """
    gains = [_gain(action) for action in actions]
    acceptable = [acceptable_gain(action, pl.col(_gain(action))) for action in actions]
    nothing = pl.lit(None, pl.Float64)
    best_acceptable = pl.max_horizontal(*acceptable, nothing)
    best = frame.with_columns(
        pl.coalesce(best_acceptable, pl.max_horizontal(*gains, nothing)).alias(BEST_GAIN),
        best_acceptable.is_not_null().alias(IS_WORTH_IT),
    )
    owners = [pl.when(pl.col(_gain(action)) == pl.col(BEST_GAIN)).then(pl.lit(action.owner)) for action in actions]
    return best.with_columns(pl.coalesce(*owners, pl.lit(None, pl.String)).alias(OWNER))


def global_share(targeting: Targeting) -> float:
    """Return the share of all customers in the global control, which no list ever treats: at most the control share."""
    return min(targeting.global_control_share, targeting.control_share)


def list_share(targeting: Targeting) -> float:
    """Return the share of the other customers that a list holds out, so that both shares add up to the control share."""
    return (targeting.control_share - global_share(targeting)) / (1 - global_share(targeting))


def _draw_arms(frame: pl.DataFrame, inputs: PlanInputs) -> pl.DataFrame:
    """Add held_by, arm, propensity and global_share, from the draw of each unit for the customer's target."""
    targeting = inputs.targeting
    of_list, of_all = list_share(targeting), global_share(targeting)
    draws = [
        pl.when(pl.col("target") == target.value).then(
            pl.lit(draw_holdouts(frame[DRAWN], draw, inputs.key, list_share=of_list, global_share=of_all))
        )
        for target, draw in inputs.draws.items()
    ]
    drawn = frame.with_columns(pl.coalesce(*draws, pl.lit(None, pl.String)).alias("held_by"))
    return drawn.with_columns(
        pl.when(pl.col("held_by").is_null()).then(pl.lit("treated")).otherwise(pl.lit("control")).alias("arm"),
        pl.when(pl.col("held_by") == "global").then(0.0).otherwise(1 - of_list).alias("propensity"),
        pl.lit(of_all).alias("global_share"),
    )


def _allocate_budgets(frame: pl.DataFrame, inputs: PlanInputs, measured: Mapping[str, str]) -> Plan:
    """Spend each target's budget, and decide for every customer."""
    actions = inputs.targeting.actions
    costs = np.array([action.cost for action in actions], dtype=np.float64)
    gains = frame.select(_gain(action) for action in actions).cast(pl.Float64).fill_null(np.nan).to_numpy()
    gains = gains.reshape(frame.height, len(actions))
    is_candidate = frame[LEFT_OUT].is_null() | (frame[LEFT_OUT] == Exclusion.NOT_WORTH_IT.value)
    is_treated = (frame["arm"] == "treated").to_numpy()
    option = np.full(frame.height, -1)
    spending_order: dict[Target, Increments] = {}
    for target, bounds in inputs.bounds.items():
        rows = np.flatnonzero((is_candidate & (frame["target"] == target.value)).to_numpy())
        spending_order[target] = _target_increments(target, rows, costs, _offered_gains(target, actions, gains[rows]))
        offered = spending_order[target].subset(_is_offered(target, spending_order[target]))
        bought = select_affordable(offered, is_treated, np.inf if bounds.budget is None else bounds.budget)
        option[offered.row[bought]] = offered.option[bought]  # a customer's later increment replaces the earlier one
    chosen = exclude(frame.with_columns(pl.Series(OPTION, option)), pl.col(OPTION) < 0, Exclusion.BUDGET)
    decided = apply_owner_caps(chosen.with_columns(_decision_columns(actions, measured)), inputs.targeting.caps)
    for target, bounds in inputs.bounds.items():
        if bounds.limit is not None:
            decided = _apply_limit(decided, target, bounds.limit)
    return Plan(decided, spending_order)


def _target_increments(target: Target, rows: np.ndarray, costs: np.ndarray, gains: np.ndarray) -> Increments:
    build = build_forced_increments if target in SERVICE_TARGETS else build_increments
    increments = build(costs, gains)
    return replace(increments, row=rows[increments.row])


def _offered_gains(target: Target, actions: tuple[Action, ...], gains: Array) -> Array:
    """Return the gains of service's actions without those that depend on a gain and have none; all of the other targets."""
    if target not in SERVICE_TARGETS:
        return gains
    conditional = np.array([not action.is_unconditional for action in actions], dtype=bool)
    return np.where(conditional & ~(gains > 0), np.nan, gains)


def _is_offered(target: Target, increments: Increments) -> BoolArray:
    """Return which increments may be bought: those with a gain, and for service all, which `_offered_gains` has left."""
    everything: BoolArray = np.ones(len(increments), dtype=bool)
    return everything if target in SERVICE_TARGETS else increments.gain > 0


def _decision_columns(actions: tuple[Action, ...], measured: Mapping[str, str]) -> list[pl.Expr]:
    """Return action, channel, owner, cost, gain, averted risk and its basis for customers with an action; null for the others."""

    def chosen(name: str, dtype: pl.DataType, value: Callable[[Action], pl.Expr]) -> pl.Expr:
        values = (pl.when(pl.col(OPTION) == index).then(value(action)) for index, action in enumerate(actions))
        return pl.coalesce(*values, pl.lit(None, dtype)).alias(name)

    def basis(action: Action) -> pl.Expr:
        if action.name not in measured:
            return pl.lit(ASSUMED)
        return pl.when(pl.col(measured[action.name]).is_null()).then(pl.lit(ASSUMED)).otherwise(pl.lit(MEASURED))

    return [
        chosen("action", pl.String(), lambda action: pl.lit(action.name)),
        chosen("channel", pl.String(), lambda action: pl.lit(action.channel)),
        chosen("owner", pl.String(), lambda action: pl.lit(action.owner)),
        chosen("action_cost", pl.Float64(), lambda action: pl.lit(action.cost)),
        chosen("expected_gain", pl.Float64(), lambda action: pl.col(_gain(action))),
        chosen("averted", pl.Float64(), lambda action: averted_risk(action, measured)),
        chosen("basis", pl.String(), basis),
    ]


def _apply_limit(frame: pl.DataFrame, target: Target, limit: int) -> pl.DataFrame:
    """Keep the first rows of a list, of both arms."""
    is_listed = (pl.col("target") == target.value) & pl.col(LEFT_OUT).is_null()
    ordered = frame.sort("expected_gain", CUSTOMER, descending=[True, False], nulls_last=True)
    return exclude(ordered, is_listed & (is_listed.cum_sum() > limit), Exclusion.LIMIT).sort(CUSTOMER)
