"""A week's plan: of every customer who may come on a list, with what and in which arm, or why not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from features.columns import CUSTOMER
from serving.control import held_by
from serving.targeting.gains import ASSUMED, MEASURED, SAVED, averted, gain
from serving.targeting.knapsack import Flags, Steps, affordable, forced_steps, steps
from serving.targeting.left_out import LeftOut
from serving.targeting.rules import Target
from settings.sections import Action, Targeting

PRIORITY = (Target.RECOVERY, Target.RETENTION, Target.WIN_BACK)
SERVICE = frozenset({Target.RECOVERY})
OPTION, BEST, OWNER, TREATED = "_option", "_best", "_owner", "_treated"
WHY = "left_out"
SHARED = ("contacted_days", "treated_by_service", "treated_by_marketing", "held_by_service", "held_by_marketing")


@dataclass(frozen=True)
class Wanted:
    """What is asked of one list of the week: how much it may cost and how many rows it may have; None: no bound."""

    budget: float | None
    limit: int | None = None


@dataclass(frozen=True)
class Terms:
    """What a plan rests on beside the customers.

    `draws` names the draw that holds customers out, by target; `key` is the workspace's; `hold_out_days` for how long who was
    held out stays so. `wanted` is asked of each target's list.
    """

    targeting: Targeting
    key: bytes
    draws: Mapping[Target, str]
    wanted: Mapping[Target, Wanted]
    hold_out_days: int


@dataclass(frozen=True)
class Plan:
    """A row per customer in `frame`: action, its cost, gain and basis, arm, and `left_out`, null for those on a list.

    `ladders` are the steps by which each target's money is spent, their `row` a place in `frame`.
    """

    frame: pl.DataFrame
    ladders: Mapping[Target, Steps]
    actions: tuple[Action, ...]


def make_plan(customers: pl.DataFrame, earlier: pl.DataFrame, withheld: pl.Expr, terms: Terms) -> Plan:
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
    known = frame.join(_history(earlier, customers), on=CUSTOMER, how="left", maintain_order="left")
    frame = _ruled(_shared(known), withheld, terms)
    frame = _drawn(_one_per(_one_per(frame, "household"), "contact_point"), terms)
    frame = _capped(frame, targeting)
    return _spent(frame, terms, measured)


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


def _history(earlier: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    """Per customer, how long ago service and marketing treated it last, and how far its time of being held out is over.

    Negative: not yet. `own_days` is how long ago this very list, made before in the same week, treated it.
    """
    again = pl.col("this_week") & (pl.col("target") == pl.col("present"))
    present = customers.select(CUSTOMER, pl.col("target").alias("present"))
    rows = earlier.join(present, on=CUSTOMER).with_columns(again.alias("again"))
    service, treated = pl.col("target").is_in([each.value for each in SERVICE]), pl.col("arm") == "treated"
    told = {"own_days": pl.col("days").filter(pl.col("again") & treated).min()}
    for who, by_them in (("service", service), ("marketing", ~service)):
        others = by_them & ~pl.col("again")
        told |= {
            f"treated_by_{who}": pl.col("days").filter(others & treated).min(),
            f"held_by_{who}": (pl.col("days") - pl.col("hold")).filter(others & ~treated).min(),
        }
    return rows.group_by(CUSTOMER).agg(**told)


def _shared(frame: pl.DataFrame) -> pl.DataFrame:
    """What one of a household or contact point was sent, the others got too; and so with being held out."""
    own = pl.col("contacted_days") != pl.col("own_days")  # this week's list, made before, is no contact to wait after
    known = frame.with_columns(pl.when(own.fill_null(value=True)).then("contacted_days").alias("contacted_days"))
    for group in ("household", "contact_point"):
        alone = pl.col(group).is_null()
        known = known.with_columns(
            pl.when(alone).then(name).otherwise(pl.col(name).min().over(group)).alias(name) for name in SHARED
        )
    return known


def _ruled(frame: pl.DataFrame, withheld: pl.Expr, terms: Terms) -> pl.DataFrame:
    """Ask rule after rule; the first that leaves a customer out is the reason.

    A complaint is not left to wait because marketing wrote last week: service looks at its own lists alone. One that was settled
    badly is answered once, not every few weeks.
    """
    pause, hold = terms.targeting.pause_days, terms.hold_out_days
    service = pl.col("target").is_in([each.value for each in SERVICE])
    own = {what: pl.when(service).then(f"{what}_by_service").otherwise(f"{what}_by_marketing") for what in ("treated", "held")}
    contacted = pl.when(~service).then("contacted_days")
    rules = {
        LeftOut.OBJECTED: withheld,
        LeftOut.NO_CONSENT: pl.col("barred").is_not_null(),
        LeftOut.NO_ACTION: pl.col(BEST).is_null(),
        LeftOut.NOT_WORTH_IT: ~service & (pl.col(BEST) <= 0),
        LeftOut.HELD_OUT: own["held"] < 0,
        LeftOut.ANSWERED: service & ~(pl.col("open_complaints") > 0).fill_null(value=False) & (own["treated"] < hold),
        LeftOut.CONTACTED: pl.min_horizontal(contacted, own["treated"]) < pause,
    }
    said = [pl.when(broken.fill_null(value=False)).then(pl.lit(why.value)) for why, broken in rules.items()]
    return frame.with_columns(pl.coalesce(*said, pl.lit(None, pl.String)).alias(WHY))


def _order(frame: pl.DataFrame) -> pl.Series:
    """Places by target, then by what the best action gains, ties by customer."""
    places = {each.value: place for place, each in enumerate(PRIORITY)}
    ranked = frame.select(
        pl.col("target").replace_strict(places, return_dtype=pl.Int64).alias("target"), BEST, CUSTOMER
    ).with_row_index("row")
    order = ranked.sort("target", BEST, CUSTOMER, descending=[False, True, False], nulls_last=True)
    return pl.Series("_place", np.argsort(order["row"].to_numpy()), dtype=pl.UInt32)


def _one_per(frame: pl.DataFrame, group: str) -> pl.DataFrame:
    """Of those who share a group, the first in order stays."""
    still = pl.col(WHY).is_null() & pl.col(group).is_not_null()
    place = pl.when(still).then("_place")
    others = still & (place > place.min().over(group))
    return _leave_out(frame.with_columns(_order(frame)), others, LeftOut.HOUSEHOLD).drop("_place")


def _leave_out(frame: pl.DataFrame, where: pl.Expr, why: LeftOut) -> pl.DataFrame:
    left = pl.when(pl.col(WHY).is_null() & where.fill_null(value=False)).then(pl.lit(why.value)).otherwise(pl.col(WHY))
    return frame.with_columns(left.alias(WHY))


def global_share(targeting: Targeting) -> float:
    """Return the share of all customers whom no list ever treats: of the control, at most all."""
    return min(targeting.global_control_share, targeting.control_share)


def list_share(targeting: Targeting) -> float:
    """Return the share that a list holds out of the others, so that both together are the control share."""
    return (targeting.control_share - global_share(targeting)) / (1 - global_share(targeting))


def _drawn(frame: pl.DataFrame, terms: Terms) -> pl.DataFrame:
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


def _capped(frame: pl.DataFrame, targeting: Targeting) -> pl.DataFrame:
    """Keep the first of each group so long as those treated before stay below the cap."""
    caps = targeting.caps
    asked: list[tuple[LeftOut, pl.Expr, int]] = [
        *((LeftOut.CAP_SEGMENT, pl.col("loyalty_segment") == name, most) for name, most in caps.segment.items()),
        *((LeftOut.CAP_OWNER, pl.col(OWNER) == name, most) for name, most in caps.owner.items()),
        *([(LeftOut.CAP_ONE_TIME, pl.col("orders") == 1, caps.one_time)] if caps.one_time is not None else []),
        *([(LeftOut.CAP_WEEK, pl.lit(value=True), caps.week)] if caps.week is not None else []),
    ]
    for why, where, most in asked:
        ordered = frame.with_columns(_order(frame)).sort("_place")
        within = pl.col(WHY).is_null() & where.fill_null(value=False)
        treated = (within & (pl.col("arm") == "treated")).cast(pl.Int64)
        before = treated.cum_sum() - treated
        frame = _leave_out(ordered, within & (before >= most), why).drop("_place").sort(CUSTOMER)
    return frame


def _spent(frame: pl.DataFrame, terms: Terms, measured: Mapping[str, str]) -> Plan:
    """Spend each target's budget, and say of everybody what was decided."""
    actions = terms.targeting.actions
    costs = np.array([action.cost for action in actions], dtype=np.float64)
    gains = frame.select(_gain(action) for action in actions).cast(pl.Float64).fill_null(np.nan).to_numpy()
    gains = gains.reshape(frame.height, len(actions))
    on_ladder = frame[WHY].is_null() | (frame[WHY] == LeftOut.NOT_WORTH_IT.value)
    treated = (frame["arm"] == "treated").to_numpy()
    option = np.full(frame.height, -1)
    ladders: dict[Target, Steps] = {}
    for each, wanted in terms.wanted.items():
        rows = np.flatnonzero((on_ladder & (frame["target"] == each.value)).to_numpy())
        ladders[each] = _ladder(each, rows, costs, gains[rows])
        bought = ladders[each].only(_pays(each, ladders[each]))
        paid = affordable(bought, treated, np.inf if wanted.budget is None else wanted.budget)
        option[bought.row[paid]] = bought.option[paid]  # a later step of a customer takes the place of an earlier one
    chosen = frame.with_columns(pl.Series(OPTION, option))
    chosen = _leave_out(chosen, pl.col(OPTION) < 0, LeftOut.BUDGET)
    decided = _owners_capped(chosen.with_columns(_decided(actions, measured)), terms.targeting)
    for each, wanted in terms.wanted.items():
        if wanted.limit is not None:
            decided = _shortened(decided, each, wanted.limit)
    return Plan(decided, ladders, actions)


def _owners_capped(decided: pl.DataFrame, targeting: Targeting) -> pl.DataFrame:
    """Once more by the owner of the action that was chosen: a budget may have chosen another one than the best."""
    for name, most in targeting.caps.owner.items():
        ordered = decided.with_columns(_order(decided)).sort("_place")
        theirs = pl.col(WHY).is_null() & (pl.col("owner") == name)
        treated = (theirs & (pl.col("arm") == "treated")).cast(pl.Int64)
        beyond = theirs & (treated.cum_sum() - treated >= most)
        decided = _leave_out(ordered, beyond, LeftOut.CAP_OWNER).drop("_place").sort(CUSTOMER)
    return decided


def _ladder(each: Target, rows: np.ndarray, costs: np.ndarray, gains: np.ndarray) -> Steps:
    found = forced_steps(costs, gains) if each in SERVICE else steps(costs, gains)
    return replace(found, row=rows[found.row])


def _pays(each: Target, ladder: Steps) -> Flags:
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
    return _leave_out(ordered, listed & (listed.cum_sum() > limit), LeftOut.LIMIT).sort(CUSTOMER)
