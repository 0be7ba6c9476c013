"""Loyalty segment (Kotler) from the time-ordered sequence of brands, with a probability for each type."""

import polars as pl

from features.feature import Feature
from features.log_gamma import log_gamma
from features.loyalty_models import SIDE, TYPES, log_hard_core, log_shifting_at, log_split, log_switcher
from features.purchases import CUSTOMER, DAY, is_sale_line
from settings.sections import Loyalty

FAMILY = "loyalty"
UNDETERMINED = "undetermined"
ABSENT = "no purchase with a brand yet, or the table has no such column"
FEATURES = (
    Feature(
        "loyalty_segment",
        "label",
        "How the customer chooses between brands; undetermined when it cannot be told",
        "never",
        model=False,
    ),
    Feature("p_hard_core", "probability", "Buys one brand all the time", ABSENT),
    Feature("p_split", "probability", "Is loyal to two or three brands", ABSENT),
    Feature("p_shifting", "probability", "Moved from one favourite brand to another", ABSENT),
    Feature("p_switcher", "probability", "Shows no loyalty to a brand", ABSENT),
    Feature("favourite_brand", "name", "Brand bought most often in the earlier half of the purchases", ABSENT, model=False),
    Feature(
        "favourite_share_before",
        "share",
        "Share of that brand in the earlier half of the purchases",
        "fewer than two such purchases",
    ),
    Feature("favourite_share_recent", "share", "Share of that brand in the later half of the purchases", ABSENT),
)
MORE_LIKELY_THAN_NOT = 0.5
GROUP = (CUSTOMER, "category")


def loyalty(transactions: pl.LazyFrame, settings: Loyalty) -> pl.LazyFrame | None:
    """Return label, type probabilities and the favourite's shares per customer with a known symbol.

    None where the table has no column `settings.unit`. Probabilities sum to 1; categories count as
    independent sequences of one customer of one type. The label is the type with probability of at least one
    half, and `undetermined` below that or with fewer than `settings.min_purchases` occasions.
    """
    if settings.unit not in transactions.collect_schema():
        return None
    symbols = _symbols(transactions, settings.unit)
    per_category = _likelihoods(symbols)
    totals = per_category.group_by(CUSTOMER).agg(pl.col(TYPES).sort().sum())
    days = symbols.group_by(CUSTOMER).agg(pl.col(DAY).n_unique().alias("days"))
    labelled = _labelled(totals.join(days, on=CUSTOMER), settings.min_purchases)
    return labelled.join(_favourite(symbols), on=CUSTOMER)


def _symbols(transactions: pl.LazyFrame, unit: str) -> pl.LazyFrame:
    """One symbol per occasion and category: the unit with the largest net spend, ties by name."""
    columns = transactions.collect_schema().names()
    category = pl.col("category") if "category" in columns and unit != "category" else pl.lit(None, pl.String)
    lines = transactions.select(
        CUSTOMER,
        category.alias("category"),
        pl.col("ordered_at").dt.date().alias(DAY),
        pl.col(unit).alias("symbol"),
        "amount",
        is_sale_line(columns).alias("sale"),
    )
    spent = (
        lines.drop_nulls("symbol")
        .group_by(*GROUP, DAY, "symbol")
        .agg(pl.col("amount").sort().sum(), pl.col("sale").any())
        .filter("sale")
    )
    return spent.group_by(*GROUP, DAY).agg(pl.col("symbol").sort_by("amount", "symbol", descending=[True, False]).first())


def _likelihoods(symbols: pl.LazyFrame) -> pl.LazyFrame:
    """Log marginal likelihood of each type per customer and category."""
    counted = _counts(symbols)
    n, top = pl.col("n"), (pl.col("c1"), pl.col("c2"), pl.col("c3"))
    shifting = _shifting(symbols, counted)
    return counted.join(shifting, on=GROUP, how="left", nulls_equal=True).select(
        CUSTOMER,
        log_hard_core(n, pl.col("c1")).alias("hard_core"),
        log_split(n, top).alias("split"),
        pl.coalesce("shifting", log_hard_core(n, pl.col("c1"))).alias("shifting"),  # too short to show a shift: flat
        log_switcher(n, pl.col("log_factorials")).alias("switcher"),
    )


