"""The sentences of reasons: for each feature family, facts that raise the risk and facts that lower it.

The first fact of a direction that is true of the customer counts. Numbers are compared as the sentence shows them: rounded. So a
gap that reads as longer than usual is never a reason for staying, and one that reads as equal is no reason. A silence or gap
raises the risk only if it is a fifth longer than the customer's own, or, of a one-time buyer, than that of repeat customers.
"""

from dataclasses import dataclass

import polars as pl

MIN_ORDERS_FOR_RHYTHM = 3
LONGER = 1.2  # how many times the usual days a silence must last to stand out
SHOP_GAP = "shop_gap_days"  # column of the usual days between the orders of the shop's repeat buyers, null where not known
MIN_ORDERS_OF_REGULARS = 5
MIN_ORDERS_FOR_BRAND_CHANGE = 6
MIN_SHARE_CHANGE = 0.3
MAJORITY = 50  # per cent
SHORT_SILENCE_DAYS, LONG_GAP_DAYS = 45, 90
YEAR_DAYS = 365
LOW_RATING, HIGH_RATING, RATING_CHANGE = 3.0, 4.0, 0.5
MIN_LINES_OF_LARGE_ORDERS = 3
MIN_DEMAND = 3


@dataclass(frozen=True)
class Facts:
    """Sentences of a family by the direction that their words point to, the most telling first; null where not true."""

    raising: tuple[pl.Expr, ...] = ()
    lowering: tuple[pl.Expr, ...] = ()

    def sentence(self, weight: pl.Expr) -> pl.Expr:
        """Return the first sentence that points the way of the weight; null without one."""
        nothing = pl.lit(None, pl.String)
        raising, lowering = pl.coalesce(*self.raising, nothing), pl.coalesce(*self.lowering, nothing)
        return pl.when(weight > 0).then(raising).when(weight < 0).then(lowering)


def facts_by_family(currency: str) -> dict[str, Facts]:
    """Return the facts of each feature family that has any."""
    return {
        "recency": _recency(),
        "cadence": _cadence(),
        "spend": _spend(currency),
        "basket": _basket(),
        "demand": _demand(),
        "loyalty": _brands(),
        "complaints": _complaints(),
        "satisfaction": _ratings(),
        "contacts": _contacts(),
        "lifecycle": _referrals(),
    }


def _recency() -> Facts:
    orders, silence, gap, last_gap = pl.col("orders"), _rounded("recency_days"), _rounded("gap_median"), _rounded("gap_last")
    has_rhythm, has_one_gap = orders >= MIN_ORDERS_FOR_RHYTHM, orders == MIN_ORDERS_FOR_RHYTHM - 1
    silent, last = pl.format("No order for {}", _days("recency_days")), pl.format("Last order {}", _days_ago("recency_days"))
    usual = pl.format("usually orders every {}", _days("gap_median"))
    before = pl.format("the two orders before were {} apart", _days("gap_last"))
    only, shop_gap = pl.format("{} since the only one", silent), _rounded(SHOP_GAP)
    others = pl.format("repeat customers usually order every {}", _days(SHOP_GAP))
    is_recent = silence <= SHORT_SILENCE_DAYS
    return Facts(
        raising=(
            pl.when(has_rhythm & (silence > LONGER * gap)).then(pl.format("{}; {}", silent, usual)),
            pl.when(has_one_gap & (silence > LONGER * last_gap)).then(pl.format("{}; {}", silent, before)),
            pl.when((orders == 1) & shop_gap.is_null()).then(only),
            pl.when((orders == 1) & (silence > LONGER * shop_gap)).then(pl.format("{}; {}", only, others)),
            pl.when(has_rhythm & (gap > LONG_GAP_DAYS)).then(pl.format("Usually orders only every {}", _days("gap_median"))),
            pl.when(has_one_gap).then(pl.lit("Only two orders so far")),
        ),
        lowering=(
            pl.when(has_rhythm & (silence <= gap)).then(pl.format("{}; {}", last, usual)),
            pl.when(has_one_gap & (silence <= last_gap)).then(pl.format("{}; {}", last, before)),
            pl.when((orders == 1) & is_recent).then(pl.format("First order only {}", _days_ago("recency_days"))),
            pl.when(orders >= MIN_ORDERS_OF_REGULARS).then(pl.format("{} orders so far", _rounded("orders"))),
            pl.when(is_recent).then(pl.format("Last order only {}", _days_ago("recency_days"))),
        ),
    )


