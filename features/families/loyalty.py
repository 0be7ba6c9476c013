"""Loyalty segment (Kotler) from the sequence of brands over time, with a probability for each type."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from scipy.special import xlogy

from features.families.brand_sequences import CATEGORY, NO_CATEGORY, SEQUENCE, SYMBOL, choose_symbols, sort_by_time
from features.families.feature import Feature
from features.families.loyalty_models import TYPES
from features.families.sequence_likelihoods import sequence_likelihoods
from features.frames.collect import Engine
from features.frames.columns import CUSTOMER, DAY
from features.frames.encoded import EncodedTables
from features.frames.modes import decode_words, most_common, vocabulary
from features.frames.sorted_runs import index_in_run, is_first_row, last_of_customer, starts_run
from features.point_in_time import known_before
from settings.sections import Loyalty

FAMILY = "loyalty"
UNDETERMINED = "undetermined"
NO_BRAND = "no purchase with a brand yet, or the table has no such column"
UNDER_TWO_BRANDED = "fewer than two purchases with a brand, or the table has no such column"
NO_CATEGORY_CHOICE = "no purchase with a brand and a category yet, or the table lacks either"
FEATURES = (
    Feature(
        "loyalty_segment",
        "label",
        "How the customer chooses between brands: hard_core, split, shifting, switcher, or undetermined",
        "never",
        is_model_input=False,
    ),
    Feature("p_hard_core", "probability", "Buys one brand all the time", NO_BRAND),
    Feature("p_split", "probability", "Is loyal to two or three brands", NO_BRAND),
    Feature("p_shifting", "probability", "Moved from one favourite brand to another", NO_BRAND),
    Feature("p_switcher", "probability", "Shows no loyalty to a brand", NO_BRAND),
    Feature(
        "switch_rate",
        "share",
        "Share of purchases of another brand than the previous one, within a category",
        UNDER_TWO_BRANDED,
    ),
    Feature(
        "brand_entropy", "nats", "Entropy of the purchases over brands: how evenly they are spread; 0 is one brand", NO_BRAND
    ),
    Feature("favourite_brand", "name", "Most frequent brand", NO_BRAND, is_model_input=False),
    Feature(
        "favourite_brand_before",
        "name",
        "Most frequent brand in the earlier half of the purchases",
        NO_BRAND,
        is_model_input=False,
    ),
    Feature(
        "favourite_brand_recent",
        "name",
        "Most frequent brand in the later half of the purchases: the current favourite",
        UNDER_TWO_BRANDED,
        is_model_input=False,
    ),
    Feature("favourite_share_before", "share", "Share of the favourite brand in the earlier half of the purchases", NO_BRAND),
    Feature(
        "favourite_share_recent", "share", "Share of the favourite brand in the later half of the purchases", UNDER_TWO_BRANDED
    ),
    Feature(
        "shift_days",
        "days",
        "Days since the purchase at which the favourite changed, in the customer's main category",
        "not a shifting customer",
    ),
    Feature("main_category", "name", "Category with most purchases of a brand", NO_CATEGORY_CHOICE, is_model_input=False),
    Feature(
        "main_category_segment", "label", "Loyalty segment within the main category", NO_CATEGORY_CHOICE, is_model_input=False
    ),
)
MIN_PROBABILITY = 0.5
LOG_DECIMALS = 9  # log likelihoods are sums of floats, which depend on the order of their terms


@dataclass(frozen=True)
class BrandChoices:
    """Choices in order, and one row per sequence in order: customer_id, category, n, the four log likelihoods, shifted.

    `shifted` is the day of the most likely shift. `brands` and `categories` are the vocabularies of symbols and categories.
    """

    rows: pl.DataFrame
    sequences: pl.DataFrame
    brands: pl.Series
    categories: pl.Series | None


def brand_choices(transactions: pl.LazyFrame, settings: Loyalty, engine: Engine) -> BrandChoices | None:
    """Return the choices that loyalty is estimated from; None where the table has no column `settings.unit`."""
    columns = transactions.collect_schema().names()
    if settings.unit not in columns:
        return None
    rows = choose_symbols(transactions, settings.unit, engine)
    return BrandChoices(
        rows=rows,
        sequences=sequence_likelihoods(rows, engine),
        brands=vocabulary(transactions, settings.unit),
        categories=vocabulary(transactions, CATEGORY) if CATEGORY in columns and settings.unit != CATEGORY else None,
    )


def loyalty(choices: BrandChoices, settings: Loyalty, as_of: date, engine: Engine) -> list[pl.LazyFrame]:
    """Return frames of label, type probabilities, favourites and switches per customer with a known symbol.

    Probabilities sum to 1. Categories count as independent sequences of one customer of one type. The label is the type with a
    probability of at least one half. It is `undetermined` without such a type, or with fewer than `settings.min_purchases`
    occasions.
    """
    sequences, ordered = choices.sequences.lazy(), sort_by_time(choices.rows)
    log_likelihoods = sequences.group_by(CUSTOMER).agg(pl.col(TYPES).sum().round(LOG_DECIMALS))
    days = (
        ordered.lazy()
        .select(CUSTOMER, starts_run(CUSTOMER, DAY).alias("is_new_day"))
        .group_by(CUSTOMER)
        .agg(pl.col("is_new_day").sum().alias("days"))
    )
    labelled = _with_label(log_likelihoods.join(days, on=CUSTOMER), pl.col("days"), settings.min_purchases).drop("days", *TYPES)
    main = _main_category(choices, settings, as_of)
    shift_days = pl.when(pl.col("loyalty_segment") == "shifting").then("shift_days")
    segments = labelled.join(main, on=CUSTOMER).with_columns(shift_days)
    return [segments, _switch_rate(choices.rows.lazy()), *_favourites(ordered.lazy(), choices.brands, engine)]


def loyalty_by_category(choices: BrandChoices, settings: Loyalty, as_of: date) -> pl.DataFrame:
    """Return a row per customer and category: occasions, loyalty_segment, the four probabilities, shift_days.

    `category` is null for purchases without one. shift_days is null unless the segment is shifting.
    """
    labelled = _with_label(choices.sequences.lazy(), pl.col("n"), settings.min_purchases)
    is_shifting = pl.col("loyalty_segment") == "shifting"
    return labelled.select(
        CUSTOMER,
        _category_name(pl.col(CATEGORY), choices.categories),
        pl.col("n").cast(pl.Int64).alias("occasions"),
        "loyalty_segment",
        *(f"p_{kind}" for kind in TYPES),
        pl.when(is_shifting).then((pl.lit(as_of) - pl.col("shifted")).dt.total_days()).alias("shift_days"),
    ).collect()


def categories_as_of(encoded: EncodedTables, as_of: date, settings: Loyalty) -> pl.DataFrame | None:
    """Return `loyalty_by_category` with the customers' own ids; None where the lines lack a brand or a category column."""
    known = known_before(encoded.tables, as_of)
    columns = known.transactions.collect_schema().names()
    has_both = CATEGORY in columns and settings.unit != CATEGORY
    choices = brand_choices(known.transactions, settings, encoded.engine) if has_both else None
    if choices is None:
        return None
    rows = loyalty_by_category(choices, settings, as_of)
    return rows.with_columns(encoded.ids.gather(rows[CUSTOMER]).alias(CUSTOMER))


