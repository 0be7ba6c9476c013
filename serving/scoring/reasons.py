"""The reasons of a score: plain sentences about what moved a customer's risk, each true of that customer's own history."""

from functools import cache

import polars as pl

from serving.scoring.sentences import SHOP_GAP, Facts, facts_by_family

MAX_REASONS = 3
BASE_RATE_ONLY = "Past windows show no way to tell customers apart: everybody has the churn rate of those windows"
MIN_WEIGHT = 0.05  # in log-odds: at most 1.25 points of probability; weaker reasons are not worth a sentence


def explain_scores(
    features: pl.DataFrame, contributions: pl.DataFrame, currency: str, shop_gap_days: float | None = None
) -> pl.Series:
    """Return up to MAX_REASONS `{text, weight, direction, family}` per row, the strongest first.

    `contributions` has a column per feature family, in log-odds of churn: the `weight`. `direction` is `raises` or `lowers`.
    `family` is the feature family. A family is left out if its weight is below MIN_WEIGHT, or if it has no sentence for the
    customer whose words point the way of the weight. If any reason raises the risk, the strongest such reason is among them. A
    weaker reason is given only to customers without any other. Where nothing moves the risk at all, because only the base rate
    is known, the one reason says so. The silence of one-time buyers is compared with `shop_gap_days`, the usual days between the
    orders of the shop's repeat buyers; None where that is not known.
    """
    weights = contributions.rename(_weight_column).get_columns()
    inputs = features.with_columns(*weights, pl.lit(shop_gap_days, pl.Float64).alias(SHOP_GAP))
    return inputs.select(_strongest_reasons(tuple(contributions.columns), currency).alias("reasons")).to_series()


def _weight_column(family: str) -> str:
    return f"by:{family}"


@cache
def _strongest_reasons(families: tuple[str, ...], currency: str) -> pl.Expr:
    """Build the expression once: building it takes longer than evaluating it for one customer."""
    facts = facts_by_family(currency)
    reasons = [_reason(family, facts[family]) for family in families if family in facts]
    strength = pl.element().struct.field("weight").abs()
    with_text = pl.element().filter(pl.element().struct.field("text").is_not_null())
    by_strength = pl.concat_list(reasons).list.eval(with_text).list.eval(pl.element().sort_by(strength, descending=True))
    strong = by_strength.list.eval(pl.element().filter(strength >= MIN_WEIGHT))
    base_rate = pl.struct(text=pl.lit(BASE_RATE_ONLY), weight=pl.lit(0.0), direction=pl.lit("raises"), family=pl.lit(families[0]))
    nothing_moves = pl.all_horizontal(pl.col(_weight_column(family)) == 0 for family in families)
    return (
        pl.when(nothing_moves)
        .then(pl.concat_list(base_rate))
        .when(strong.list.len() > 0)
        .then(_with_raising(strong))
        .otherwise(by_strength.list.head(1))
    )


def _with_raising(by_strength: pl.Expr) -> pl.Expr:
    """Return the first MAX_REASONS; if none of them raises the risk, the strongest one that does takes the last place."""
    raises = pl.element().struct.field("direction") == "raises"
    strongest, raising = by_strength.list.head(MAX_REASONS), by_strength.list.eval(pl.element().filter(raises)).list.head(1)
    has_raising = strongest.list.eval(raises).list.any() | (raising.list.len() == 0)
    return pl.when(has_raising).then(strongest).otherwise(pl.concat_list(by_strength.list.head(MAX_REASONS - 1), raising))


def _reason(family: str, facts: Facts) -> pl.Expr:
    weight = pl.col(_weight_column(family))
    direction = pl.when(weight >= 0).then(pl.lit("raises")).otherwise(pl.lit("lowers"))
    return pl.struct(text=facts.sentence(weight), weight=weight, direction=direction, family=pl.lit(family))
