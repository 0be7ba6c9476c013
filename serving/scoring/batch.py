"""Score customers with the champion: from the tables as of a date to the columns of the contract."""

from dataclasses import dataclass, replace
from datetime import date, datetime

import polars as pl

from features.build import build_features
from features.frames.collect import Engine
from features.frames.columns import CUSTOMER
from features.norms import Norms, with_current_demand
from features.storage.hashing import NO_IDS, HashedIds
from features.tables.schema import Tables
from models.champion import Champion
from models.value.lifetime_value import value_frame, value_terms
from serving.schemas.candidates import averted_json, build_targets
from serving.schemas.scores import SCORE_COLUMNS
from serving.scoring.contactability import consent_set_aside, with_contactability
from serving.scoring.merged import is_withheld, merged_ids
from serving.scoring.reasons import explain_scores
from serving.scoring.uncertainty import with_uncertainty
from serving.targeting.choice import NO_ACTION, choose_actions
from serving.targeting.rules import RELATIONSHIP_LEVELS
from settings.errors import UserError
from settings.sections import Churn, Loyalty, Settings


class HindsightError(UserError):
    """The champion was trained on data from after the as-of date."""


def refuse_hindsight(champion: Champion, as_of: date) -> None:
    """Raise HindsightError if the champion was trained on data from after `as_of`."""
    trained_as_of = champion.terms.trained_as_of
    if as_of < trained_as_of:
        raise HindsightError(
            f"Champion {champion.version} was trained on data known before {trained_as_of}, after the as-of date {as_of}; "
            "score a later date, or add --allow-hindsight."
        )


def norms_as_of(champion: Champion, tables: Tables, as_of: date) -> Norms:
    """Return the champion's norms, on a later date with that date's demand, which takes the tables of all customers."""
    norms = champion.norms
    return norms if as_of == norms.known_before else with_current_demand(norms, tables, as_of)


@dataclass(frozen=True)
class ScoringRun:
    """SCORE_COLUMNS of every customer, and TARGET_COLUMNS of those whose target has a list.

    `contacted` has the days since the newest contact of every customer, also of those who objected.
    """

    scores: pl.DataFrame
    targets: pl.DataFrame
    contacted: pl.DataFrame


def score(
    settings: Settings,
    tables: Tables,
    champion: Champion,
    as_of: date,
    scored_at: datetime,
    norms: Norms | None = None,
    suppressed: HashedIds = NO_IDS,
    engine: Engine = "streaming",
) -> pl.DataFrame:
    """Return SCORE_COLUMNS for every customer known before `as_of`, by customer_id.

    `norms` are those of `norms_as_of`; without them `tables` must hold all customers. Customers without a purchase have status
    `prospect` and no score; suppressed customers have neither. `no_score_reason` says why.
    """
    return score_run(settings, tables, champion, as_of, scored_at, norms, suppressed, engine).scores


def score_run(
    settings: Settings,
    tables: Tables,
    champion: Champion,
    as_of: date,
    scored_at: datetime,
    norms: Norms | None = None,
    suppressed: HashedIds = NO_IDS,
    engine: Engine = "streaming",
) -> ScoringRun:
    """Return the scores of `score`, and the columns that lists need beyond them."""
    norms = norms or norms_as_of(champion, tables, as_of)
    features = build_features(tables, as_of, champion.terms.active_days, loyalty_of(champion), norms, engine=engine)
    run = score_features(settings, tables, champion, features, scored_at, suppressed)
    return replace(run, scores=with_percentiles(run.scores))


def loyalty_of(champion: Champion) -> Loyalty:
    """Return how loyalty was measured when the champion was trained."""
    return Loyalty(unit=champion.terms.loyalty_unit, min_purchases=champion.terms.loyalty_min_purchases)  # type: ignore[arg-type]


def score_features(
    settings: Settings,
    tables: Tables,
    champion: Champion,
    features: pl.DataFrame,
    scored_at: datetime,
    suppressed: HashedIds = NO_IDS,
) -> ScoringRun:
    """Return the scores of the customers in `features`, without churn_percentile; `tables` say who may be contacted."""
    allowed = features.filter(~is_withheld(suppressed, merged_ids(tables))) if suppressed.hashes else features
    contactable = with_contactability(allowed, tables, consent_set_aside(settings.workspace.path))
    customers = _score_customers(settings, contactable, champion, scored_at)
    scores = customers.select(_typed_column(customers, name, dtype) for name, dtype in SCORE_COLUMNS.items())
    if allowed.height < features.height:
        scores = _add_suppressed(scores, features, _run_columns(settings, champion, scored_at))
    contacted = features.select(CUSTOMER, pl.col("last_contact_days").cast(pl.Int64).alias("contacted_days"))
    return ScoringRun(scores=scores, targets=build_targets(customers), contacted=contacted)


def with_percentiles(scores: pl.DataFrame) -> pl.DataFrame:
    """Return the scores with churn_percentile: the rank of p_churn among existing customers, in per cent; null for others."""
    existing = pl.when(pl.col("status") == "existing").then(pl.col("p_churn"))
    ranks = scores.select(existing.rank("average")).to_series()
    # NumPy, because Polars multiplies by the reciprocal of the number, which changes the last digit
    percentile = pl.Series(100 * ranks.to_numpy() / max(ranks.count(), 1), dtype=pl.Float64, nan_to_null=True)
    return scores.with_columns(percentile.clip(upper_bound=100).alias("churn_percentile"))