def _with_label(likelihoods: pl.LazyFrame, occasions: pl.Expr, min_purchases: int) -> pl.LazyFrame:
    """Add loyalty_segment and the probability of each type."""
    highest = pl.max_horizontal(TYPES)
    weights = [(pl.col(kind) - highest).exp().alias(f"p_{kind}") for kind in TYPES]
    probabilities = [pl.col(f"p_{kind}") for kind in TYPES]
    likeliest = pl.coalesce(
        *(pl.when(pl.col(f"p_{kind}") >= MIN_PROBABILITY).then(pl.lit(kind)) for kind in TYPES), pl.lit(UNDETERMINED)
    )
    label = pl.when(occasions >= min_purchases).then(likeliest).otherwise(pl.lit(UNDETERMINED))
    normalised = likelihoods.with_columns(weights).with_columns(p / pl.sum_horizontal(probabilities) for p in probabilities)
    return normalised.with_columns(label.alias("loyalty_segment"))


def _main_category(choices: BrandChoices, settings: Loyalty, as_of: date) -> pl.LazyFrame:
    """Return the name, segment and shift of each customer's longest sequence, the first by name among equals."""
    longest = choices.sequences.lazy().sort(CUSTOMER, "n", CATEGORY, descending=[False, True, False]).filter(is_first_row())
    labelled = _with_label(longest, pl.col("n"), settings.min_purchases)
    name = _category_name(pl.col(CATEGORY), choices.categories)
    return labelled.select(
        CUSTOMER,
        name.alias("main_category"),
        pl.when(name.is_not_null()).then("loyalty_segment").alias("main_category_segment"),
        (pl.lit(as_of) - pl.col("shifted")).dt.total_days().alias("shift_days"),
    )


