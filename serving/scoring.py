"""Score customers with the champion: features as of a date to the contract's columns."""

from datetime import date, datetime

import polars as pl

from features.build import build_features
from features.columns import CUSTOMER
from features.norms import Norms, up_to_date
from features.tables.keyed_hash import NOBODY, Erased
from features.tables.schema import Tables
from models.champion import Champion
from models.value import value_frame, value_terms
from serving.reasons import reasons
from serving.score_columns import SCORE_COLUMNS
from serving.targeting import NO_ACTION, choose_actions
from settings.errors import UserError
from settings.sections import Churn, Loyalty, Settings

LEVELS = ("basic", "reactive", "accountable", "proactive", "partnership")
EVEN = 0.5
FAR_AHEAD_DAYS = 36_500


class HindsightRefused(UserError):  # noqa: N818  # it names what happened, as the documentation does
    """The champion learned from data younger than the as-of date."""


def refuse_hindsight(champion: Champion, as_of: date) -> None:
    """Raise HindsightRefused when the champion knew data after `as_of`."""
    trained = champion.terms.trained_as_of
    if as_of < trained:
        raise HindsightRefused(
            f"Champion {champion.version} was trained on what was known before {trained}, after the as-of date {as_of}; "
            "score a later date, or add --allow-hindsight."
        )


def usual_as_of(champion: Champion, tables: Tables, as_of: date) -> Norms:
    """Return what is usual for the company: from the champion, and what sells now, on a later day, from all customers' tables."""
    stored = champion.norms
    return stored if as_of == stored.known_before else up_to_date(stored, tables, as_of)


def score(
    settings: Settings,
    tables: Tables,
    champion: Champion,
    as_of: date,
    scored_at: datetime,
    usual: Norms | None = None,
    suppressed: Erased = NOBODY,
) -> pl.DataFrame:
    """Return SCORE_COLUMNS for every customer known before `as_of`, by customer_id.

    `usual` is what `usual_as_of` gives; without it `tables` must hold all customers. A customer without a purchase has status
    `prospect`, and one of `suppressed` has nothing: neither has a score, and `no_score_reason` says why.
    """
    loyalty = Loyalty(unit=champion.terms.loyalty_unit, min_purchases=champion.terms.loyalty_min_purchases)  # type: ignore[arg-type]
    usual = usual or usual_as_of(champion, tables, as_of)
    features = build_features(tables, as_of, champion.terms.active_days, loyalty, usual)
    profiled = features.filter(~suppressed.holds()) if suppressed.hashes else features
    scores = score_features(settings, profiled, consent(tables), champion, scored_at)
    told = _with_partners(scores, tables.customers)
    return told if profiled.height == features.height else _with_suppressed(told, features, champion, scored_at)


def _with_suppressed(scores: pl.DataFrame, features: pl.DataFrame, champion: Champion, scored_at: datetime) -> pl.DataFrame:
    """Add a row for each customer of `features` who has none: who it is, and why nothing is said."""
    left = features.join(scores, on=CUSTOMER, how="anti").select(
        CUSTOMER,
        "as_of",
        pl.lit(scored_at).alias("scored_at"),
        pl.lit(champion.version).alias("model_version"),
        pl.lit(NO_ACTION).alias("action"),
        pl.lit("suppressed").alias("no_score_reason"),
    )
    rows = left.select(_column(left, name, dtype) for name, dtype in SCORE_COLUMNS.items())
    return pl.concat([scores, rows]).sort(CUSTOMER)


def consent(tables: Tables) -> pl.LazyFrame | None:
    """Return may_contact per customer from today's marketing_consent; None where no table tells."""
    if tables.customers is None or "marketing_consent" not in tables.customers.collect_schema():
        return None
    given = pl.col("marketing_consent").fill_null(value=False).all().alias("may_contact")
    return tables.customers.group_by(CUSTOMER).agg(given)


def _with_partners(scores: pl.DataFrame, customers: pl.LazyFrame | None) -> pl.DataFrame:
    """Stage and level of those the business calls partners today; what it says of now is for actions, not for features."""
    if customers is None or "partner" not in customers.collect_schema():
        return scores
    named = customers.filter("partner").select(CUSTOMER).unique().collect()[CUSTOMER].implode()
    is_partner = pl.col(CUSTOMER).is_in(named)
    scored = pl.col("no_score_reason").is_null()
    return scores.with_columns(
        pl.when(is_partner).then(pl.lit("partner")).otherwise("lifecycle_stage").alias("lifecycle_stage"),
        pl.when(is_partner & scored).then(pl.lit(LEVELS[-1])).otherwise("relationship_level").alias("relationship_level"),
    )


