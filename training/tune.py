"""Search for better parameters of the hybrid's trees: bounded, pruned, resumable and seeded.

The search uses the older origins of the backtest. Its result is then compared with the defaults on the newest origin, which it
did not use: the best of many trials always looks good on the data it was chosen by.
"""

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import Trial, TrialState

from features.frames.arrays import Array
from features.frames.columns import CUSTOMER
from features.tables.schema import Tables
from models.churn.hybrid import HybridCandidate
from models.errors import TooLittleDataError
from models.snapshot import Snapshot
from models.trees.training import TreeParams
from settings.sections import Settings
from training.data.progress import Progress
from training.data.snapshots import closed_before
from training.data.training_data import prepare_training_data
from training.evaluation.backtest import choose_origins
from training.evaluation.bootstrap import paired_interval, resample_customers, resampled_log_loss
from training.metrics import log_loss

MAX_ORIGINS = 4
MIN_ORIGINS = 2
STARTUP_TRIALS = 5
FINISHED_STATES = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class TuningResult:
    """The best parameters of a search, and the log-loss of best and default parameters on search and test origins.

    `interval` is the 95 % interval of the difference in log-loss on the test origin; below 0 the best are better.
    """

    trees: TreeParams
    trials: int
    search_origins: tuple[date, ...]
    test_origin: date
    default_search_loss: float
    best_search_loss: float
    default_test_loss: float
    best_test_loss: float
    interval: tuple[float, float]

    @property
    def is_better(self) -> bool:
        """Whether the best parameters are significantly better than the defaults on the test origin."""
        return self.interval[1] < 0


@dataclass(frozen=True)
class _Origin:
    """A past day to predict, and the snapshots that were closed before it."""

    snapshot: Snapshot
    closed: list[Snapshot]

    def predict(self, trees: TreeParams) -> Array:
        current = self.snapshot.features
        return HybridCandidate(trees).fit(self.closed, current).p_churn(current).to_numpy()

    @property
    def churned(self) -> Array:
        return self.snapshot.frame["churned"].to_numpy().astype(np.float64)


def tune(
    settings: Settings, tables: Tables, as_of: date, progress: Progress, *, trials: int, minutes: float | None, seed: int
) -> TuningResult:
    """Search until there are `trials` in all, or for `minutes`; a search of the same day, data and seed is resumed.

    The defaults are the first trial. Raises TooLittleDataError with fewer than two origins: one to search on, one to test on.
    """
    data = prepare_training_data(settings, tables, as_of, progress)
    *search_origins, test_origin = _origins(data.snapshots, data.tables)
    name = f"{as_of}-{data.windows.horizon_days}-{data.digests['transactions']}-seed{seed}"
    study = _study(settings.workspace.path / "tuning", name, seed)
    done = _finished_trials(study)
    if not study.trials:
        study.enqueue_trial({name: value for name, value in asdict(TreeParams()).items() if name != "seed"})

    def report(study: optuna.Study, _trial: optuna.trial.FrozenTrial) -> None:
        progress("trials", _finished_trials(study), trials)

    if done < trials:
        progress("trials", done, trials)
        seconds = None if minutes is None else minutes * 60
        study.optimize(_objective(search_origins), n_trials=trials - done, timeout=seconds, callbacks=[report])
    return _result(study, search_origins, test_origin)


def _origins(snapshots: list[Snapshot], tables: Tables) -> list[_Origin]:
    origins = []
    for snapshot in choose_origins(snapshots, MAX_ORIGINS):
        origin = _Origin(snapshot, closed_before(snapshots, tables, snapshot.as_of))
        try:
            origin.predict(TreeParams())
        except TooLittleDataError:
            continue
        origins.append(origin)
    if len(origins) < MIN_ORIGINS:
        needs = "Tuning needs two past windows that the hybrid can predict, one to search on and one to test on"
        raise TooLittleDataError(f"{needs}; found {len(origins)}.")
    return origins


def _study(folder: Path, name: str, seed: int) -> optuna.Study:
    """Return the study of that name, new or resumed; its journal is a file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        storage = JournalStorage(JournalFileBackend(str(folder / f"{name}.log")))
        pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS)
        study = optuna.create_study(storage=storage, study_name=name, load_if_exists=True, direction="minimize", pruner=pruner)
        study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials), n_startup_trials=STARTUP_TRIALS)
    return study


def _finished_trials(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False, states=FINISHED_STATES))


def _objective(origins: list[_Origin]) -> Callable[[Trial], float]:
    def objective(trial: Trial) -> float:
        trees, churned, predictions = _suggest_trees(trial), [], []
        for step, origin in enumerate(origins):
            churned.append(origin.churned)
            predictions.append(origin.predict(trees))
            loss = log_loss(np.concatenate(churned), np.concatenate(predictions))
            trial.report(loss, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return loss

    return objective


def _suggest_trees(trial: Trial) -> TreeParams:
    return TreeParams(
        learning_rate=trial.suggest_float("learning_rate", 0.005, 0.1, log=True),
        num_leaves=trial.suggest_int("num_leaves", 3, 31, log=True),
        min_data_in_leaf=trial.suggest_int("min_data_in_leaf", 10, 400, log=True),
        feature_fraction=trial.suggest_float("feature_fraction", 0.1, 1.0),
        bagging_fraction=trial.suggest_float("bagging_fraction", 0.5, 1.0),
        lambda_l2=trial.suggest_float("lambda_l2", 0.1, 200.0, log=True),
    )


def _result(study: optuna.Study, search_origins: list[_Origin], test_origin: _Origin) -> TuningResult:
    defaults, best = TreeParams(), TreeParams(**study.best_params)
    default_p, best_p, churned = test_origin.predict(defaults), test_origin.predict(best), test_origin.churned
    searched = np.concatenate([origin.churned for origin in search_origins])
    resamples = resample_customers(test_origin.snapshot.frame[CUSTOMER])
    return TuningResult(
        trees=best,
        trials=_finished_trials(study),
        search_origins=tuple(origin.snapshot.as_of for origin in search_origins),
        test_origin=test_origin.snapshot.as_of,
        default_search_loss=log_loss(searched, np.concatenate([origin.predict(defaults) for origin in search_origins])),
        best_search_loss=study.best_value,
        default_test_loss=log_loss(churned, default_p),
        best_test_loss=log_loss(churned, best_p),
        interval=paired_interval(resampled_log_loss, churned, best_p, default_p, resamples),
    )