def _counts(symbols: pl.LazyFrame) -> pl.LazyFrame:
    """Length, the three highest counts and the two most bought symbols per customer and category."""
    counts = symbols.group_by(*GROUP, "symbol").agg(pl.len().cast(pl.Int64).alias("count"))
    ranked = pl.col("count").sort(descending=True)
    named = pl.col("symbol").sort_by("count", "symbol", descending=[True, False])
    return counts.group_by(GROUP).agg(
        pl.col("count").sum().alias("n"),
        *(ranked.get(rank, null_on_oob=True).fill_null(0).alias(f"c{rank + 1}") for rank in range(3)),
        *(named.get(rank, null_on_oob=True).alias(f"s{rank + 1}") for rank in range(2)),
        log_gamma(pl.col("count").sort() + 1).sum().alias("log_factorials"),
    )


def _shifting(symbols: pl.LazyFrame, counted: pl.LazyFrame) -> pl.LazyFrame:
    """Log likelihood of one shift, averaged over change points, for both orders of the two top symbols."""
    named = symbols.join(counted.select(*GROUP, "n", "c1", "c2", "s1", "s2"), on=GROUP, nulls_equal=True).filter(
        pl.col("n") >= 2 * SIDE
    )
    seen = [
        (pl.col("symbol") == pl.col(s)).fill_null(value=False).cast(pl.Int64).cum_sum().over(GROUP, order_by=DAY)
        for s in ("s1", "s2")
    ]
    running = named.with_columns(
        seen[0].alias("a"), seen[1].alias("b"), pl.int_range(1, pl.len() + 1).over(GROUP, order_by=DAY).alias("step")
    )
    points = running.filter(pl.col("step").is_between(SIDE, pl.col("n") - SIDE))
    forward = log_shifting_at(pl.col("n"), pl.col("a") + pl.col("c2") - pl.col("b")).alias("forward")
    backward = log_shifting_at(pl.col("n"), pl.col("b") + pl.col("c1") - pl.col("a")).alias("backward")
    both = points.select(*GROUP, forward, backward)
    high = pl.max_horizontal(pl.col("forward").max(), pl.col("backward").max())
    total = ((pl.col("forward") - high).exp() + (pl.col("backward") - high).exp()).sort().sum()
    return both.group_by(GROUP).agg((high + total.log()).alias("shifting"))


def _labelled(totals: pl.LazyFrame, min_purchases: int) -> pl.LazyFrame:
    high = pl.max_horizontal(TYPES)
    weights = [(pl.col(kind) - high).exp().alias(f"p_{kind}") for kind in TYPES]
    probabilities = [pl.col(f"p_{kind}") for kind in TYPES]
    shares = totals.with_columns(weights).with_columns(p / pl.sum_horizontal(probabilities) for p in probabilities)
    best = pl.coalesce(
        *(pl.when(pl.col(f"p_{kind}") >= MORE_LIKELY_THAN_NOT).then(pl.lit(kind)) for kind in TYPES), pl.lit(UNDETERMINED)
    )
    label = pl.when(pl.col("days") >= min_purchases).then(best).otherwise(pl.lit(UNDETERMINED))
    return shares.select(CUSTOMER, label.alias("loyalty_segment"), *probabilities)


def _favourite(symbols: pl.LazyFrame) -> pl.LazyFrame:
    order = [DAY, "category"]
    place = pl.int_range(pl.len()).over(CUSTOMER, order_by=order)
    halves = symbols.with_columns((place < (pl.len().over(CUSTOMER) + 1) // 2).alias("early"))
    early = halves.filter("early").group_by(CUSTOMER, "symbol").len()
    favourite = early.group_by(CUSTOMER).agg(
        pl.col("symbol").sort_by("len", "symbol", descending=[True, False]).first().alias("favourite_brand")
    )
    hit = pl.col("symbol") == pl.col("favourite_brand")
    return (
        halves.join(favourite, on=CUSTOMER)
        .group_by(CUSTOMER)
        .agg(
            pl.col("favourite_brand").first(),
            hit.filter(pl.col("early")).mean().alias("favourite_share_before"),
            hit.filter(~pl.col("early")).mean().alias("favourite_share_recent"),
        )
    )