def _cadence() -> Facts:
    has_rhythm, last, usual = pl.col("orders") >= MIN_ORDERS_FOR_RHYTHM, _rounded("gap_last"), _rounded("gap_median")
    text = pl.format("The last two orders were {} apart; usually {}", _days("gap_last"), _days("gap_median"))
    return Facts((pl.when(has_rhythm & (last > LONGER * usual)).then(text),), (pl.when(has_rhythm & (last < usual)).then(text),))


def _spend(currency: str) -> Facts:
    recent, quarter = _rounded("spend_90"), (pl.col("spend_365") / 4).round(0).cast(pl.Int64)
    spent = pl.format(f"Spent {{}} {currency} in the last 90 days", _rounded("spend_90"))
    average = pl.format(f"{{}} {currency} in an average quarter of the last year", quarter)
    is_comparable = (pl.col("T") >= YEAR_DAYS) & (quarter >= 0)
    nothing = pl.lit("Spent nothing in the last 90 days")
    return Facts(
        raising=(
            pl.when(pl.col("spend_90") < 0).then(pl.lit("Returned more than was bought in the last 90 days")),
            pl.when((recent == 0) & (pl.col("orders_365") == 0)).then(pl.lit("Bought nothing in the last year")),
            pl.when(is_comparable & (recent == 0) & (quarter > 0)).then(pl.format("{}; {}", nothing, average)),
            pl.when(is_comparable & (recent < quarter)).then(pl.format("{}; {}", spent, average)),
            pl.when(recent == 0).then(nothing),
        ),
        lowering=(
            pl.when(is_comparable & (recent > quarter)).then(pl.format("{}; {}", spent, average)),
            pl.when(~is_comparable & (recent > 0)).then(spent),
        ),
    )


def _basket() -> Facts:
    lines = _rounded("lines_per_order")
    large = pl.format("Usually buys about {} products per order", lines)
    return Facts(
        (pl.when(lines == 1).then(pl.lit("Usually buys one product at a time")),),
        (pl.when(lines >= MIN_LINES_OF_LARGE_ORDERS).then(large),),
    )


def _demand() -> Facts:
    """Name the geometric mean of others' order lines, a typical number: the feature is a mean of logarithms."""
    lines = (pl.col("demand_last_30").exp() - 1).round(0).cast(pl.Int64)
    text = pl.format("Others bought the products of the last order about {} times each in the last 30 days", lines)
    rare = pl.lit("Hardly any other customer bought the products of the last order in the last 30 days")
    return Facts((pl.when(lines == 0).then(rare),), (pl.when(lines >= MIN_DEMAND).then(text),))


def _brands() -> Facts:
    brand, before, recent = pl.col("favourite_brand"), pl.col("favourite_share_before"), pl.col("favourite_share_recent")
    shares = _percent(before), _percent(recent)
    may_compare = pl.col("orders") >= MIN_ORDERS_FOR_BRAND_CHANGE
    change = (recent - before).fill_null(0.0)
    fell, rose = change <= -MIN_SHARE_CHANGE, change >= MIN_SHARE_CHANGE
    recently = pl.format("{} % of the recent purchases", shares[1])
    return Facts(
        raising=(
            pl.when(_percent(recent) == 0).then(
                pl.format("Chose {}, the favourite so far, in none of the recent purchases", brand)
            ),
            pl.when(may_compare & fell).then(pl.format("Share of {} fell from {} % to {} %", brand, *shares)),
            pl.when(~rose & (_percent(recent) < MAJORITY)).then(
                pl.format("Chose {}, the favourite so far, in only {}", brand, recently)
            ),
        ),
        lowering=(
            pl.when(may_compare & rose).then(pl.format("Share of {} rose from {} % to {} %", brand, *shares)),
            pl.when(_percent(recent) == 100).then(pl.format("Chose {} in all recent purchases", brand)),  # noqa: PLR2004  # per cent
            pl.when(~fell & (_percent(recent) >= MAJORITY)).then(pl.format("Chose {} in {}", brand, recently)),
        ),
    )


