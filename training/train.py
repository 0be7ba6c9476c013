"""Training: fit every candidate, evaluate all on past days, and register the winner."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from features.frames.columns import CUSTOMER
from features.labels import LABELS
from features.point_in_time import known_before
from features.tables.schema import Tables
from features.windows import Windows, churn_windows
from models.churn.hybrid import DEFAULT_TREES
from models.plugins import installed_candidates
from models.registry import CANDIDATES, VALUE_CANDIDATES
from models.snapshot import Snapshot
from models.track_record import TrackRecord
from models.trees.training import TreeParams
from settings.clock import utc_now
from settings.sections import Settings
from training.contestants import Contestants, choose_contestants
from training.data.experiments import ExperimentQuery
from training.data.progress import Progress
from training.data.training_data import prepare_training_data, table_digests
from training.evaluation.backtest import backtest
from training.evaluation.backtest_cache import KeptBacktest, backtest_key, find_backtest, keep_backtest
from training.evaluation.backtest_result import Backtest
from training.evaluation.feature_importance import explain
from training.evaluation.leaderboard import leaderboard
from training.evaluation.permutation_test import refuse_predictable_shuffles
from training.families import Family, configured_families, with_families
from training.fit_champion import fit_champion, hold_contest
from training.registry.champion_alias import open_registry
from training.registry.log_run import Training, log_training
from training.registry.orphans import remove_orphans
from training.reports.comparison_page import comparison_pictures, explanation_pictures, render_comparison_page
from training.tree_params import read_tree_params
from training.uplift import champion_effects, measure_responses


@dataclass(frozen=True)
class TrainingResult:
    """The registered version, whether it is champion, its churn candidate, and the leaderboard.

    `notes` say what was corrected in the registry before the training, `record` how well its candidate did on past days.
    """

    version: str
    is_champion: bool
    candidate: str
    board: dict[str, Any]
    notes: tuple[str, ...] = ()
    record: TrackRecord | None = None


SHUFFLES, FINAL_FITS, EXPLANATION = "check with shuffled outcomes", "final fits", "explanation"


def no_output_checks(_name: str, _frame: pl.DataFrame) -> None:
    """Accept every frame."""


def train(
    settings: Settings,
    tables: Tables,
    as_of: date,
    progress: Progress,
    trees: TreeParams | None = None,
    check_output: Callable[[str, pl.DataFrame], None] = no_output_checks,
    *,
    quick: bool = False,
    candidates: Sequence[str] = (),
) -> TrainingResult:
    """Fit, evaluate, log and register; the first version becomes champion, later ones challenger.

    `trees` are the parameters of the hybrid, by default the configured ones. `check_output` gets the features and the snapshots
    before any model is fitted, and raises where they are invalid. `quick` evaluates a few candidates on two past days, and
    `candidates` names churn candidates in place of the configured ones. Raises TooLittleDataError when no candidate can be
    fitted on what was known before `as_of`, LeakageError, and PluginError.
    """
    trees = trees or configured_trees(settings)
    contestants = choose_contestants(settings.training, trees, quick=quick, names=candidates)
    with ThreadPoolExecutor(max_workers=1) as pool:
        prepared = pool.submit(_prepare_registry, settings)  # a new MLflow store takes seconds, which pass meanwhile
        return _train(settings, tables, as_of, progress, contestants, trees, check_output, prepared)


def _prepare_registry(settings: Settings) -> list[str]:
    """Correct in the registry what was killed, lost or restored; return sentences on it. Raises TrackingError."""
    return [*open_registry(settings), *remove_orphans(settings)]


def _train(
    settings: Settings,
    tables: Tables,
    as_of: date,
    progress: Progress,
    contestants: Contestants,
    trees: TreeParams,
    check_output: Callable[[str, pl.DataFrame], None],
    prepared: Future[list[str]],
) -> TrainingResult:
    started_at = utc_now()
    data = prepare_training_data(settings, tables, as_of, _stopped_by(prepared, progress))
    notes = tuple(prepared.result())
    check_output("training_features", data.features)
    if data.snapshots:
        check_output("snapshots", _labels(data.snapshots, as_of))
    result, board, chosen = contest = hold_contest(data, progress, contestants)
    with ThreadPoolExecutor(max_workers=1) as pool:
        progress(SHUFFLES, 0, 1)
        shuffle_check = pool.submit(refuse_predictable_shuffles, chosen, data.snapshots, data.tables)
        progress(FINAL_FITS, 0, 1)
        assumed_effects = fit_champion(settings, data, contest)
        progress(FINAL_FITS, 1, 1)
    shuffle_check.result()
    progress(SHUFFLES, 1, 1)
    progress(EXPLANATION, 0, 1)
    explanation = explain(result.fitted, [entry["candidate"] for entry in board["churn"]])
    progress(EXPLANATION, 1, 1)
    key = _key(settings, as_of, data.windows, data.digests, contestants)
    _keep(settings, key, contestants, KeptBacktest(result, explanation, data.notes, data.windows.horizon_days))
    query = ExperimentQuery(settings=settings, known=known_before(tables, as_of), as_of=as_of, windows=data.windows)
    at_risk_from = assumed_effects.at_risk_from(settings.targeting.at_risk_threshold)
    responses, response_notes = measure_responses(query, assumed_effects.churn, at_risk_from, progress)
    board["notes"] = [*board["notes"], *response_notes]
    champion = replace(assumed_effects, **champion_effects(responses))
    progress("logging to MLflow", 0, 1)
    version, is_champion = log_training(settings, Training(data, champion, result, board, explanation, trees, started_at))
    progress("logging to MLflow", 1, 1)
    return TrainingResult(version, is_champion, chosen.name, board, notes, champion.record)


def configured_trees(settings: Settings) -> TreeParams:
    """Return the configured tree parameters of the hybrid, with the configured seed. Raises TreeParamsError."""
    trees = read_tree_params(settings.training.trees) if settings.training.trees else DEFAULT_TREES
    return replace(trees, seed=settings.training.seed)


def configured_contestants(settings: Settings, *, quick: bool = False, names: Sequence[str] = ()) -> Contestants:
    """Return the contestants of the configuration, as `choose_contestants` does. Raises PluginError and TreeParamsError."""
    return choose_contestants(settings.training, configured_trees(settings), quick=quick, names=names)


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
    contestants: Contestants | None = None,
    families: Sequence[Family] | None = None,
) -> tuple[dict[str, Any], Backtest, str]:
    """Return the leaderboard over past days, its backtest, and an HTML page; nothing is registered.

    `contestants` are by default those of the configuration, `families` (feature families of your own) those of the configuration
    and of installed packages. A backtest of the same data, contestants and code that the workspace has kept is used again; it has
    no fitted models.
    """
    contestants = contestants or configured_contestants(settings)
    families = configured_families(settings.training.families) if families is None else families
    known = known_before(tables, as_of)
    key = _key(settings, as_of, churn_windows(settings.churn, known, as_of), table_digests(known), contestants)
    kept = None if families else find_backtest(settings.workspace.path, key)
    if kept is None:
        data = prepare_training_data(settings, tables, as_of, progress)
        snapshots = [with_families(snapshot, tables, families) for snapshot in data.snapshots]
        result = backtest(snapshots, data.tables, contestants, progress)
        ranked = leaderboard(result, as_of, data.windows.horizon_days)["churn"]
        explanation = explain(result.fitted, [entry["candidate"] for entry in ranked])
        kept = KeptBacktest(result, explanation, data.notes, data.windows.horizon_days)
        if not families:
            _keep(settings, key, contestants, kept)
    board = leaderboard(kept.result, as_of, kept.horizon_days, intervals=True, notes=kept.notes)
    board["explanation"] = None if kept.explanation is None else kept.explanation.to_json()
    pictures = comparison_pictures(board, kept.result), explanation_pictures(kept.explanation)
    return board, kept.result, render_comparison_page(board, pictures[0], kept.explanation, pictures[1])


def _key(settings: Settings, as_of: date, windows: Windows, digests: dict[str, str], contestants: Contestants) -> str:
    """Return what identifies the backtest of tables with these digests on a day."""
    inputs = {
        "as_of": as_of,
        "windows": windows,
        "loyalty": settings.loyalty,
        "calendar": settings.calendar,
        "digests": digests,
    }
    return backtest_key(inputs, contestants)


def _keep(settings: Settings, key: str, contestants: Contestants, kept: KeptBacktest) -> None:
    """Keep a backtest, unless candidates of other packages took part: a change of their code would not be seen."""
    built_in = {candidate.name for candidate in CANDIDATES} - {candidate.name for candidate in installed_candidates()}
    built_in |= {candidate.name for candidate in VALUE_CANDIDATES}
    names = {*(candidate.name for candidate in contestants.churn), *(candidate.name for candidate in contestants.value)}
    if names <= built_in:
        keep_backtest(settings.workspace.path, key, kept)
