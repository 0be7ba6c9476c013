"""Loyalty segment (Kotler) from the time-ordered sequence of brands, with a probability for each type."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import xlogy

from features.families.brand_sequences import CATEGORY, NO_CATEGORY, SEQUENCE, SYMBOL, choices, in_time
from features.families.feature import Feature
from features.families.loyalty_models import (
    RANKS,
    TYPES,
    Array,
    log_factorial,
    log_hard_core,
    log_shifting,
    log_split,
    log_switcher,
)
from features.frames.collect import collect
from features.frames.columns import CUSTOMER, DAY
from features.frames.encoded import EncodedTables
from features.frames.modes import most_common, named, vocabulary
from features.frames.sorted_runs import index_in_run, is_first_row, since_last, starts_run
from features.point_in_time import known_before
from settings.sections import Loyalty

FAMILY = "loyalty"
UNDETERMINED = "undetermined"
ABSENT = "no purchase with a brand yet, or the table has no such column"
ONCE = "fewer than two purchases with a brand, or the table has no such column"
ONE_CATEGORY = "no purchase with a brand and a category yet, or the table lacks either"
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
    Feature("favourite_brand_before", "name", "Brand bought most often in the earlier half", ABSENT, model=False),
    Feature("favourite_brand_recent", "name", "Brand bought most often in the later half: the favourite now", ONCE, model=False),
    Feature("favourite_share_before", "share", "Share of the favourite brand in the earlier half of the purchases", ABSENT),
    Feature("favourite_share_recent", "share", "Share of that brand in the later half of the purchases", ONCE),
    Feature(
        "shift_days",
        "days",
        "Since the purchase with which the favourite changed, in the customer's main category",
        "not a shifting customer",
    ),
    Feature("main_category", "name", "Category of most purchases with a brand", ONE_CATEGORY, model=False),
    Feature("main_category_segment", "label", "Loyalty segment within that category", ONE_CATEGORY, model=False),
)
MORE_LIKELY_THAN_NOT = 0.5
NO_SYMBOL = 2**32 - 1
LOG_DECIMALS = 9  # likelihoods are sums of floats too


@dataclass(frozen=True)
class Chosen:
    """Choices in order, and one row per sequence in order: customer_id, category, n, the four log likelihoods, shifted.

    `brands` and `categories` are the vocabularies of the symbols and of the categories.
    """

    rows: pl.DataFrame
    sequences: pl.DataFrame
    brands: pl.Series
    categories: pl.Series | None


def chosen(transactions: pl.LazyFrame, settings: Loyalty) -> Chosen | None:
    """Return what the loyalty of customers is told from; None where the table has no column `settings.unit`."""
    columns = transactions.collect_schema().names()
    if settings.unit not in columns:
        return None
    rows = choices(transactions, settings.unit)
    categories = vocabulary(transactions, CATEGORY) if CATEGORY in columns and settings.unit != CATEGORY else None
    return Chosen(rows, _likelihoods(rows), vocabulary(transactions, settings.unit), categories)


def loyalty(found: Chosen, settings: Loyalty, as_of: date) -> list[pl.LazyFrame]:
    """Return frames of label, type probabilities, favourites and switches per customer with a known symbol.

    Probabilities sum to 1; categories count as independent sequences of one customer of one type. The label is the
    type with probability of at least one half, and `undetermined` below that or with fewer than
    `settings.min_purchases` occasions.
    """
    sequences, ordered = found.sequences.lazy(), in_time(found.rows)
    totals = sequences.group_by(CUSTOMER).agg(pl.col(TYPES).sum().round(LOG_DECIMALS))
    days = (
        ordered.lazy()
        .select(CUSTOMER, starts_run(CUSTOMER, DAY).alias("new"))
        .group_by(CUSTOMER)
        .agg(pl.col("new").sum().alias("days"))
    )
    labelled = _labelled(totals.join(days, on=CUSTOMER), pl.col("days"), settings.min_purchases).drop("days", *TYPES)
    main = _main_category(found, settings, as_of)
    shifted = pl.when(pl.col("loyalty_segment") == "shifting").then("shift_days")
    told = labelled.join(main, on=CUSTOMER).with_columns(shifted)
    return [told, _switches(found.rows.lazy()), *_favourites(ordered.lazy(), found.brands)]


def loyalty_by_category(found: Chosen, settings: Loyalty, as_of: date) -> pl.DataFrame:
    """Return a row per customer and category: occasions, loyalty_segment, the four probabilities, shift_days.

    `category` is null for purchases without one. shift_days is null unless the segment is shifting.
    """
    labelled = _labelled(found.sequences.lazy(), pl.col("n"), settings.min_purchases)
    shifting = pl.col("loyalty_segment") == "shifting"
    return labelled.select(
        CUSTOMER,
        _category_name(pl.col(CATEGORY), found.categories),
        pl.col("n").cast(pl.Int64).alias("occasions"),
        "loyalty_segment",
        *(f"p_{kind}" for kind in TYPES),
        pl.when(shifting).then((pl.lit(as_of) - pl.col("shifted")).dt.total_days()).alias("shift_days"),
    ).collect()


def categories_as_of(encoded: EncodedTables, as_of: date, settings: Loyalty) -> pl.DataFrame | None:
    """Return `loyalty_by_category` with the customers' own ids; None where the lines lack a brand or a category."""
    known = known_before(encoded.tables, as_of)
    columns = known.transactions.collect_schema().names()
    found = chosen(known.transactions, settings) if CATEGORY in columns and settings.unit != CATEGORY else None
    if found is None:
        return None
    rows = loyalty_by_category(found, settings, as_of)
    return rows.with_columns(encoded.ids.gather(rows[CUSTOMER]).alias(CUSTOMER))


