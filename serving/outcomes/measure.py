"""Measure what lists earned against their control groups: by list, kind, action and segment, and cumulatively by week."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import polars as pl

from models.uplift.treatment_effect import Effect, estimate_effect
from serving.outcomes.rows import enrolments

COVARIATES = ("p_churn", "expected_value")


@dataclass(frozen=True)
class GroupOutcome:
    """What a group of issued rows earned, as effects per treated customer.

    `scope` is list, kind, action, segment, cumulated, global or all. Only customers whose window has ended are measured and
    counted in `treated` and `control`: before that, costs would be known and orders not. `closed` is their share of all rows;
    `next_end` is the day on which the next window ends. `orders` and `profit` are None if an arm has fewer than two customers.
    `more` is how many more customers are needed to detect the expected gain; None if the result is conclusive or no number would
    do. The fields are the keys of the stored report.
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

    @property
    def is_inconclusive(self) -> bool:
        """Whether the effect on profit is unknown or not significant."""
        return self.profit is None or not self.profit.is_significant

    @property
    def total(self) -> tuple[float, float, float] | None:
        """Incremental profit of all treated customers together, and its 95 % interval."""
        if self.profit is None:
            return None
        return self.treated * self.profit.mean, self.treated * self.profit.low, self.treated * self.profit.high

    @property
    def verdict(self) -> str:
        """The result in a few words."""
        if self.treated + self.control == 0:
            return f"too early until {self.next_end}"
        if self.profit is None:
            return "too few customers"
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
        if self.treated + self.control == 0:
            return f"Too early: no customer's window has ended yet; the first ends on {self.next_end}."
        if self.profit is None:
            arms = f"{self.treated:,} treated and {self.control:,} held out"
            return f"Too few customers: {arms}; each arm needs at least two."
        if self.more is None:
            return "Inconclusive, and no gain was expected: no number of customers would show one."
        gain = f"{self.expected_gain:.2f} per treated customer"
        if self.more == 0:
            return f"Less than expected: there are enough customers to show the expected gain of {gain}, but no gain is visible."
        return (
            "Inconclusive: the 95 % interval of the profit includes zero. "
            f"About {self.more:,} more customers, split the same way, would show the expected gain of {gain} with 80 % power."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as data for JSON, with its verdict and caution."""
        texts = {"verdict": self.verdict, "caution": self.caution}
        return asdict(self) | texts | {"next_end": self.next_end and str(self.next_end)}


def measure_groups(rows: pl.DataFrame) -> list[GroupOutcome]:
    """Return what was earned, from rows with outcomes (`serving.outcomes.rows`), by intention to treat.

    Of several lists of a kind and week the effective one counts. A list is measured on its rows as issued. In all other groups a
    household counts once per window (`enrolments`). Intervals are clustered by household, which may have several windows. The
    global control is compared separately, because no list drew it.
    """
    effective = rows.filter(~pl.col("superseded"))
    drawn = effective.filter(pl.col("propensity").is_between(0, 1, closed="none"))
    enrolled = enrolments(drawn)
    newest_first = drawn.sort("start", "number", descending=True, maintain_order=True)
    return [
        *([_group_outcome("all", "all lists", enrolled)] if enrolled.height else []),
        *_by_column("kind", enrolled, "kind"),
        *_by_column("action", enrolled, "action"),
        *_by_column("segment", enrolled, "loyalty_segment"),
        *_against_global_control(enrolled, enrolments(effective.filter(pl.col("held_by") == "global"))),
        *_cumulated_by_week(enrolled),
        *_by_column("list", newest_first, "list_id"),
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
    yield _group_outcome("global", "against the global control", arms.with_columns(propensity))


def _by_column(scope: str, rows: pl.DataFrame, column: str) -> Iterator[GroupOutcome]:
    for (name,), group in rows.group_by(column, maintain_order=True):
        yield _group_outcome(scope, str(name), group)


def _cumulated_by_week(enrolled: pl.DataFrame) -> Iterator[GroupOutcome]:
    """Measure all weeks up to each week in which a window has ended."""
    for week in enrolled.filter("closed")["week"].unique().sort():
        yield _group_outcome("cumulated", week, enrolled.filter(pl.col("week") <= week))


def _group_outcome(scope: str, name: str, rows: pl.DataFrame) -> GroupOutcome:
    closed = rows.filter("closed")
    gain = closed.select(pl.col("expected_gain").filter(pl.col("arm") == "treated").mean()).item()
    is_treated = (closed["arm"] == "treated").to_numpy()
    propensity, covariates = closed["propensity"].to_numpy(), closed.select(COVARIATES).to_numpy()
    unit = closed["who"].rank("dense").to_numpy()
    orders, profit = (
        estimate_effect(closed[outcome].cast(pl.Float64).to_numpy(), is_treated, propensity, covariates, unit)
        for outcome in ("orders", "profit")
    )
    expected_gain, treated = float(gain or 0.0), int(is_treated.sum())
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
    )


def _next_window_end(rows: pl.DataFrame) -> date | None:
    """Return the day on which the next open window ends; None if all have ended."""
    ends = rows.filter(~pl.col("closed")).select((pl.col("start") + pl.duration(days="horizon_days")).min())
    return None if ends.item() is None else date.fromisoformat(str(ends.item()))
