"""Measure what lists earned against their control groups: by list, kind, action and segment, and cumulatively by week."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import polars as pl

from models.uplift.rare_events import MIN_BUYERS, Purchases
from models.uplift.treatment_effect import MIN_PER_ARM, Effect, estimate_effect
from serving.outcomes.rows import enrolments

COVARIATES = ("p_churn", "expected_value")


TOO_FEW_ORDERS = "too few orders to tell"


@dataclass(frozen=True)
class GroupOutcome:
    """What a group of issued rows earned, as effects per treated customer.

    `scope` is list, kind, action, segment, cumulated, global or all. Only customers whose window has ended are measured and
    counted in `treated` and `control`: before that, costs would be known and orders not. `closed` is their share of all rows;
    `next_end` is the day on which the next window ends. `orders` and `profit` are None if an arm has fewer than two customers,
    `profit` also if no customer of the shop ordered. `more` is how many more customers are needed to detect the expected gain;
    None if the result is conclusive or no number would do. `ordered_treated` and `ordered_control` are how many of the arms
    ordered. `global_control` is how many customers of the global control the group has beside `control`: they are on its lists,
    and compared separately. The fields are the keys of the stored report.
    """

    scope: str
    name: str
    treated: int
    control: int
    closed: float
    next_end: date | None
    expected_gain: float
    orders: Effect | None
    profit: Effect | None
    more: int | None
    ordered_treated: int = 0
    ordered_control: int = 0
    global_control: int = 0

    @property
    def has_few_orders(self) -> bool:
        """Whether too few customers ordered to say what the treatment did, whatever the interval."""
        return self.ordered_treated + self.ordered_control < MIN_BUYERS

    @property
    def is_inconclusive(self) -> bool:
        """Whether the effect on profit is unknown, not significant, or rests on too few orders."""
        return self.profit is None or self.has_few_orders or not self.profit.is_significant

    @property
    def total(self) -> tuple[float, float, float] | None:
        """Incremental profit of all treated customers together, and its 95 % interval."""
        if self.profit is None:
            return None
        return self.treated * self.profit.mean, self.treated * self.profit.low, self.treated * self.profit.high

    @property
    def missing(self) -> tuple[str, str] | None:
        """What is missing for a result, in a few words and in a sentence; None where nothing is."""
        few = "too few customers"
        arms = f"{self.treated:,} treated and {self.control:,} held out"
        if self.treated + self.control == 0:
            sentence = f"Too early: no customer's window has ended yet; the first ends on {self.next_end}."
            return f"too early until {self.next_end}", sentence
        if min(self.treated, self.control) >= MIN_PER_ARM and self.has_few_orders:
            needed = f"A result needs at least {MIN_BUYERS} customers who ordered."
            return TOO_FEW_ORDERS, f"{TOO_FEW_ORDERS.capitalize()}: {self._ordered}. {needed}"
        return (few, f"{few.capitalize()}: {arms}; each arm needs at least two.") if self.profit is None else None

    @property
    def verdict(self) -> str:
        """The result in a few words."""
        if self.missing is not None or self.profit is None:
            return "" if self.missing is None else self.missing[0]
        if self.profit.is_significant:
            return "a gain" if self.profit.mean > 0 else "a loss"
        if self.more is None:
            return "inconclusive; no gain was expected"
        return f"not yet: {self.more:,} more customers" if self.more else "less than expected"

    @property
    def caution(self) -> str | None:
        """Why the result is inconclusive, in words; None if it is conclusive."""
        if not self.is_inconclusive:
            return None
        if self.missing is not None:
            return self.missing[1]
        if self.more is None:
            return "Inconclusive, and no gain was expected: no number of customers would show one."
        gain = f"{self.expected_gain:z.2f} per treated customer"
        if self.more == 0:
            return f"Less than expected: there are enough customers to show the expected gain of {gain}, but no gain is visible."
        return (
            "Inconclusive: the 95 % interval of the profit includes zero. "
            f"About {self.more:,} more customers, split the same way, would show the expected gain of {gain} with 80 % power."
        )

    @property
    def _ordered(self) -> str:
        return (
            f"{self.ordered_treated:,} of {self.treated:,} treated and {self.ordered_control:,} of {self.control:,} "
            "held-out customers ordered"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as data for JSON, with its verdict, its caution, and whether it is conclusive."""
        texts = {"verdict": self.verdict, "caution": self.caution, "conclusive": not self.is_inconclusive}
        return asdict(self) | texts | {"next_end": self.next_end and str(self.next_end)}


