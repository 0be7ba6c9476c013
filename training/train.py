"""Training: fit every candidate, evaluate all on past days, and register the winner."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
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
from models.churn.hybrid import DEFAULT_TREES, HybridCandidate
from models.churn.protocol import Candidate, ChurnModel
from models.errors import TooLittleDataError
from models.registry import CANDIDATES, VALUE_CANDIDATES, VALUE_LEARNERS, candidates, find_candidate
from models.snapshot import Snapshot
from models.trees.training import TreeParams
from models.value.baselines import ORDER_MODELS
from models.value.lifetime_value import ValueTerms, fit_gamma_shape, value_frame, value_terms
from models.value.portfolio_total import level_std
from models.value.protocol import SavedValueModel, ValueCandidate
from settings.sections import Settings
from training.data.experiments import ExperimentQuery
from training.data.progress import Progress
from training.data.training_data import TrainingData, prepare_training_data
from training.evaluation.backtest import Backtest, backtest
from training.evaluation.backtest_metrics import backtest_metrics, reliability_table
from training.evaluation.feature_importance import explain
from training.evaluation.leaderboard import leaderboard, winner
from training.evaluation.permutation_test import refuse_predictable_shuffles
from training.registry.champion_alias import open_registry
from training.registry.log_run import log_training
from training.registry.orphans import remove_orphans
from training.reports.comparison_page import render_comparison_page
from training.uplift import champion_effects, measure_responses

MAX_ORIGINS = 4
VALUE_QUANTILES = (0.5, 0.8, 0.95, 0.99)


@dataclass(frozen=True)
class TrainingResult:
    """The registered version, whether it is champion, its churn candidate, and the leaderboard.

    `notes` say what was corrected in the registry before the training.
    """

    version: str
    is_champion: bool
    candidate: str
    board: dict[str, Any]
    notes: tuple[str, ...] = ()


def no_output_checks(_name: str, _frame: pl.DataFrame) -> None:
    """Accept every frame."""


def train(
    settings: Settings,
    tables: Tables,
    as_of: date,
    progress: Progress,
    trees: TreeParams = DEFAULT_TREES,
    check_output: Callable[[str, pl.DataFrame], None] = no_output_checks,
) -> TrainingResult:
    """Fit, evaluate, log and register; the first version becomes champion, later ones challenger.

    `trees` are the parameters of the hybrid. `check_output` gets the features and the snapshots before any model is fitted, and
    raises where they are invalid. Raises TooLittleDataError when no candidate can be fitted on what was known before `as_of`,
    and LeakageError.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        prepared = pool.submit(_prepare_registry, settings)  # a new MLflow store takes seconds, which pass meanwhile
        return _train(settings, tables, as_of, progress, trees, check_output, prepared)


def _prepare_registry(settings: Settings) -> list[str]:
    """Correct in the registry what was killed, lost or restored; return sentences on it. Raises TrackingError."""
    return [*open_registry(settings), *remove_orphans(settings)]


def _train(
    settings: Settings,
    tables: Tables,
    as_of: date,
    progress: Progress,
    trees: TreeParams,
    check_output: Callable[[str, pl.DataFrame], None],
    prepared: Future[list[str]],
) -> TrainingResult:
    data = prepare_training_data(settings, tables, as_of, _stopped_by(prepared, progress))
    notes = tuple(prepared.result())
    check_output("training_features", data.features)
    if data.snapshots:
        check_output("snapshots", _labels(data.snapshots, as_of))
    churn_candidates = candidates(HybridCandidate(trees))
    result = backtest(data.snapshots, data.tables, churn_candidates, MAX_ORIGINS, progress, VALUE_CANDIDATES)
    board = leaderboard(result, as_of, data.windows.horizon_days, notes=data.notes)
    chosen = find_candidate(winner(board, SHORT_LOG_CHOICE), churn_candidates)
    with ThreadPoolExecutor(max_workers=1) as pool:
        shuffle_check = pool.submit(refuse_predictable_shuffles, chosen, data.snapshots, data.tables)
        assumed_effects = _champion(settings, data, chosen, result, board)
    shuffle_check.result()
    query = ExperimentQuery(settings=settings, known=known_before(tables, as_of), as_of=as_of, windows=data.windows)
    responses, response_notes = measure_responses(query, assumed_effects.churn, progress)
    board["notes"] = [*board["notes"], *response_notes]
    champion = replace(assumed_effects, **champion_effects(responses))
    progress("logging to MLflow", 0, 1)
    version, is_champion = log_training(settings, data, champion, result, board, trees)
    progress("logging to MLflow", 1, 1)
    return TrainingResult(version=version, is_champion=is_champion, candidate=chosen.name, board=board, notes=notes)


