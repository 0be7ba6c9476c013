"""Checks of the order models' assumptions on a company's customers: figures, and advice where an assumption is violated."""

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

WEEK_DAYS = 7
MAX_ORDERS = 7
COHORT_COUNT = 3
MIN_BUYERS = 30
# Beyond these thresholds a violation moves a customer's value by more than a fifth, or totals by more than a tenth.
MAX_CORRELATION, MAX_SPEND_RATIO = 0.2, 1.25
MAX_MISPLACED_SHARE = 0.03
MAX_FIT_ERROR, MAX_HOLDOUT_ERROR = 0.05, 0.10
MAX_COHORT_RATIO, SIGNIFICANCE_LEVEL = 1.25, 0.01
HOLDOUT_ADVICE = (
    "The season, or how customers are acquired or treated, has changed; "
    "let `train` correct the seasonal offset from past windows."
)
FIT_ADVICE = (
    "Orders come in waves that the model does not know, "
    "or the log is left-truncated: it starts after many customers' first orders."
)


@dataclass(frozen=True)
class Assumption:
    """One assumption: whether it holds (None with too little data), the figures, and a sentence with advice."""

    name: str
    holds: bool | None
    figures: dict[str, float]
    sentence: str


def check_spend_independence(frame: pl.DataFrame) -> Assumption:
    """Check that spend per order does not depend on frequency, as Gamma-Gamma assumes.

    Over repeat buyers with positive spend: Spearman's rank correlation of `frequency` and `monetary_value`, and the mean
    spend of the most frequent third divided by that of the least frequent third.
    """
    name = "spend does not depend on frequency"
    buyers = frame.filter((pl.col("frequency") > 0) & (pl.col("monetary_value") > 0)).sort("frequency", "monetary_value")
    if buyers.height < MIN_BUYERS:
        return _undecided(name, f"{buyers.height} repeat buyers, at least {MIN_BUYERS} needed", buyers=buyers.height)
    if buyers["frequency"].n_unique() == 1:
        return _undecided(name, f"all {buyers.height} repeat buyers have the same frequency", buyers=buyers.height)
    correlation = float(spearmanr(buyers["frequency"].to_numpy(), buyers["monetary_value"].to_numpy()).statistic)
    low, high = buyers["frequency"].quantile(1 / 3, "nearest"), buyers["frequency"].quantile(2 / 3, "nearest")
    frequent, rare, spend = pl.col("frequency") >= high, pl.col("frequency") <= low, pl.col("monetary_value")
    ratio = float(buyers.select(spend.filter(frequent).mean() / spend.filter(rare).mean()).item())
    result = f"The most frequent third spends {ratio:z.2f} times as much per order as the least frequent third"
    return _assumption(
        name,
        holds=abs(correlation) < MAX_CORRELATION and 1 / MAX_SPEND_RATIO < ratio < MAX_SPEND_RATIO,
        figures={"rank_correlation": correlation, "often_over_rare": ratio, "buyers": buyers.height},
        result=f"{result} (rank correlation {correlation:+z.2f}).",
        advice="Look at value by decile in `compare` before trusting Gamma-Gamma's differences between customers.",
    )


def order_counts(model: OrderModel, frame: pl.DataFrame) -> pl.DataFrame:
    """Return `orders` (0 to 7, the last meaning "7 or more"), and the number of customers with it: `actual`, `expected`.

    Expected is the sum of P(X(T) = n) over all customers, with each one's own T: figure 2 of Fader, Hardie and Lee (2005).
    """
    ages = frame.group_by("T").agg(pl.len().cast(pl.Float64).alias("customers")).sort("T")
    T, customers = ages["T"].cast(pl.Float64).to_numpy(), ages["customers"].to_numpy()  # noqa: N806  # the papers' symbol
    zeros, process = np.zeros(len(T)), model.process(ages)
    tails = [process.p_at_least(zeros, zeros, zeros, T, np.full(len(T), float(n))) @ customers for n in range(MAX_ORDERS + 1)]
    expected = [*(tails[n] - tails[n + 1] for n in range(MAX_ORDERS)), tails[-1]]
    orders = frame["frequency"].cast(pl.Int64).clip(upper_bound=MAX_ORDERS)
    actual = [int((orders == n).sum()) for n in range(MAX_ORDERS + 1)]
    return pl.DataFrame({"orders": range(MAX_ORDERS + 1), "actual": actual, "expected": expected})


def check_order_counts(counts: pl.DataFrame) -> Assumption:
    """Check that the model expects as many customers with 0, 1, 2 ... repeat orders as there are."""
    customers = float(counts["actual"].sum())
    misplaced = float((counts["actual"] - counts["expected"]).abs().sum()) / 2 / customers
    actual, expected = counts["actual"][0], counts["expected"][0]
    result = f"{actual:,} customers never came back; the model expects {expected:z,.0f}"
    return _assumption(
        "numbers of repeat orders",
        holds=misplaced < MAX_MISPLACED_SHARE,
        figures={"misplaced": misplaced, "never_actual": float(actual), "never_expected": float(expected)},
        result=f"{result} and misplaces {misplaced:z.1%} of customers in the histogram.",
        advice="Try another of the models, or covariates that separate groups of customers.",
    )


