"""Loyalty segment (Kotler) from the time-ordered sequence of brands, with a probability for each type."""

import numpy as np
import polars as pl
from scipy.special import gammaln

from features.feature import Feature
from features.loyalty_models import SIDE, TYPES, log_hard_core, log_shifting_at, log_split, log_switcher
from features.purchases import CUSTOMER, DAY, is_sale_line, total
from settings.sections import Loyalty

FAMILY = "loyalty"
UNDETERMINED = "undetermined"
ABSENT = "no purchase with a brand yet, or the table has no such column"
ONCE = "fewer than two purchases with a brand, or the table has no such column"
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
    Feature("switch_rate", "share", "Share of purchases of another brand than the one before, within a category", ONCE),
    Feature("brand_entropy", "nats", "How evenly the purchases are spread over brands; 0 is one brand", ABSENT),
    Feature("favourite_brand", "name", "Brand bought most often", ABSENT, model=False),
    Feature("favourite_share_before", "share", "Share of that brand in the earlier half of the purchases", ABSENT),
    Feature("favourite_share_recent", "share", "Share of that brand in the later half of the purchases", ONCE),
)
MORE_LIKELY_THAN_NOT = 0.5
GROUP = (CUSTOMER, "category")
RANKS = ("c0", "c1", "c2", "c3")
SHIFTERS = len(RANKS)
LOG_DECIMALS = 9  # likelihoods are sums of floats too
CLOSED_FORMS = pl.Struct(dict.fromkeys(("hard_core", "split", "switcher"), pl.Float64))


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
    totals = per_category.group_by(CUSTOMER).agg(pl.col(TYPES).sum().round(LOG_DECIMALS))
    days = symbols.group_by(CUSTOMER).agg(pl.col(DAY).n_unique().alias("days"))
    labelled = _labelled(totals.join(days, on=CUSTOMER), settings.min_purchases)
    counts = symbols.group_by(CUSTOMER, "symbol").agg(pl.len().alias("count"))
    return labelled.join(_favourite(symbols, counts), on=CUSTOMER).join(_spread(symbols, counts), on=CUSTOMER)


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
        .agg(total(pl.col("amount")), pl.col("sale").any())
        .filter("sale")
    )
    return spent.group_by(*GROUP, DAY).agg(pl.col("symbol").sort_by("amount", "symbol", descending=[True, False]).first())


def _likelihoods(symbols: pl.LazyFrame) -> pl.LazyFrame:
    """Log marginal likelihood of each type per customer and category; too short to show a shift: as hard_core."""
    counted = _counts(symbols)
    both = counted.join(_shifting(symbols, counted), on=GROUP, how="left", nulls_equal=True)
    columns = ["n", "seen", *RANKS, "log_factorials"]
    closed = pl.struct(columns).map_batches(_closed_forms, return_dtype=CLOSED_FORMS, is_elementwise=True)
    found = both.select(CUSTOMER, "shifting", closed.alias("closed")).unnest("closed")
    return found.select(CUSTOMER, "hard_core", "split", pl.coalesce("shifting", "hard_core"), "switcher")


def _closed_forms(columns: pl.Series) -> pl.Series:
    n, seen, *counts, log_factorials = columns.struct.unnest().to_numpy().T
    found = {
        "hard_core": log_hard_core(n, seen, np.array(counts)),
        "split": log_split(n, seen, np.array(counts)),
        "switcher": log_switcher(n, seen, log_factorials),
    }
    return pl.DataFrame(found).to_struct()