def score_features(
    settings: Settings, features: pl.DataFrame, may_contact: pl.LazyFrame | None, champion: Champion, scored_at: datetime
) -> pl.DataFrame:
    """Return SCORE_COLUMNS for rows of features; everything about one customer but the percentile is its own."""
    buyers = features.filter(pl.col("orders") > 0)
    acted = buyers if buyers.is_empty() else _acted(settings, buyers, may_contact, champion)
    prospects = features.filter(pl.col("orders") == 0).with_columns(
        pl.lit(NO_ACTION).alias("action"), pl.lit("prospect").alias("no_score_reason")
    )
    everyone = pl.concat([acted, prospects], how="diagonal").with_columns(
        pl.lit(champion.version).alias("model_version"), pl.lit(scored_at).alias("scored_at")
    )
    return everyone.sort(CUSTOMER).select(_column(everyone, name, dtype) for name, dtype in SCORE_COLUMNS.items())


def _acted(settings: Settings, buyers: pl.DataFrame, may_contact: pl.LazyFrame | None, champion: Champion) -> pl.DataFrame:
    scored = _banded(_model(settings, buyers, champion), settings.churn, champion)
    allowed = pl.lit(value=True) if may_contact is None else pl.col("may_contact").fill_null(value=False)
    joined = scored if may_contact is None else scored.join(may_contact.collect(), on=CUSTOMER, how="left")
    return choose_actions(joined.with_columns(allowed.alias("may_contact")), settings.targeting)


def _column(frame: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Expr:
    return (pl.col(name) if name in frame.columns else pl.lit(None).alias(name)).cast(dtype)


def _model(settings: Settings, buyers: pl.DataFrame, champion: Champion) -> pl.DataFrame:
    horizon = champion.terms.horizon_days
    seen = champion.btyd.with_columns(buyers, horizon)
    p_churn = champion.churn.p_churn(seen)
    ahead = None if champion.value is None else champion.value.expected(seen)
    values = value_frame(champion.btyd, seen, p_churn, value_terms(settings.value, horizon), champion.value_spread, ahead)
    said = reasons(seen, champion.churn.contributions(seen), settings.value.currency)
    return _dated(seen.with_columns(p_churn.alias("p_churn"), said, *values.get_columns()))


def _dated(frame: pl.DataFrame) -> pl.DataFrame:
    """Turn waiting times into dates, null where a purchase within the value horizon is less likely than not.

    The upper date is null as well where more than one in ten such customers never order again.
    """
    likely = pl.col("p_order_in_horizon") >= EVEN
    days = {"next_order_date": "next_order_days", "next_order_low": "next_order_low", "next_order_high": "next_order_high"}
    return frame.with_columns(_day(wait, likely).alias(name) for name, wait in days.items())


def _day(wait: str, likely: pl.Expr) -> pl.Expr:
    finite = likely & pl.col(wait).is_finite() & (pl.col(wait) < FAR_AHEAD_DAYS)
    return pl.when(finite).then(pl.col("as_of") + pl.duration(days=pl.col(wait).floor().cast(pl.Int64, strict=False)))


def _banded(scored: pl.DataFrame, churn: Churn, champion: Champion) -> pl.DataFrame:
    low, high = churn.band_cuts
    p = pl.col("p_churn")
    existing = pl.when(pl.col("status") == "existing").then(p)
    level = sum((pl.col("expected_value") > cut).cast(pl.Int64) for cut in champion.value_cuts)
    ranks = scored.select(existing.rank("average")).to_series()
    # NumPy divides; Polars, by a single number, multiplies with its reciprocal, and is off in the last digit
    percentile = pl.Series(100 * ranks.to_numpy() / max(ranks.count(), 1), dtype=pl.Float64, nan_to_null=True)
    return scored.with_columns(
        pl.when(p < low).then(pl.lit("low")).when(p < high).then(pl.lit("medium")).otherwise(pl.lit("high")).alias("churn_band"),
        percentile.clip(upper_bound=100).alias("churn_percentile"),
        pl.col("btyd_p_alive").alias("p_alive"),
        (p * (pl.col("value_if_stays") - pl.col("value_if_leaves"))).alias("value_at_risk"),
        pl.lit(pl.Series(LEVELS)).gather(level).alias("relationship_level"),
    )
