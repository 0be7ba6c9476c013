"""Plain sentences for what moved a customer's risk, each true of that customer's own history."""

from functools import cache

import polars as pl

MAX_REASONS = 3
MIN_FOR_A_HABIT = 3
MIN_FOR_A_CHANGE = 6
CHANGE_WORTH_SAYING = 0.3
YEAR_DAYS = 365


def reasons(features: pl.DataFrame, contributions: pl.DataFrame, currency: str) -> pl.Series:
    """Return up to three `{text, weight, direction}` per row, the strongest first.

    `contributions` has a column per feature family in log-odds of churn; weight is that number, and direction
    says whether it raises or lowers the risk. A family with nothing to say of a customer is left out.
    """
    seen = features.with_columns(contributions.rename(lambda family: f"by:{family}"))
    return seen.select(_ranked(tuple(contributions.columns), currency).alias("reasons")).to_series()


@cache
def _ranked(contributors: tuple[str, ...], currency: str) -> pl.Expr:
    """The strongest sentences first; built once, since building it takes longer than using it on one customer."""
    sentences = _sentences(currency)
    items = [_item(sentences[family], pl.col(f"by:{family}")) for family in contributors if family in sentences]
    weight = pl.element().struct.field("weight").abs()
    said = pl.element().filter(pl.element().struct.field("text").is_not_null())
    strongest = pl.element().sort_by(weight, descending=True)
    return pl.concat_list(items).list.eval(said).list.eval(strongest).list.head(MAX_REASONS)


def _item(text: pl.Expr, weight: pl.Expr) -> pl.Expr:
    direction = pl.when(weight >= 0).then(pl.lit("raises")).otherwise(pl.lit("lowers"))
    return pl.struct(text.alias("text"), weight.alias("weight"), direction.alias("direction"))


def _sentences(currency: str) -> dict[str, pl.Expr]:
    return {
        "recency": _silence(),
        "cadence": _gap(),
        "spend": _spend(currency),
        "basket": pl.format("Buys {} lines per order", pl.col("lines_per_order").round(1)),
        "demand": _demand(),
        "loyalty": _brand(),
        "complaints": _complaint(),
        "satisfaction": _rating(),
        "contacts": _contact(),
        "lifecycle": pl.when(pl.col("referrals") > 0).then(pl.format("Brought {} other customer(s)", _whole("referrals"))),
    }


def _silence() -> pl.Expr:
    silent = pl.format("No order for {}", _days("recency_days"))
    rhythm = pl.format("{}; usually orders every {}", silent, _days("gap_median"))
    pause = pl.format("{}; the two orders before were {} apart", silent, _days("gap_last"))
    only = pl.format("{} since the only one", silent)
    return pl.when(pl.col("orders") >= MIN_FOR_A_HABIT).then(rhythm).when(pl.col("orders") > 1).then(pause).otherwise(only)


def _gap() -> pl.Expr:
    said = pl.format("The last two orders were {} apart; usually {}", _days("gap_last"), _days("gap_median"))
    return pl.when(pl.col("orders") >= MIN_FOR_A_HABIT).then(said)


def _spend(currency: str) -> pl.Expr:
    quarter = (pl.col("spend_365") / 4).round(0).cast(pl.Int64)
    recent = pl.format(f"Spent {{}} {currency} in the last 90 days", _whole("spend_90"))
    usual = pl.format(f"{{}}; {{}} {currency} in an average quarter of the last year", recent, quarter)
    returned = pl.lit("Returned more than was bought in the last 90 days")
    a_year = (pl.col("T") >= YEAR_DAYS) & (quarter >= 0)
    return pl.when(pl.col("spend_90") < 0).then(returned).when(a_year).then(usual).otherwise(recent)


def _demand() -> pl.Expr:
    """From the mean of logarithms back to lines: a typical number, not an average one."""
    lines = (pl.col("demand_last_30").exp() - 1).round(0).cast(pl.Int64)
    said = pl.format("Others bought the products of the last order about {} time(s) each in the last 30 days", lines)
    return pl.when(lines > 0).then(said).otherwise(pl.lit("Hardly anybody else bought the products of the last order lately"))


def _brand() -> pl.Expr:
    before, recent = pl.col("favourite_share_before"), pl.col("favourite_share_recent")
    moved = pl.format(
        "Share of {} {} from {} % to {} %", pl.col("favourite_brand"), _moved(before, recent), _percent(before), _percent(recent)
    )
    steady = pl.format("Chose {} in {} % of the recent purchases", pl.col("favourite_brand"), _percent(recent))
    changed = ((before - recent).abs() >= CHANGE_WORTH_SAYING) & (pl.col("orders") >= MIN_FOR_A_CHANGE)
    return pl.when(changed).then(moved).otherwise(steady)


def _moved(before: pl.Expr, recent: pl.Expr) -> pl.Expr:
    return pl.when(recent < before).then(pl.lit("fell")).otherwise(pl.lit("rose"))


def _complaint() -> pl.Expr:
    return (
        pl.when(pl.col("open_complaints") > 0)
        .then(pl.format("Complaint open for {}", _days("open_complaint_days")))
        .when(pl.col("last_settled_satisfied") == 0)
        .then(pl.lit("The last settled complaint left the customer dissatisfied"))
        .when(pl.col("last_settled_satisfied") == 1)
        .then(pl.lit("The last settled complaint left the customer satisfied"))
        .when(pl.col("complaints") > 0)
        .then(pl.format("Complained {} time(s)", _whole("complaints")))
        .when(pl.col("complaints") == 0)
        .then(pl.lit("No complaint on record"))
    )


def _rating() -> pl.Expr:
    newest = pl.format("Last rating {} of 5", pl.col("last_rating").round(1))
    return (
        pl.when(pl.col("surveys") > 1)
        .then(pl.format("{}; {} on average", newest, pl.col("mean_rating").round(1)))
        .otherwise(newest)
    )


def _contact() -> pl.Expr:
    times = pl.format("{} time(s) without a response since the last one", _whole("unanswered_contacts"))
    silent = pl.when(pl.col("unanswered_contacts") > 0).then(pl.format("Contacted {}", times))
    return silent.otherwise(pl.format("Last contacted {} ago", _days("last_contact_days")))


def _days(column: str) -> pl.Expr:
    count = _whole(column)
    return pl.when(count == 1).then(pl.lit("1 day")).otherwise(pl.format("{} days", count))


def _whole(column: str) -> pl.Expr:
    return pl.col(column).round(0).cast(pl.Int64)


def _percent(share: pl.Expr) -> pl.Expr:
    return (share * 100).round(0).cast(pl.Int64)