def weekly_orders(model: OrderModel, days: pl.DataFrame, split: date, end: date) -> pl.DataFrame:
    """Return `week`, `actual`, `expected` and `later`: repeat orders per week of customers with a first order before `split`.

    `days` holds a row per customer and day with an order. `week` is the exclusive end of the week. The first week starts
    within six days of the first order, one starts at `split`, and the last ends by `end`. `later` is true for weeks that
    start at `split` or after. Expected is the sum of E[X(t)] over customers, given only the day of their first order:
    figures 3 and 4 of Fader, Hardie and Lee (2005).
    """
    first_days = days.group_by(CUSTOMER).agg(pl.col(DAY).min().alias("first_day")).filter(pl.col("first_day") < split)
    repeats = days.join(first_days, on=CUSTOMER).filter(pl.col(DAY) > pl.col("first_day"))[DAY].sort()
    births = first_days.group_by("first_day").agg(pl.len().cast(pl.Float64).alias("customers")).sort("first_day")
    first = births["first_day"][0]
    start = first + timedelta(days=(split - first).days % WEEK_DAYS)
    candidates = [start + timedelta(days=WEEK_DAYS * n) for n in range((end - first).days // WEEK_DAYS + 1)]
    edges = [edge for edge in candidates if edge <= end]
    expected = [_expected_before(model, births, edge) for edge in edges]
    actual = [int(repeats.search_sorted(edge, side="left")) for edge in edges]
    rows = zip(edges[1:], np.diff(actual), np.diff(expected), (edge > split for edge in edges[1:]), strict=True)
    return pl.DataFrame(list(rows), schema=["week", "actual", "expected", "later"], orient="row")


def _expected_before(model: OrderModel, births: pl.DataFrame, day: date) -> float:
    """Return the repeat orders expected before `day`: an order on the day before counts, one on `day` does not."""
    ages = (pl.Series([day]) - births["first_day"]).dt.total_days() - 1
    return cohort_orders(model, ages.cast(pl.Float64), births["customers"])


def check_weekly_orders(weekly: pl.DataFrame, *, later: bool) -> Assumption:
    """Check the total of the weeks that the model was fitted to, or of the `later` ones, and measure errors of single weeks."""
    name = "orders after the fit" if later else "orders within the fit"
    weeks = weekly.filter(pl.col("later") == later)
    actual, expected = float(weeks["actual"].sum()), float(weeks["expected"].sum())
    if weeks.is_empty() or actual == 0:
        return _undecided(name, f"{actual:z,.0f} orders in {weeks.height} weeks", weeks=weeks.height)
    error = expected / actual - 1
    weekly_error = float((weeks["actual"] - weeks["expected"]).abs().sum()) / actual
    totals = f"{expected:z,.0f} orders expected, {actual:z,.0f} observed ({error:+z.1%}) in {weeks.height} weeks"
    return _assumption(
        name,
        holds=abs(error) <= (MAX_HOLDOUT_ERROR if later else MAX_FIT_ERROR),
        figures={"off": error, "stray": weekly_error, "actual": actual, "expected": expected},
        result=f"{totals}; errors of single weeks sum to {weekly_error:z.0%} of the orders.",
        advice=HOLDOUT_ADVICE if later else FIT_ADVICE,
    )


def check_cohorts(model: OrderModel, frame: pl.DataFrame) -> Assumption:
    """Check that one model fits early, middle and late customers: three cohorts of similar size, by T.

    Compared are the expected orders of a new customer within the median T of the newest cohort, and, by a likelihood-ratio
    test, one fit for all customers against one per cohort.
    """
    name = "customers of all cohorts are alike"
    cohorts = _cohorts(frame)
    buyers = min((cohort.filter(pl.col("frequency") > 0).height for cohort in cohorts), default=0)
    if buyers < MIN_BUYERS or len(cohorts) < COHORT_COUNT:
        return _undecided(name, f"each of {COHORT_COUNT} cohorts needs at least {MIN_BUYERS} repeat buyers")
    fits = [type(model)().fit(cohort) for cohort in cohorts]
    span = float(cohorts[-1]["T"].median())  # type: ignore[arg-type]  # the median of numbers
    orders = [float(fit.expected_orders_of_new([span])[0]) for fit in fits]
    likelihood_ratio = 2 * (sum(fit.log_likelihood for fit in fits) - type(model)().fit(frame).log_likelihood)
    p_value = float(chi2.sf(max(likelihood_ratio, 0.0), len(model.PARAMETERS) * (COHORT_COUNT - 1)))
    early, middle, late = (f"{value:z.2f}" for value in orders)
    result = f"A new customer makes {early} repeat orders in {span:z.0f} days in the earliest third, {middle} in the middle"
    return _assumption(
        name,
        holds=p_value > SIGNIFICANCE_LEVEL or 1 / MAX_COHORT_RATIO < max(orders) / min(orders) < MAX_COHORT_RATIO,
        figures={"latest_over_earliest": orders[-1] / orders[0], "p_value": p_value, "likelihood_ratio": likelihood_ratio},
        result=f"{result} and {late} in the latest (p = {p_value:.2g}).",
        advice="Fit on the newer customers only, or add the cohort as a covariate.",
    )


def _cohorts(frame: pl.DataFrame) -> Sequence[pl.DataFrame]:
    """Return early, middle and late customers; those with the same T stay together."""
    cuts = [frame["T"].quantile(share / COHORT_COUNT, "nearest") for share in range(COHORT_COUNT - 1, 0, -1)]
    bounds = [math.inf, *cuts, -math.inf]
    cohorts = [frame.filter((pl.col("T") <= upper) & (pl.col("T") > lower)) for upper, lower in pairwise(bounds)]
    return [cohort for cohort in cohorts if cohort.height]


def _assumption(name: str, *, holds: bool, figures: dict[str, float], result: str, advice: str) -> Assumption:
    """Return the assumption, with the advice only where it does not hold."""
    return Assumption(name=name, holds=holds, figures=figures, sentence=result if holds else f"{result} {advice}")


def _undecided(name: str, reason: str, **figures: float) -> Assumption:
    return Assumption(name=name, holds=None, figures=figures, sentence=f"Too little data: {reason}.")