def _counts(symbols: pl.LazyFrame) -> pl.LazyFrame:
    """Length, number of symbols, and the most bought ones with their counts, per customer and category.

    Sorted once as a whole: groups keep the order of their rows, and sorting within each takes six times as long.
    """
    counts = symbols.group_by(*GROUP, "symbol").agg(pl.len().cast(pl.Float64).alias("count"))
    ranked = counts.sort(*GROUP, "count", "symbol", descending=[False, False, True, False])
    logs = pl.col("count").map_batches(lambda count: gammaln(count.to_numpy() + 1), return_dtype=pl.Float64, is_elementwise=True)
    return (
        ranked.with_columns(logs.alias("log_factorial"))
        .group_by(GROUP)
        .agg(
            pl.col("count").sum().alias("n"),
            pl.len().cast(pl.Float64).alias("seen"),
            *(pl.col("count").get(rank, null_on_oob=True).fill_null(0.0).alias(name) for rank, name in enumerate(RANKS)),
            *(pl.col("symbol").get(rank, null_on_oob=True).alias(f"s{rank}") for rank in range(SHIFTERS)),
            pl.col("log_factorial").sum().alias("log_factorials"),
        )
    )


def _shifting(symbols: pl.LazyFrame, counted: pl.LazyFrame) -> pl.LazyFrame:
    """Log likelihood of one shift, summed over change points and ordered pairs of favourites."""
    long_enough = counted.filter(pl.col("n") >= 2 * SIDE).drop("log_factorials")
    named = symbols.join(long_enough, on=GROUP, nulls_equal=True)
    before = [f"before{rank}" for rank in range(SHIFTERS)]
    hits = [(pl.col("symbol") == pl.col(f"s{rank}")).fill_null(value=False).cast(pl.Float64) for rank in range(SHIFTERS)]
    running = named.with_columns(
        *(hit.cum_sum().over(GROUP, order_by=DAY).alias(name) for name, hit in zip(before, hits, strict=True)),
        pl.int_range(1, pl.len() + 1).over(GROUP, order_by=DAY).alias("step"),
    )
    points = running.filter(pl.col("step").is_between(SIDE, pl.col("n") - SIDE))
    columns = pl.struct("n", "seen", *before, *RANKS[:SHIFTERS])
    at = columns.map_batches(_shift_at, return_dtype=pl.Float64, is_elementwise=True).alias("at")
    high = pl.col("at").max()
    summed = high + (pl.col("at") - high).exp().sum().log()
    return points.select(*GROUP, at).group_by(GROUP).agg(summed.alias("shifting"))


def _shift_at(columns: pl.Series) -> pl.Series:
    n, seen, *counts = columns.struct.unnest().to_numpy().T
    return pl.Series(log_shifting_at(n, seen, np.array(counts[:SHIFTERS]), np.array(counts[SHIFTERS:])))


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


def _spread(symbols: pl.LazyFrame, counts: pl.LazyFrame) -> pl.LazyFrame:
    """How often the customer switches, and over how many brands, evenly counted."""
    before = pl.col("symbol").shift(1).over(GROUP, order_by=DAY)
    switches = symbols.select(CUSTOMER, (pl.col("symbol") != before).alias("switch"))
    rates = switches.group_by(CUSTOMER).agg(pl.col("switch").mean().alias("switch_rate"))
    share = pl.col("count") / pl.col("count").sum()
    entropy = counts.group_by(CUSTOMER).agg((-(share * share.log()).sum()).round(LOG_DECIMALS).alias("brand_entropy"))
    return rates.join(entropy, on=CUSTOMER)


def _favourite(symbols: pl.LazyFrame, counts: pl.LazyFrame) -> pl.LazyFrame:
    """The symbol bought most often of all, and its share in the earlier and the later half."""
    most = pl.col("symbol").sort_by("count", "symbol", descending=[True, False]).first()
    favourite = counts.group_by(CUSTOMER).agg(most.alias("favourite_brand"))
    place = pl.int_range(pl.len()).over(CUSTOMER, order_by=[DAY, "category"])
    early = place < (pl.len().over(CUSTOMER) + 1) // 2
    hit = (pl.col("symbol") == pl.col("favourite_brand")).alias("hit")
    halves = symbols.with_columns(early.alias("early")).join(favourite, on=CUSTOMER).with_columns(hit)
    return halves.group_by(CUSTOMER).agg(
        pl.col("favourite_brand").first(),
        pl.col("hit").filter(pl.col("early")).mean().alias("favourite_share_before"),
        pl.col("hit").filter(~pl.col("early")).mean().alias("favourite_share_recent"),
    )
