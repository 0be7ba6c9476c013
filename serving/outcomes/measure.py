"""What lists earned against those held out: for each list, action, segment and kind, and cumulated over the weeks."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from models.uplift.treatment_effect import Effect, effect
from serving.outcomes.rows import enrolments

COVARIATES = ("p_churn", "expected_value")


@dataclass(frozen=True)
class Earned:
    """What a group of issued rows earned: effects per treated customer, and in all, of those whose window has ended.

    Before that, costs would be known and orders not. `scope` is list, kind, action, segment, cumulated, global or all; `closed`
    the share of rows whose window has ended, `next_end` the day on which the next one does. `orders` and `profit` are None where
    an arm has fewer than two customers. `more` is how many more customers it would take to see the expected gain, None where it
    can be told already or no number would do.
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
    def is_too_small(self) -> bool:
        """Whether nothing can be told yet."""
        return self.profit is None or not self.profit.is_seen

    @property
    def total(self) -> tuple[float, float, float] | None:
        """Incremental profit of all treated together, and its interval."""
        if self.profit is None:
            return None
        return tuple(self.treated * each for each in (self.profit.mean, self.profit.low, self.profit.high))  # type: ignore[return-value]

    @property
    def verdict(self) -> str:
        """Whether it can be told what was earned, in a few words."""
        if self.treated + self.control == 0:
            return f"too early until {self.next_end}"
        if self.profit is None:
            return "too few customers"
        if self.profit.is_seen:
            return "a gain" if self.profit.mean > 0 else "a loss"
        if self.more is None:
            return "not told, and no gain was expected"
        return f"not yet: {self.more:,} more customers" if self.more else "less than was expected"

    @property
    def caution(self) -> str | None:
        """Why it cannot be told what was earned, in a sentence; None where it can."""
        if not self.is_too_small:
            return None
        if self.treated + self.control == 0:
            return f"Too early to tell: no customer's window has ended yet; the first ends on {self.next_end}."
        if self.profit is None:
            arms = f"{self.treated:,} treated and {self.control:,} held out"
            return f"Too small to tell: {arms}; an arm needs two customers at least."
        if self.more is None:
            return "Too small to tell, and no gain was expected: no number of customers would show one."
        gain = f"{self.expected_gain:.2f} per treated customer"
        if self.more == 0:
            return f"So many would show the gain of {gain} that was expected: it is not there."
        return (
            f"Too small to tell: the interval of the profit holds zero. About {self.more:,} more customers, split the same way, "
            f"would show the expected gain of {gain} in four of five cases."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as data."""
        said = {"verdict": self.verdict, "caution": self.caution}
        return asdict(self) | said | {"next_end": self.next_end and str(self.next_end)}


def earned(rows: pl.DataFrame) -> list[Earned]:
    """Return what was earned, from rows with outcomes (`serving.outcomes.rows`), analysed as assigned.

    Of each kind and week the list that counts is measured. A list is of its rows as issued; kinds, actions, segments, the weeks
    and all together count each customer once per window. The global control is compared by itself, since no list's draw decided.
    """
    counting = rows.filter(~pl.col("superseded"))
    drawn = counting.filter(pl.col("propensity").is_between(0, 1, closed="none"))
    once = enrolments(drawn)
    lists = drawn.sort("start", "number", descending=True, maintain_order=True)
    return [
        *([_earned("all", "all lists", once)] if once.height else []),
        *_groups("kind", once, "kind"),
        *_groups("action", once, "action"),
        *_groups("segment", once, "loyalty_segment"),
        *_against_global(once, enrolments(counting.filter(pl.col("held_by") == "global"))),
        *_weeks(once),
        *_groups("list", lists, "list_id"),
    ]


def _against_global(once: pl.DataFrame, untouched: pl.DataFrame) -> Iterator[Earned]:
    """The treated against those whom no list ever treats: of both together, (1 - g) x propensity to g were to be treated."""
    if untouched.is_empty() or once.is_empty():
        return
    both = pl.concat([once.filter(arm="treated"), untouched])
    g, p = pl.col("global_share"), pl.col("propensity").max()
    treated = (1 - g) * p
    yield _earned("global", "against the global control", both.with_columns((treated / (treated + g)).alias("propensity")))


def _groups(scope: str, rows: pl.DataFrame, column: str) -> Iterator[Earned]:
    for (name,), part in rows.group_by(column, maintain_order=True):
        yield _earned(scope, str(name), part)


def _weeks(once: pl.DataFrame) -> Iterator[Earned]:
    """From the first week to each of which a window has ended."""
    for week in once.filter("closed")["week"].unique().sort():
        yield _earned("cumulated", week, once.filter(pl.col("week") <= week))


def _earned(scope: str, name: str, rows: pl.DataFrame) -> Earned:
    ended = rows.filter("closed")
    gain = ended.select(pl.col("expected_gain").filter(pl.col("arm") == "treated").mean()).item()
    treated = (ended["arm"] == "treated").to_numpy()
    propensity = ended["propensity"].to_numpy()
    known = ended.select(COVARIATES).to_numpy()
    orders, profit = (
        effect(ended[what].cast(pl.Float64).to_numpy(), treated, propensity, known) for what in ("orders", "profit")
    )
    expected = float(gain or 0.0)
    more = None if profit is None or profit.is_seen else profit.more_needed(expected)
    counted, closed = int(treated.sum()), ended.height / max(rows.height, 1)
    return Earned(scope, name, counted, ended.height - counted, closed, _next_end(rows), expected, orders, profit, more)


def _next_end(rows: pl.DataFrame) -> date | None:
    ends = rows.filter(~pl.col("closed")).select((pl.col("start") + pl.duration(days="horizon_days")).min())
    return None if ends.item() is None else date.fromisoformat(str(ends.item()))


def until_of(transactions: pl.LazyFrame) -> date:
    """Return the day after the newest order: up to there outcomes are known."""
    newest = transactions.select(pl.col("ordered_at").max().dt.date()).collect(engine="streaming").item()
    return date.fromisoformat(str(newest)) + timedelta(days=1)
