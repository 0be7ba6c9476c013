"""The reasons of a score: plain sentences about what moved a customer's risk, each true of that customer's own history."""

from functools import cache

import polars as pl

MAX_REASONS = 3
MIN_ORDERS_FOR_RHYTHM = 3
MIN_ORDERS_FOR_BRAND_CHANGE = 6
MIN_SHARE_CHANGE = 0.3
YEAR_DAYS = 365


def explain_scores(features: pl.DataFrame, contributions: pl.DataFrame, currency: str) -> pl.Series:
    """Return up to MAX_REASONS `{text, weight, direction, family}` per row, the strongest first.

    `contributions` has a column per feature family, in log-odds of churn: the `weight`. `direction` is `raises` or `lowers`.
    `family` is the feature family. A family without a sentence for the customer is left out.
    """
    inputs = features.with_columns(contributions.rename(_weight_column))
    return inputs.select(_strongest_reasons(tuple(contributions.columns), currency).alias("reasons")).to_series()


def _weight_column(family: str) -> str:
    return f"by:{family}"


@cache
def _strongest_reasons(families: tuple[str, ...], currency: str) -> pl.Expr:
    """Build the expression once: building it takes longer than evaluating it for one customer."""
    sentences = _sentences(currency)
    reasons = [_reason(family, sentences[family]) for family in families if family in sentences]
    strength = pl.element().struct.field("weight").abs()
    with_text = pl.element().filter(pl.element().struct.field("text").is_not_null())
    by_strength = pl.element().sort_by(strength, descending=True)
    return pl.concat_list(reasons).list.eval(with_text).list.eval(by_strength).list.head(MAX_REASONS)


def _reason(family: str, text: pl.Expr) -> pl.Expr:
    weight = pl.col(_weight_column(family))
    direction = pl.when(weight >= 0).then(pl.lit("raises")).otherwise(pl.lit("lowers"))
    return pl.struct(text=text, weight=weight, direction=direction, family=pl.lit(family))


def _sentences(currency: str) -> dict[str, pl.Expr]:
    """Return the sentence of each feature family that has one."""
    return {
        "recency": _recency_sentence(),
        "cadence": _cadence_sentence(),
        "spend": _spend_sentence(currency),
        "basket": pl.format("Buys {} lines per order", pl.col("lines_per_order").round(1)),
        "demand": _demand_sentence(),
        "loyalty": _brand_sentence(),
        "complaints": _complaint_sentence(),
        "satisfaction": _rating_sentence(),
        "contacts": _contact_sentence(),
        "lifecycle": pl.when(pl.col("referrals") > 0).then(pl.format("Referred {} other customer(s)", _rounded("referrals"))),
    }


def _recency_sentence() -> pl.Expr:
    silence = pl.format("No order for {}", _days("recency_days"))
    with_rhythm = pl.format("{}; usually orders every {}", silence, _days("gap_median"))
    with_last_gap = pl.format("{}; the two orders before were {} apart", silence, _days("gap_last"))
    after_only_order = pl.format("{} since the only one", silence)
    return (
        pl.when(pl.col("orders") >= MIN_ORDERS_FOR_RHYTHM)
        .then(with_rhythm)
        .when(pl.col("orders") > 1)
        .then(with_last_gap)
        .otherwise(after_only_order)
    )


def _cadence_sentence() -> pl.Expr:
    text = pl.format("The last two orders were {} apart; usually {}", _days("gap_last"), _days("gap_median"))
    return pl.when(pl.col("orders") >= MIN_ORDERS_FOR_RHYTHM).then(text)


def _spend_sentence(currency: str) -> pl.Expr:
    quarter = (pl.col("spend_365") / 4).round(0).cast(pl.Int64)
    recent = pl.format(f"Spent {{}} {currency} in the last 90 days", _rounded("spend_90"))
    compared = pl.format(f"{{}}; {{}} {currency} in an average quarter of the last year", recent, quarter)
    returned = pl.lit("Returned more than was bought in the last 90 days")
    is_comparable = (pl.col("T") >= YEAR_DAYS) & (quarter >= 0)
    return pl.when(pl.col("spend_90") < 0).then(returned).when(is_comparable).then(compared).otherwise(recent)


def _demand_sentence() -> pl.Expr:
    """Return the geometric mean of others' order lines, a typical number: the feature is a mean of logarithms."""
    lines = (pl.col("demand_last_30").exp() - 1).round(0).cast(pl.Int64)
    text = pl.format("Others bought the products of the last order about {} time(s) each in the last 30 days", lines)
    rare = pl.lit("Hardly any other customer bought the products of the last order in the last 30 days")
    return pl.when(lines > 0).then(text).otherwise(rare)


def _brand_sentence() -> pl.Expr:
    before, recent = pl.col("favourite_share_before"), pl.col("favourite_share_recent")
    moved = pl.format(
        "Share of {} {} from {} % to {} %",
        pl.col("favourite_brand"),
        pl.when(recent < before).then(pl.lit("fell")).otherwise(pl.lit("rose")),
        _percent(before),
        _percent(recent),
    )
    steady = pl.format("Chose {} in {} % of the recent purchases", pl.col("favourite_brand"), _percent(recent))
    has_changed = ((before - recent).abs() >= MIN_SHARE_CHANGE) & (pl.col("orders") >= MIN_ORDERS_FOR_BRAND_CHANGE)
    return pl.when(has_changed).then(moved).otherwise(steady)


def _complaint_sentence() -> pl.Expr:
    return (
        pl.when(pl.col("open_complaints") > 0)
        .then(pl.format("Complaint open for {}", _days("open_complaint_days")))
        .when(pl.col("last_settled_satisfied") == 0)
        .then(pl.lit("The last settled complaint left the customer dissatisfied"))
        .when(pl.col("last_settled_satisfied") == 1)
        .then(pl.lit("The last settled complaint left the customer satisfied"))
        .when(pl.col("complaints") > 0)
        .then(pl.format("Complained {} time(s)", _rounded("complaints")))
        .when(pl.col("complaints") == 0)
        .then(pl.lit("No complaint on record"))
    )


def _rating_sentence() -> pl.Expr:
    newest = pl.format("Last rating {} of 5", pl.col("last_rating").round(1))
    with_mean = pl.format("{}; {} on average", newest, pl.col("mean_rating").round(1))
    return pl.when(pl.col("surveys") > 1).then(with_mean).otherwise(newest)


def _contact_sentence() -> pl.Expr:
    unanswered = pl.format("Contacted {} time(s) without a response", _rounded("unanswered_contacts"))
    return (
        pl.when(pl.col("unanswered_contacts") > 0)
        .then(unanswered)
        .otherwise(pl.format("Last contacted {} ago", _days("last_contact_days")))
    )


def _days(column: str) -> pl.Expr:
    count = _rounded(column)
    return pl.when(count == 1).then(pl.lit("1 day")).otherwise(pl.format("{} days", count))


def _rounded(column: str) -> pl.Expr:
    return pl.col(column).round(0).cast(pl.Int64)


def _percent(share: pl.Expr) -> pl.Expr:
    return (share * 100).round(0).cast(pl.Int64)
