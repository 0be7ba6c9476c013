"""Train: fit every candidate, judge them on past days, and register the winner."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from features.frames.columns import CUSTOMER
from features.labels import LABELS
from features.point_in_time import known_before
from features.tables.schema import Tables
from models.btyd.pair import BuyTillYouDie
from models.champion import Champion, ChampionTerms
from models.churn.bgnbd_churn import NAME as SHORT_LOG_CHOICE
from models.churn.hybrid import TREES, HybridCandidate
from models.churn.protocol import Candidate, ChurnModel
from models.errors import TooLittleDataError
from models.registry import CANDIDATES, VALUE_CANDIDATES, VALUE_LEARNERS, candidate_named, candidates
from models.snapshot import Snapshot
from models.trees.training import TreeParams
from models.value.baselines import ORDER_MODELS
from models.value.lifetime_value import ValueTerms, fit_gamma_shape, value_frame, value_terms
from models.value.portfolio_total import level_std
from models.value.protocol import SavedValueModel
from settings.sections import Settings
from training.data.experiments import ExperimentQuery
from training.data.snapshots import Progress
from training.data.training_data import TrainingData, prepare_training_data
from training.evaluation.backtest import Backtest, backtest
from training.evaluation.backtest_metrics import backtest_metrics, reliability
from training.evaluation.feature_importance import explain
from training.evaluation.leaderboard import leaderboard, winner
from training.evaluation.permutation_test import refuse_predictable_shuffles
from training.registry.log_run import record
from training.reports.comparison_page import compare_page
from training.uplift import effects_of, responses

ORIGINS = 4
VALUE_QUANTILES = (0.5, 0.8, 0.95, 0.99)


@dataclass(frozen=True)
class Trained:
    """What `train` made: the registered version, whether it is champion, the candidate, the leaderboard."""

    version: str
    is_champion: bool
    candidate: str
    board: dict[str, Any]


def no_output_checks(_name: str, _frame: pl.DataFrame) -> None:
    """Let every frame pass."""


def train(
    settings: Settings,
    tables: Tables,
    as_of: date,
    progress: Progress,
    trees: TreeParams = TREES,
    guard: Callable[[str, pl.DataFrame], None] = no_output_checks,
) -> Trained:
    """Fit, judge, log and register; the first version becomes champion, later ones challenger. `trees` are the hybrid's.

    `guard` is shown the features and the snapshots before anything learns from them, and raises where they cannot be right.
    Raises TooLittleData when no candidate can be fitted on what was known before `as_of`, and LeakageSuspected.
    """
    data = prepare_training_data(settings, tables, as_of, progress)
    guard("training_features", data.features)
    if data.snapshots:
        guard("snapshots", _answers(data.snapshots, as_of))
    tried = candidates(HybridCandidate(trees))
    result = backtest(data.snapshots, data.tables, tried, ORIGINS, progress, VALUE_CANDIDATES)
    board = leaderboard(result, as_of, data.windows.horizon_days, notes=data.notes)
    chosen = candidate_named(winner(board, SHORT_LOG_CHOICE), tried)
    refuse_predictable_shuffles(chosen, data.snapshots, data.tables)
    bare = _champion(settings, data, chosen, result, board)
    found, told = responses(ExperimentQuery(settings, known_before(tables, as_of), as_of, data.windows), bare.churn, progress)
    board["notes"] = [*board["notes"], *told]
    champion = replace(bare, **effects_of(found))
    progress("logging to MLflow", 0, 1)
    version, is_champion = record(settings, data, champion, result, board, trees)
    progress("logging to MLflow", 1, 1)
    return Trained(version, is_champion, chosen.name, board)


def _answers(snapshots: list[Snapshot], as_of: date) -> pl.DataFrame:
    """Who, when and what came of it, in one frame."""
    told = [
        each.frame.select(
            CUSTOMER, "as_of", *LABELS, pl.lit(each.closed_on).alias("closed_on"), pl.lit(as_of).alias("trained_as_of")
        )
        for each in snapshots
    ]
    return pl.concat(told)


def compare(settings: Settings, tables: Tables, as_of: date, progress: Progress) -> tuple[dict[str, Any], str]:
    """Return the leaderboard over up to four past days, and the same as an HTML page; nothing is registered."""
    data = prepare_training_data(settings, tables, as_of, progress)
    result = backtest(data.snapshots, data.tables, CANDIDATES, ORIGINS, progress, VALUE_CANDIDATES)
    board = leaderboard(result, as_of, data.windows.horizon_days, intervals=True, notes=data.notes)
    explanation = explain(result.fitted, [entry["candidate"] for entry in board["churn"]])
    told = {"explanation": None if explanation is None else explanation.to_json()}
    return board | told, compare_page(board, result, explanation)


def _champion(settings: Settings, data: TrainingData, chosen: Candidate, result: Backtest, board: dict[str, Any]) -> Champion:
    current = data.btyd.with_columns(data.features, data.windows.horizon_days)
    churn = chosen.fit(data.snapshots, current)
    terms = ChampionTerms(
        trained_as_of=data.as_of,
        horizon_days=data.windows.horizon_days,
        active_days=data.windows.active_days,
        loyalty_unit=settings.loyalty.unit,
        loyalty_min_purchases=settings.loyalty.min_purchases,
    )
    metrics = backtest_metrics(result, board, chosen.name)
    gamma_shape = gamma_shape_of(data.snapshots)
    value = _value_model(data.snapshots, current, board)
    cuts = _value_cuts(value_terms(settings.value, terms.horizon_days), data.btyd, current, churn, gamma_shape, value)
    log_total_std = _log_total_std(board, ORDER_MODELS.name if value is None else value.name)
    told = reliability(result, chosen.name)
    return Champion(terms, data.norms, churn, data.btyd, gamma_shape, cuts, log_total_std, metrics, value=value, reliability=told)


def _log_total_std(board: dict[str, Any], chosen: str) -> float:
    judged = [entry for entry in board["value"] if entry["candidate"] == chosen]
    biases = [found["bias"] for entry in judged for found in entry["by_origin"].values()]
    return level_std(bias for bias in biases if bias is not None)


def _value_model(snapshots: list[Snapshot], current: pl.DataFrame, board: dict[str, Any]) -> SavedValueModel | None:
    """The value model with the lowest deviance of those that can serve; None where the order models alone are better."""
    servable = {learner.name: learner for learner in VALUE_LEARNERS}
    ranked = [entry["candidate"] for entry in board["value"] if entry["candidate"] in {*servable, ORDER_MODELS.name}]
    if not ranked or ranked[0] == ORDER_MODELS.name:
        return None
    try:
        return servable[ranked[0]].fit(snapshots, current)
    except TooLittleDataError:
        return None


def _value_cuts(
    terms: ValueTerms,
    btyd: BuyTillYouDie,
    current: pl.DataFrame,
    churn: ChurnModel,
    gamma_shape: float,
    value: SavedValueModel | None,
) -> tuple[float, ...]:
    ahead = None if value is None else value.expected(current)
    values = value_frame(btyd, current, churn.p_churn(current), terms, gamma_shape, ahead)["expected_value"]
    return tuple(float(cut) for cut in np.quantile(values.to_numpy(), VALUE_QUANTILES))


def gamma_shape_of(snapshots: list[Snapshot]) -> float:
    """Shape of spend around its expectation among those who bought, in the newest closed window."""
    if not snapshots:
        return 1.0
    bought = snapshots[-1].frame.filter(pl.col("next_orders") > 0)
    share = 1 - bought["btyd_p_no_order"].to_numpy()
    expected = (bought["btyd_expected_orders"] * bought["btyd_expected_spend"]).to_numpy() / share
    return fit_gamma_shape(expected, bought["next_spend"].to_numpy())