def _stopped_by(prepared: Future[list[str]], progress: Progress) -> Progress:
    """Return the progress; it raises as soon as the registry turns out to be unusable, before the long part of a training."""

    def report(stage: str, done: int, total: int) -> None:
        if prepared.done():
            prepared.result()
        progress(stage, done, total)

    return report


def _labels(snapshots: list[Snapshot], as_of: date) -> pl.DataFrame:
    """Return customers, days and labels of all snapshots in one frame."""
    return pl.concat(
        snapshot.frame.select(
            CUSTOMER, "as_of", *LABELS, pl.lit(snapshot.closed_on).alias("closed_on"), pl.lit(as_of).alias("trained_as_of")
        )
        for snapshot in snapshots
    )


def compare(
    settings: Settings,
    tables: Tables,
    as_of: date,
    progress: Progress,
    churn_candidates: tuple[Candidate, ...] = CANDIDATES,
    value_candidates: tuple[ValueCandidate, ...] = VALUE_CANDIDATES,
    extend: Callable[[Snapshot], Snapshot] = lambda snapshot: snapshot,
) -> tuple[dict[str, Any], Backtest, str]:
    """Return the leaderboard over up to four past days, its backtest, and an HTML page; nothing is registered.

    `extend` may add columns to each snapshot, as of its own day.
    """
    data = prepare_training_data(settings, tables, as_of, progress)
    snapshots = [extend(snapshot) for snapshot in data.snapshots]
    result = backtest(snapshots, data.tables, churn_candidates, MAX_ORIGINS, progress, value_candidates)
    board = leaderboard(result, as_of, data.windows.horizon_days, intervals=True, notes=data.notes)
    explanation = explain(result.fitted, [entry["candidate"] for entry in board["churn"]])
    board["explanation"] = None if explanation is None else explanation.to_json()
    return board, result, render_comparison_page(board, result, explanation)


def _champion(settings: Settings, data: TrainingData, chosen: Candidate, result: Backtest, board: dict[str, Any]) -> Champion:
    """Return the champion of a training; the effects of its actions are the assumed ones."""
    current = data.btyd.with_columns(data.features, data.windows.horizon_days)
    churn = chosen.fit(data.snapshots, current)
    terms = ChampionTerms(
        trained_as_of=data.as_of,
        horizon_days=data.windows.horizon_days,
        active_days=data.windows.active_days,
        loyalty_unit=settings.loyalty.unit,
        loyalty_min_purchases=settings.loyalty.min_purchases,
    )
    gamma_shape = fit_spend_gamma_shape(data.snapshots)
    value = _value_model(data.snapshots, current, board)
    cuts = _value_cuts(value_terms(settings.value, terms.horizon_days), data.btyd, current, churn, gamma_shape, value)
    return Champion(
        terms=terms,
        norms=data.norms,
        churn=churn,
        btyd=data.btyd,
        gamma_shape=gamma_shape,
        value_cuts=cuts,
        log_total_std=_log_total_std(board, ORDER_MODELS.name if value is None else value.name),
        backtest_metrics=backtest_metrics(result, board, chosen.name),
        value=value,
        reliability=reliability_table(result, chosen.name),
    )


def _log_total_std(board: dict[str, Any], candidate: str) -> float:
    entries = [entry for entry in board["value"] if entry["candidate"] == candidate]
    biases = [metrics["bias"] for entry in entries for metrics in entry["by_origin"].values()]
    return level_std(bias for bias in biases if bias is not None)


def _value_model(snapshots: list[Snapshot], current: pl.DataFrame, board: dict[str, Any]) -> SavedValueModel | None:
    """Return the value model with the lowest deviance of those that can serve; None where the order models are better."""
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
    horizon_spend = None if value is None else value.expected(current)
    values = value_frame(btyd, current, churn.p_churn(current), terms, gamma_shape, horizon_spend)["expected_value"]
    return tuple(float(cut) for cut in np.quantile(values.to_numpy(), VALUE_QUANTILES))


def fit_spend_gamma_shape(snapshots: list[Snapshot]) -> float:
    """Return the gamma shape of spend around its expectation among the buyers of the newest closed window; 1 without one."""
    if not snapshots:
        return 1.0
    buyers = snapshots[-1].frame.filter(pl.col("next_orders") > 0)
    p_order = 1 - buyers["btyd_p_no_order"].to_numpy()
    expected = (buyers["btyd_expected_orders"] * buyers["btyd_expected_spend"]).to_numpy() / p_order
    return fit_gamma_shape(expected, buyers["next_spend"].to_numpy())