def _likelihoods(rows: pl.DataFrame) -> pl.DataFrame:
    """Log marginal likelihood of each type per sequence, and the day of the most likely shift.

    Too short to show a shift: as likely as hard_core.
    """
    counted = _counted(rows)
    closed = _closed_forms(counted)
    shifting, row = log_shifting(counted.n, counted.seen, counted.counts, counted.hits)
    return rows.filter(starts_run(SEQUENCE)).select(
        CUSTOMER,
        CATEGORY,
        pl.Series("n", counted.n.astype(np.int64)),
        closed["hard_core"],
        closed["split"],
        pl.coalesce(pl.Series("shifting", shifting).fill_nan(None), closed["hard_core"]).alias("shifting"),
        pl.Series("switcher", log_switcher(counted.n, counted.seen, counted.log_factorials)),
        pl.when(pl.Series(row) >= 0).then(rows[DAY].gather(np.maximum(row, 0))).alias("shifted"),
    )


@dataclass(frozen=True)
class _Counted:
    """What `loyalty_models` wants to know of sequences, as arrays: see there. The sum of ln count! is over all symbols."""

    n: Array
    seen: Array
    counts: Array
    hits: NDArray[np.bool_]
    log_factorials: Array


def _counted(rows: pl.DataFrame) -> _Counted:
    ranked = _ranked(rows)
    sequence, symbol = rows[SEQUENCE].to_numpy().astype(np.intp), rows[SYMBOL].to_numpy()
    of, count, rank = (ranked[name].to_numpy() for name in (SEQUENCE, "count", "rank"))
    n = np.bincount(sequence).astype(np.float64)
    top = rank < RANKS
    counts, favourites = np.zeros((RANKS, len(n))), np.full((RANKS, len(n)), NO_SYMBOL, dtype=np.uint32)
    counts[rank[top], of[top]] = count[top]
    favourites[rank[top], of[top]] = ranked[SYMBOL].to_numpy()[top]
    hits = np.array([each[sequence] == symbol for each in favourites])
    factorials = np.bincount(of, weights=log_factorial(count)).astype(np.float64)
    return _Counted(n, np.bincount(of).astype(np.float64), counts, hits, factorials)


def _ranked(rows: pl.DataFrame) -> pl.DataFrame:
    """Every symbol of every sequence with its `count` and `rank` from 0, the most frequent first.

    Among equally frequent symbols the one bought first ranks first, so that their names play no part. Sorted as a whole,
    and first by one whole number: the second sort then finds its rows nearly in place.
    """
    numbered = rows.lazy().with_row_index("row").group_by(SEQUENCE, SYMBOL)
    counts = collect(numbered.agg(pl.len().cast(pl.Int64).alias("count"), pl.col("row").min()))
    ranked = counts.sort(SEQUENCE).sort(SEQUENCE, "count", "row", descending=[False, True, False])
    return ranked.with_columns(index_in_run(SEQUENCE).alias("rank"))


def _closed_forms(counted: _Counted) -> pl.DataFrame:
    """The likelihoods that counts alone tell: reckoned once for each set of counts, which many sequences share."""
    columns = ["n", "seen", *(f"count{rank}" for rank in range(RANKS))]
    every = pl.DataFrame([counted.n, counted.seen, *counted.counts], schema=columns)
    patterns = every.unique()
    n, seen, *counts = (patterns[name].to_numpy() for name in columns)
    hard_core, split = (each(n, seen, np.array(counts)) for each in (log_hard_core, log_split))
    told = patterns.with_columns(pl.Series("hard_core", hard_core), pl.Series("split", split))
    return every.join(told, on=columns, how="left", maintain_order="left")


