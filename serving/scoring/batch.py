"""Score customers with the champion: features as of a date to the contract's columns."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from features.build import build_features
from features.frames.columns import CUSTOMER
from features.norms import Norms, with_current_demand
from features.storage.hashing import NO_IDS, HashedIds
from features.tables.schema import Tables
from models.champion import Champion
from models.value.lifetime_value import value_frame, value_terms
from serving.schemas.candidates import averted_json, targets_of
from serving.schemas.scores import SCORE_COLUMNS
from serving.scoring.contactability import with_contactability
from serving.scoring.reasons import reasons
from serving.targeting.choice import NO_ACTION, choose_actions
from serving.targeting.rules import RELATIONSHIP_LEVELS
from settings.errors import UserError
from settings.sections import Churn, Loyalty, Settings

EVEN = 0.5
FAR_AHEAD_DAYS = 36_500


class HindsightError(UserError):  # noqa: N818  # it names what happened, as the documentation does
    """The champion learned from data younger than the as-of date."""


def refuse_hindsight(champion: Champion, as_of: date) -> None:
    """Raise HindsightRefused when the champion knew data after `as_of`."""
    trained = champion.terms.trained_as_of
    if as_of < trained:
        raise HindsightError(
            f"Champion {champion.version} was trained on what was known before {trained}, after the as-of date {as_of}; "
            "score a later date, or add --allow-hindsight."
        )


def norms_as_of(champion: Champion, tables: Tables, as_of: date) -> Norms:
    """Return what is usual for the company: from the champion, and what sells now, on a later day, from all customers' tables."""
    stored = champion.norms
    return stored if as_of == stored.known_before else with_current_demand(stored, tables, as_of)


@dataclass(frozen=True)
class Scored:
    """A scoring run: SCORE_COLUMNS of every customer, and TARGET_COLUMNS of those who may come on a list."""

    scores: pl.DataFrame
    targets: pl.DataFrame


def score(
    settings: Settings,
    tables: Tables,
    champion: Champion,
    as_of: date,
    scored_at: datetime,
    norms: Norms | None = None,
    suppressed: HashedIds = NO_IDS,
) -> pl.DataFrame:
    """Return SCORE_COLUMNS for every customer known before `as_of`, by customer_id.

    `usual` is what `usual_as_of` gives; without it `tables` must hold all customers. A customer without a purchase has status
    `prospect`, and one of `suppressed` has nothing: neither has a score, and `no_score_reason` says why.
    """
    return score_run(settings, tables, champion, as_of, scored_at, norms, suppressed).scores


def score_run(
    settings: Settings,
    tables: Tables,
    champion: Champion,
    as_of: date,
    scored_at: datetime,
    norms: Norms | None = None,
    suppressed: HashedIds = NO_IDS,
) -> Scored:
    """Return what `score` does, and what lists ask of the customers on top."""
    loyalty = Loyalty(unit=champion.terms.loyalty_unit, min_purchases=champion.terms.loyalty_min_purchases)  # type: ignore[arg-type]
    norms = norms or norms_as_of(champion, tables, as_of)
    features = build_features(tables, as_of, champion.terms.active_days, loyalty, norms)
    profiled = features.filter(~suppressed.holds()) if suppressed.hashes else features
    everyone = _profiled(settings, with_contactability(profiled, tables), champion, scored_at)
    scores = everyone.select(_column(everyone, name, dtype) for name, dtype in SCORE_COLUMNS.items())
    whole = scores if profiled.height == features.height else _with_suppressed(scores, features, champion, scored_at)
    return Scored(whole, targets_of(everyone))


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


def _profiled(settings: Settings, features: pl.DataFrame, champion: Champion, scored_at: datetime) -> pl.DataFrame:
    """Return all there is to say of rows of features and standing; but for the percentile, of each customer by itself."""
    buyers = features.filter(pl.col("orders") > 0)
    acted = buyers if buyers.is_empty() else _acted(settings, buyers, champion)
    prospects = features.filter(pl.col("orders") == 0).with_columns(
        pl.lit(NO_ACTION).alias("action"), pl.lit("prospect").alias("no_score_reason")
    )
    everyone = pl.concat([acted, prospects], how="diagonal").with_columns(
        pl.lit(champion.version).alias("model_version"), pl.lit(scored_at).alias("scored_at")
    )
    return everyone.sort(CUSTOMER)


def _acted(settings: Settings, buyers: pl.DataFrame, champion: Champion) -> pl.DataFrame:
    scored = _banded(_model(settings, buyers, champion), settings.churn, champion)
    measured = measured_effects(settings, scored, champion)
    columns = {name: f"averted:{name}" for name in measured}
    told = scored.with_columns(effect.alias(columns[name]) for name, effect in measured.items())
    return choose_actions(told.with_columns(averted_json(measured, told.height)), settings.targeting, columns)


def measured_effects(settings: Settings, scored: pl.DataFrame, champion: Champion) -> dict[str, pl.Series]:
    """By how much each action whose effect was measured lowers the churn probability, for each customer."""
    models = {action.name: champion.uplift.get(action.contacts_name) for action in settings.targeting.actions}
    risk = scored["p_churn"].to_numpy()
    return {name: pl.Series(name, model.effect(scored, risk)) for name, model in models.items() if model is not None}


def _column(frame: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Expr:
    return (pl.col(name) if name in frame.columns else pl.lit(None).alias(name)).cast(dtype)


def _model(settings: Settings, buyers: pl.DataFrame, champion: Champion) -> pl.DataFrame:
    horizon = champion.terms.horizon_days
    seen = champion.btyd.with_columns(buyers, horizon)
    p_churn = champion.churn.p_churn(seen)
    ahead = None if champion.value is None else champion.value.expected(seen)
    values = value_frame(champion.btyd, seen, p_churn, value_terms(settings.value, horizon), champion.gamma_shape, ahead)
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
        pl.when("partner")
        .then(pl.lit(RELATIONSHIP_LEVELS[-1]))
        .otherwise(pl.lit(pl.Series(RELATIONSHIP_LEVELS)).gather(level))
        .alias("relationship_level"),
    )