def _category_name(code: pl.Expr, categories: pl.Series | None) -> pl.Expr:
    if categories is None:
        return pl.lit(None, pl.String).alias(CATEGORY)
    return decode_words(pl.when(code > NO_CATEGORY).then(code - 1), categories).alias(CATEGORY)


def _switch_rate(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return how often the symbol differs from the previous one in its sequence."""
    has_previous = pl.col(SEQUENCE) == pl.col(SEQUENCE).shift()
    switched = pl.when(has_previous).then(pl.col(SYMBOL) != pl.col(SYMBOL).shift())
    steps = rows.select(CUSTOMER, switched.alias("switched")).group_by(CUSTOMER)
    rate = pl.col("switched").sum() / pl.col("switched").count()
    return steps.agg(pl.when(pl.col("switched").count() > 0).then(rate).alias("switch_rate"))


def _favourites(ordered: pl.LazyFrame, brands: pl.Series, engine: Engine) -> list[pl.LazyFrame]:
    """Return favourites and entropy, and the favourite's shares. Favourites: the most frequent symbols overall and by half."""
    index = index_in_run(CUSTOMER)
    is_early = 2 * index <= last_of_customer(index)
    counts = (
        ordered.select(CUSTOMER, SYMBOL, is_early.alias("early"))
        .group_by(CUSTOMER, SYMBOL)
        .agg(pl.len().cast(pl.Int64).alias("uses"), pl.col("early").sum().cast(pl.Int64))
        .with_columns((pl.col("uses") - pl.col("early")).alias("late"))
        .collect(engine=engine)
        .lazy()
    )
    favourite_of = {"uses": "favourite_brand", "early": "favourite_brand_before", "late": "favourite_brand_recent"}
    times_log = pl.col("uses").map_batches(_times_log, pl.Float64)
    n = pl.col("n").cast(pl.Float64)
    by_customer = (
        counts.with_columns(times_log.alias("times_log"))
        .group_by(CUSTOMER)
        .agg(
            *(most_common(uses, SYMBOL).alias(name) for uses, name in favourite_of.items()),
            pl.col("uses").sum().alias("n"),
            pl.col("times_log").sum(),
            pl.col("early").sum().alias("all_early"),
            pl.col("late").sum().alias("all_late"),
        )
        .with_columns((n.log() - pl.col("times_log") / n).round(LOG_DECIMALS).abs().alias("brand_entropy"))
        .collect(engine=engine)
        .lazy()
    )
    names = by_customer.select(CUSTOMER, "brand_entropy", *(decode_words(pl.col(name), brands) for name in favourite_of.values()))
    of_favourite = counts.join(by_customer, left_on=[CUSTOMER, SYMBOL], right_on=[CUSTOMER, "favourite_brand"])
    late = pl.when(pl.col("all_late") > 0).then(pl.col("late") / pl.col("all_late"))
    shares = of_favourite.select(
        CUSTOMER,
        (pl.col("early") / pl.col("all_early")).alias("favourite_share_before"),
        late.alias("favourite_share_recent"),
    )
    return [names, shares]


def _times_log(count: pl.Series) -> pl.Series:
    """Return count x ln(count), 0 for 0."""
    counts = count.to_numpy().astype(np.float64)
    return pl.Series(xlogy(counts, counts))