def _labelled(likelihoods: pl.LazyFrame, occasions: pl.Expr, min_purchases: int) -> pl.LazyFrame:
    """Add loyalty_segment and the probability of each type."""
    high = pl.max_horizontal(TYPES)
    weights = [(pl.col(kind) - high).exp().alias(f"p_{kind}") for kind in TYPES]
    probabilities = [pl.col(f"p_{kind}") for kind in TYPES]
    best = pl.coalesce(
        *(pl.when(pl.col(f"p_{kind}") >= MORE_LIKELY_THAN_NOT).then(pl.lit(kind)) for kind in TYPES), pl.lit(UNDETERMINED)
    )
    label = pl.when(occasions >= min_purchases).then(best).otherwise(pl.lit(UNDETERMINED))
    shares = likelihoods.with_columns(weights).with_columns(p / pl.sum_horizontal(probabilities) for p in probabilities)
    return shares.with_columns(label.alias("loyalty_segment"))


def _main_category(found: Chosen, settings: Loyalty, as_of: date) -> pl.LazyFrame:
    """The longest sequence of each customer, the first by name among equals: its name, segment, and when it shifted."""
    longest = found.sequences.lazy().sort(CUSTOMER, "n", CATEGORY, descending=[False, True, False]).filter(is_first_row())
    labelled = _labelled(longest, pl.col("n"), settings.min_purchases)
    name = _category_name(pl.col(CATEGORY), found.categories)
    return labelled.select(
        CUSTOMER,
        name.alias("main_category"),
        pl.when(name.is_not_null()).then("loyalty_segment").alias("main_category_segment"),
        (pl.lit(as_of) - pl.col("shifted")).dt.total_days().alias("shift_days"),
    )


def _category_name(place: pl.Expr, categories: pl.Series | None) -> pl.Expr:
    if categories is None:
        return pl.lit(None, pl.String).alias(CATEGORY)
    return named(pl.when(place > NO_CATEGORY).then(place - 1), categories).alias(CATEGORY)


def _switches(rows: pl.LazyFrame) -> pl.LazyFrame:
    """How often the symbol differs from the one before it in its sequence."""
    follows = pl.col(SEQUENCE) == pl.col(SEQUENCE).shift()
    switched = pl.when(follows).then(pl.col(SYMBOL) != pl.col(SYMBOL).shift())
    steps = rows.select(CUSTOMER, switched.alias("switched")).group_by(CUSTOMER)
    rate = pl.col("switched").sum() / pl.col("switched").count()
    return steps.agg(pl.when(pl.col("switched").count() > 0).then(rate).alias("switch_rate"))


def _favourites(ordered: pl.LazyFrame, brands: pl.Series) -> list[pl.LazyFrame]:
    """The symbols bought most often in all and in either half, the favourite's shares, and how evenly all are spread."""
    place = index_in_run(CUSTOMER)
    early = 2 * place <= since_last(place)
    counts = (
        ordered.select(CUSTOMER, SYMBOL, early.alias("early"))
        .group_by(CUSTOMER, SYMBOL)
        .agg(pl.len().cast(pl.Int64).alias("uses"), pl.col("early").sum().cast(pl.Int64))
        .with_columns((pl.col("uses") - pl.col("early")).alias("late"))
        .pipe(collect)
        .lazy()
    )
    halves = {"uses": "favourite_brand", "early": "favourite_brand_before", "late": "favourite_brand_recent"}
    spread = pl.col("uses").map_batches(_times_log, pl.Float64)
    n = pl.col("n").cast(pl.Float64)
    found = (
        counts.with_columns(spread.alias("spread"))
        .group_by(CUSTOMER)
        .agg(
            *(most_common(uses, SYMBOL).alias(name) for uses, name in halves.items()),
            pl.col("uses").sum().alias("n"),
            pl.col("spread").sum(),
            pl.col("early").sum().alias("all_early"),
            pl.col("late").sum().alias("all_late"),
        )
        .with_columns((n.log() - pl.col("spread") / n).round(LOG_DECIMALS).abs().alias("brand_entropy"))
        .pipe(collect)
        .lazy()
    )
    names = found.select(CUSTOMER, "brand_entropy", *(named(pl.col(name), brands) for name in halves.values()))
    of_favourite = counts.join(found, left_on=[CUSTOMER, SYMBOL], right_on=[CUSTOMER, "favourite_brand"])
    late = pl.when(pl.col("all_late") > 0).then(pl.col("late") / pl.col("all_late"))
    shares = of_favourite.select(
        CUSTOMER,
        (pl.col("early") / pl.col("all_early")).alias("favourite_share_before"),
        late.alias("favourite_share_recent"),
    )
    return [names, shares]


def _times_log(count: pl.Series) -> pl.Series:
    counts = count.to_numpy().astype(np.float64)
    return pl.Series(xlogy(counts, counts))
