"""Do the order models' assumptions hold for a company's customers? Numbers, and what to do where they do not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
from scipy.stats import chi2, spearmanr

from features.frames.columns import CUSTOMER, DAY
from models.btyd.forecasts import cohort_orders
from models.btyd.order_model import OrderModel

WEEK = 7
MAX_ORDERS = 7
COHORTS = 3
FEWEST = 30
# Where a check begins to matter: what it says there moves a customer's value by more than a fifth, or totals by a tenth.
WEAK_CORRELATION, ALIKE_SPEND = 0.2, 1.25
MISPLACED_CUSTOMERS = 0.03
TOTAL_OFF, TOTAL_OFF_LATER = 0.05, 0.10
AFTER = "the season, or how customers are won or treated, has changed; judge models by their level too (`compare`)"
WITHIN = "orders come in waves that the model does not know, or the log begins amid the lives of its customers"
ALIKE_COHORTS, SURELY_DIFFERENT = 1.25, 0.01


@dataclass(frozen=True)
class Assumption:
    """One assumption: whether it holds (None: too little data to tell), the figures, and a sentence with advice."""

    name: str
    holds: bool | None
    figures: dict[str, float]
    sentence: str


def spend_and_frequency(frame: pl.DataFrame) -> Assumption:
    """Check that those who order often spend no other amount per order, as Gamma-Gamma assumes.

    Over repeat buyers with positive spend: Spearman's rank correlation of `frequency` and `monetary_value`, and the mean
    spend of the most frequent third over that of the least frequent.
    """
    name = "spend does not depend on frequency"
    buyers = frame.filter((pl.col("frequency") > 0) & (pl.col("monetary_value") > 0)).sort("frequency", "monetary_value")
    if buyers.height < FEWEST or buyers["frequency"].n_unique() == 1:
        return Assumption(name, None, {"buyers": buyers.height}, f"{buyers.height} repeat buyers are too few to tell.")
    rank = float(spearmanr(buyers["frequency"].to_numpy(), buyers["monetary_value"].to_numpy()).statistic)
    low, high = buyers["frequency"].quantile(1 / 3, "nearest"), buyers["frequency"].quantile(2 / 3, "nearest")
    rare, often = pl.col("frequency") <= low, pl.col("frequency") >= high
    per_order = [pl.col("monetary_value").filter(part).mean().alias(str(place)) for place, part in enumerate((often, rare))]
    ratio = float(buyers.select(per_order).select(pl.col("0") / pl.col("1")).item())
    holds = abs(rank) < WEAK_CORRELATION and 1 / ALIKE_SPEND < ratio < ALIKE_SPEND
    seen = (
        f"The most frequent third spends {ratio:.2f} times as much per order as the least frequent (rank correlation {rank:+.2f})"
    )
    advice = (
        "" if holds else ": look at the value of deciles in `compare` before trusting Gamma-Gamma's differences between customers"
    )
    return Assumption(
        name, holds, {"rank_correlation": rank, "often_over_rare": ratio, "buyers": buyers.height}, f"{seen}{advice}."
    )


def order_counts(model: OrderModel, frame: pl.DataFrame) -> pl.DataFrame:
    """Return `orders` (0 to 7, the last meaning "or more"), and how many customers made so many: `actual`, `expected`.

    Expected is the sum of P(X(T) = n) over all customers, each with its own T: figure 2 of Fader, Hardie and Lee (2005).
    """
    ages = frame.group_by("T").agg(pl.len().cast(pl.Float64).alias("customers")).sort("T")
    T, customers = ages["T"].cast(pl.Float64).to_numpy(), ages["customers"].to_numpy()  # noqa: N806  # the papers' symbol
    none, process = np.zeros(len(T)), model.process(ages)
    tails = [process.p_at_least(none, none, none, T, np.full(len(T), float(n))) @ customers for n in range(MAX_ORDERS + 1)]
    expected = [*(tails[n] - tails[n + 1] for n in range(MAX_ORDERS)), tails[-1]]
    seen = frame["frequency"].cast(pl.Int64).clip(upper_bound=MAX_ORDERS)
    actual = [int((seen == n).sum()) for n in range(MAX_ORDERS + 1)]
    return pl.DataFrame({"orders": range(MAX_ORDERS + 1), "actual": actual, "expected": expected})


def counts_check(counts: pl.DataFrame) -> Assumption:
    """Check that as many customers made 0, 1, 2 ... repeat orders as the model says."""
    total = float(counts["actual"].sum())
    misplaced = float((counts["actual"] - counts["expected"]).abs().sum()) / 2 / total
    never, foretold = counts["actual"][0], counts["expected"][0]
    seen = (
        f"{never:,} customers never came back, the model says {foretold:,.0f}; {misplaced:.1%} of customers stand in another bar"
    )
    holds = misplaced < MISPLACED_CUSTOMERS
    advice = "" if holds else ": try another of the models, or fit groups of customers apart (covariates)"
    figures = {"misplaced": misplaced, "never_actual": float(never), "never_expected": float(foretold)}
    return Assumption("numbers of repeat orders", holds, figures, f"{seen}{advice}.")


def weekly_orders(model: OrderModel, days: pl.DataFrame, split: date, end: date) -> pl.DataFrame:
    """Return repeat orders per week of the customers who first ordered before `split`, `actual` and `expected`.

    `days` holds a row per customer and day with an order. A row's `week` is its last day, exclusive; weeks count from the
    first order on and end by `end`, `later` tells those that begin at `split` or after. Expected is the sum of E[X(t)] from
    each customer's first order, all that is known being its day: figures 3 and 4 of Fader, Hardie and Lee (2005).
    """
    born = days.group_by(CUSTOMER).agg(pl.col(DAY).min().alias("born")).filter(pl.col("born") < split)
    repeat = days.join(born, on=CUSTOMER).filter(pl.col(DAY) > pl.col("born"))[DAY]
    births = born.group_by("born").agg(pl.len().cast(pl.Float64).alias("customers")).sort("born")
    first = births["born"][0]
    before = (split - first).days % WEEK
    weeks = [first + timedelta(days=before + WEEK * n) for n in range((end - first).days // WEEK + 1)]
    edges = [week for week in weeks if week <= end]
    until = [_expected_until(model, births, edge) for edge in edges]
    seen = repeat.sort()
    placed = [int(seen.search_sorted(edge, side="left")) for edge in edges]
    rows = zip(edges[1:], np.diff(placed), np.diff(until), (edge > split for edge in edges[1:]), strict=True)
    return pl.DataFrame(list(rows), schema=["week", "actual", "expected", "later"], orient="row")


def _expected_until(model: OrderModel, births: pl.DataFrame, day: date) -> float:
    ages = (pl.Series([day]) - births["born"]).dt.total_days() - 1  # an order on the day before counts, one on `day` not
    return cohort_orders(model, ages.cast(pl.Float64), births["customers"])


def weeks_check(weekly: pl.DataFrame, *, later: bool) -> Assumption:
    """Check the total over the weeks that the model was fitted to, or over those `later`, and how far single weeks stray."""
    name = "orders after the fit" if later else "orders within the fit"
    part = weekly.filter(pl.col("later") == later)
    actual, expected = float(part["actual"].sum()), float(part["expected"].sum())
    if part.is_empty() or actual == 0:
        return Assumption(name, None, {"weeks": part.height}, f"{actual:,.0f} orders in {part.height} weeks are too few to tell.")
    off = expected / actual - 1
    stray = float((part["actual"] - part["expected"]).abs().sum()) / actual
    allowed = TOTAL_OFF_LATER if later else TOTAL_OFF
    holds = abs(off) <= allowed
    made = f"{expected:,.0f} orders foretold, {actual:,.0f} made ({off:+.1%})"
    seen = f"{made} in {part.height} weeks; single weeks stray by {stray:.0%}"
    cause = "the season or the way customers are won or treated has changed; let `train` correct the level from past windows"
    cause = cause if later else "orders come in waves that the model does not know"
    return Assumption(
        name,
        holds,
        {"off": off, "stray": stray, "actual": actual, "expected": expected},
        seen + ("." if holds else f": {cause}."),
    )


def cohorts_check(model: OrderModel, frame: pl.DataFrame) -> Assumption:
    """Check that customers who joined early, in the middle and late are alike: the same model fits them all.

    Three cohorts of about as many customers, by T. Compared are a new customer's expected orders within the median T of the
    newest cohort, and, by the likelihood ratio, one fit for all against one for each.
    """
    name = "customers of all times are alike"
    parts = _cohorts(frame)
    if min((part.filter(pl.col("frequency") > 0).height for part in parts), default=0) < FEWEST or len(parts) < COHORTS:
        return Assumption(name, None, {}, "There are too few repeat buyers of different ages to tell.")
    fits = [type(model)().fit(part) for part in parts]
    span = float(parts[-1]["T"].median())  # type: ignore[arg-type]  # the median of numbers
    orders = [float(fit.expected_orders_of_new([span])[0]) for fit in fits]
    ratio = orders[-1] / orders[0]
    gain = 2 * (sum(fit.log_likelihood for fit in fits) - type(model)().fit(frame).log_likelihood)
    p = float(chi2.sf(max(gain, 0.0), len(model.PARAMETERS) * (COHORTS - 1)))
    holds = p > SURELY_DIFFERENT or 1 / ALIKE_COHORTS < max(orders) / min(orders) < ALIKE_COHORTS
    told = ", ".join(f"{value:.2f}" for value in orders)
    seen = f"In {span:.0f} days a new customer of the earliest, middle and latest third makes {told} repeat orders (p = {p:.2g})"
    advice = "" if holds else ": fit on the newer customers only, or name the cohort as a covariate"
    figures = {"latest_over_earliest": ratio, "p_value": p, "likelihood_ratio": gain}
    return Assumption(name, holds, figures, f"{seen}{advice}.")


def _cohorts(frame: pl.DataFrame) -> Sequence[pl.DataFrame]:
    """Early, middle and late customers, those of one day together."""
    cuts = [frame["T"].quantile(share / COHORTS, "nearest") for share in range(COHORTS - 1, 0, -1)]
    bounds = [math.inf, *cuts, -math.inf]
    parts = [frame.filter((pl.col("T") <= upper) & (pl.col("T") > lower)) for upper, lower in pairwise(bounds)]
    return [part for part in parts if part.height]