def _complaints() -> Facts:
    complaints, satisfied = _rounded("complaints"), pl.col("last_settled_satisfied")
    is_open = pl.col("open_complaints") > 0
    closed = ~is_open.fill_null(value=False)
    outcome = "The last settled complaint left the customer"
    return Facts(
        raising=(
            pl.when(is_open).then(pl.format("Complaint open for {}", _days("open_complaint_days"))),
            pl.when(satisfied == 0).then(pl.lit(f"{outcome} dissatisfied")),
            pl.when(complaints > 0).then(pl.format("Complained {}", _times(complaints))),
        ),
        lowering=(
            pl.when(closed & (satisfied == 1)).then(pl.lit(f"{outcome} satisfied")),
            pl.when(complaints == 0).then(pl.lit("No complaint on record")),
        ),
    )


def _ratings() -> Facts:
    last, mean = pl.col("last_rating").round(1), pl.col("mean_rating").round(1)
    newest = pl.format("Last rating {} of 5", _short(last))
    has_others = pl.col("surveys") > 1
    text = pl.when(has_others).then(pl.format("{}; {} on average", newest, _short(mean))).otherwise(newest)
    change = pl.when(has_others).then(last - mean).fill_null(0.0)
    fell, rose = change <= -RATING_CHANGE, change >= RATING_CHANGE
    return Facts(
        raising=(pl.when((last < LOW_RATING) & ~rose | (last < HIGH_RATING) & fell).then(text),),
        lowering=(pl.when((last >= HIGH_RATING) & ~fell | (last >= LOW_RATING) & rose).then(text),),
    )


def _contacts() -> Facts:
    unanswered = _rounded("unanswered_contacts")
    return Facts(
        (pl.when(unanswered > 0).then(pl.format("Contacted {} without a response", _times(unanswered))),),
        (pl.when((unanswered == 0) & (pl.col("contacts") > 0)).then(pl.lit("Responded to the last contact")),),
    )


def _referrals() -> Facts:
    referrals = _rounded("referrals")
    others = pl.when(referrals == 1).then(pl.lit("one other customer")).otherwise(pl.format("{} other customers", referrals))
    return Facts(lowering=(pl.when(referrals > 0).then(pl.format("Referred {}", others)),))


def _days(column: str) -> pl.Expr:
    count = _rounded(column)
    return pl.when(count == 1).then(pl.lit("1 day")).otherwise(pl.format("{} days", count))


def _days_ago(column: str) -> pl.Expr:
    return pl.format("{} ago", _days(column))


def _times(count: pl.Expr) -> pl.Expr:
    return (
        pl.when(count == 1)
        .then(pl.lit("once"))
        .when(count == 2)  # noqa: PLR2004  # a word of its own
        .then(pl.lit("twice"))
        .otherwise(pl.format("{} times", count))
    )


def _rounded(column: str) -> pl.Expr:
    return pl.col(column).round(0).cast(pl.Int64)


def _percent(share: pl.Expr) -> pl.Expr:
    return (share * 100).round(0).cast(pl.Int64)


def _short(number: pl.Expr) -> pl.Expr:
    """Return a number without a decimal that is zero."""
    whole = number.round(0)
    return pl.when(number == whole).then(whole.cast(pl.Int64).cast(pl.String)).otherwise(number.cast(pl.String))