def _add_suppressed(scores: pl.DataFrame, features: pl.DataFrame, run_columns: list[pl.Expr]) -> pl.DataFrame:
    """Add a row for each customer in `features` without one: nothing but the id, the run, and why there is no score."""
    suppressed = features.join(scores, on=CUSTOMER, how="anti").select(
        CUSTOMER,
        "as_of",
        *run_columns,
        pl.lit(NO_ACTION).alias("action"),
        pl.lit("suppressed").alias("no_score_reason"),
    )
    rows = suppressed.select(_typed_column(suppressed, name, dtype) for name, dtype in SCORE_COLUMNS.items())
    return pl.concat([scores, rows]).sort(CUSTOMER)


def _score_customers(settings: Settings, features: pl.DataFrame, champion: Champion, scored_at: datetime) -> pl.DataFrame:
    """Return features and scores of buyers and prospects, by customer_id.

    Everything depends on the customer's own row alone.
    """
    buyers = features.filter(pl.col("orders") > 0)
    scored = buyers if buyers.is_empty() else _with_actions(settings, buyers, champion)
    prospects = features.filter(pl.col("orders") == 0).with_columns(
        pl.lit(NO_ACTION).alias("action"), pl.lit("prospect").alias("no_score_reason")
    )
    customers = pl.concat([scored, prospects], how="diagonal").with_columns(_run_columns(settings, champion, scored_at))
    return customers.sort(CUSTOMER)


def _run_columns(settings: Settings, champion: Champion, scored_at: datetime) -> list[pl.Expr]:
    """Return the columns that are the same in every row of a run, but for as_of."""
    return [
        pl.lit(champion.version).alias("model_version"),
        pl.lit(scored_at).alias("scored_at"),
        pl.lit(champion.terms.horizon_days).alias("horizon_days"),
        pl.lit(settings.value.currency).alias("currency"),
    ]


def _with_actions(settings: Settings, buyers: pl.DataFrame, champion: Champion) -> pl.DataFrame:
    scored = _with_bands(_with_model_outputs(settings, buyers, champion), settings.churn, champion)
    effects = measured_effects(settings, scored, champion)
    columns = {name: f"averted:{name}" for name in effects}
    with_effects = scored.with_columns(effect.alias(columns[name]) for name, effect in effects.items())
    with_json = with_effects.with_columns(averted_json(effects, with_effects.height))
    at_risk_from = champion.at_risk_from(settings.targeting.at_risk_threshold)
    return choose_actions(with_json, settings.targeting, at_risk_from, columns)


def measured_effects(settings: Settings, scored: pl.DataFrame, champion: Champion) -> dict[str, pl.Series]:
    """Return each customer's reduction of the churn probability, for each action whose effect was measured."""
    models = {action.name: champion.uplift.get(action.contacts_name) for action in settings.targeting.actions}
    risk = scored["p_churn"].to_numpy()
    return {name: pl.Series(name, model.effect(scored, risk)) for name, model in models.items() if model is not None}


def _typed_column(frame: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column with its type; null if the frame lacks it."""
    return (pl.col(name) if name in frame.columns else pl.lit(None).alias(name)).cast(dtype)


def _with_model_outputs(settings: Settings, buyers: pl.DataFrame, champion: Champion) -> pl.DataFrame:
    """Add p_churn, its reasons, values, and how sure all of them are."""
    horizon_days = champion.terms.horizon_days
    inputs = champion.btyd.with_columns(buyers, horizon_days)
    p_churn = champion.churn.p_churn(inputs)
    expected_spend = None if champion.value is None else champion.value.expected(inputs)
    terms = value_terms(settings.value, horizon_days)
    values = value_frame(champion.btyd, inputs, p_churn, terms, expected_spend)
    contributions = champion.churn.contributions(inputs)
    reasons = explain_scores(inputs, contributions, settings.value.currency, champion.shop_gap_days)
    scored = inputs.with_columns(p_churn.alias("p_churn"), reasons, *values.get_columns())
    return with_uncertainty(scored, champion, terms.horizon_days)


def _with_bands(scored: pl.DataFrame, churn: Churn, champion: Champion) -> pl.DataFrame:
    """Add churn_band, p_alive, value_at_risk and relationship_level."""
    low, high = churn.band_cuts
    p_churn = pl.col("p_churn")
    level = sum((pl.col("expected_value") > cut).cast(pl.Int64) for cut in champion.value_cuts)
    return scored.with_columns(
        pl.when(p_churn < low)
        .then(pl.lit("low"))
        .when(p_churn < high)
        .then(pl.lit("medium"))
        .otherwise(pl.lit("high"))
        .alias("churn_band"),
        pl.col("btyd_p_alive").alias("p_alive"),
        (p_churn * (pl.col("value_if_stays") - pl.col("value_if_leaves"))).alias("value_at_risk"),
        pl.when("partner")
        .then(pl.lit(RELATIONSHIP_LEVELS[-1]))
        .otherwise(pl.lit(pl.Series(RELATIONSHIP_LEVELS)).gather(level))
        .alias("relationship_level"),
    )