def measure_groups(rows: pl.DataFrame) -> list[GroupOutcome]:
    """Return what was earned, from rows with outcomes (`serving.outcomes.rows`), by intention to treat.

    Of several lists of a kind and week the effective one counts. A list is measured on its rows as issued. In all other groups a
    household counts once per window (`enrolments`). Intervals are clustered by household, which may have several windows. The
    global control is compared separately, because no list drew it.
    """
    effective = rows.filter(~pl.col("superseded"))
    drawn = effective.filter(pl.col("propensity").is_between(0, 1, closed="none"))
    held_by_all = effective.filter(pl.col("held_by") == "global")
    enrolled, globally_held = enrolments(drawn), enrolments(held_by_all)
    newest_first = drawn.sort("start", "number", descending=True, maintain_order=True)
    return [
        *([_group_outcome("all", "all lists", enrolled, globally_held)] if enrolled.height else []),
        *_by_column("kind", enrolled, globally_held, "kind"),
        *_by_column("action", enrolled, globally_held, "action"),
        *_by_column("segment", enrolled, globally_held, "loyalty_segment"),
        *_against_global_control(enrolled, globally_held),
        *_cumulated_by_week(enrolled, globally_held),
        *_by_column("list", newest_first, held_by_all, "list_id"),
    ]


def _against_global_control(enrolled: pl.DataFrame, global_control: pl.DataFrame) -> Iterator[GroupOutcome]:
    """Compare the treated with the global control.

    With g the global share and p a list's propensity, a customer is treated with probability (1 - g) p and in the global control
    with probability g.
    """
    if global_control.is_empty() or enrolled.is_empty():
        return
    arms = pl.concat([enrolled.filter(arm="treated"), global_control])
    g, p = pl.col("global_share"), pl.col("propensity").max()
    p_treated = (1 - g) * p
    propensity = (p_treated / (p_treated + g)).alias("propensity")
    yield _group_outcome("global", "against the global control", arms.with_columns(propensity), global_control.clear())


def _by_column(scope: str, rows: pl.DataFrame, global_control: pl.DataFrame, column: str) -> Iterator[GroupOutcome]:
    for (name,), group in rows.group_by(column, maintain_order=True):
        yield _group_outcome(scope, str(name), group, global_control.filter(pl.col(column).eq_missing(pl.lit(name))))


def _cumulated_by_week(enrolled: pl.DataFrame, global_control: pl.DataFrame) -> Iterator[GroupOutcome]:
    """Measure all weeks up to each week in which a window has ended."""
    for week in enrolled.filter("closed")["week"].unique().sort():
        until = pl.col("week") <= week
        yield _group_outcome("cumulated", week, enrolled.filter(until), global_control.filter(until))


def _group_outcome(scope: str, name: str, rows: pl.DataFrame, global_control: pl.DataFrame) -> GroupOutcome:
    closed = rows.filter("closed")
    gain = closed.select(pl.col("expected_gain").filter(pl.col("arm") == "treated").mean()).item()
    orders, profit = _effect(closed, "orders", "orders", "typical_orders"), _effect(closed, "profit", "earned", "typical_margin")
    ordered = dict(closed.filter(pl.col("orders") > 0).group_by("arm").len().iter_rows())
    expected_gain, treated = float(gain or 0.0), closed.filter(arm="treated").height
    more = None if profit is None or profit.is_significant else profit.additional_customers_needed(expected_gain)
    return GroupOutcome(
        scope=scope,
        name=name,
        treated=treated,
        control=closed.height - treated,
        closed=closed.height / max(rows.height, 1),
        next_end=_next_window_end(rows),
        expected_gain=expected_gain,
        orders=orders,
        profit=profit,
        more=more,
        ordered_treated=ordered.get("treated", 0),
        ordered_control=ordered.get("control", 0),
        global_control=global_control.filter("closed").height,
    )


def _effect(rows: pl.DataFrame, outcome: str, amount: str, typical: str) -> Effect | None:
    """Return the effect on an outcome; `amount` is what the orders brought, `typical` what they bring in the whole shop."""
    purchases = Purchases(
        ordered=(rows["orders"] > 0).to_numpy(),
        amount=rows[amount].cast(pl.Float64).to_numpy(),
        typical=float(rows.select(pl.col(typical).mean()).item() or 0.0),
    )
    return estimate_effect(
        rows[outcome].cast(pl.Float64).to_numpy(),
        (rows["arm"] == "treated").to_numpy(),
        rows["propensity"].to_numpy(),
        rows.select(COVARIATES).to_numpy(),
        rows["who"].rank("dense").to_numpy(),
        purchases,
    )


def _next_window_end(rows: pl.DataFrame) -> date | None:
    """Return the day on which the next open window ends; None if all have ended."""
    ends = rows.filter(~pl.col("closed")).select((pl.col("start") + pl.duration(days="horizon_days")).min())
    return None if ends.item() is None else date.fromisoformat(str(ends.item()))
