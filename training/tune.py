"""Search for better parameters of the hybrid's trees: bounded, pruned, resumable, seeded; and believed only where they hold.

The search looks at the older origins of the backtest. What it finds is then judged against the defaults on the newest
origin, which it never saw: the best of many trials always looks good where it was chosen.
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
from pydantic import TypeAdapter, ValidationError

from features.tables.schema import Tables
from models.churn.hybrid import HybridCandidate
from models.errors import TooLittleDataError
from models.snapshot import Snapshot
from models.trees.training import TreeParams
from settings.errors import UserError
from settings.sections import Settings
from training.data.snapshots import Progress, answered_before
from training.data.training_data import prepare_training_data
from training.evaluation.backtest import origins_of
from training.evaluation.bootstrap import paired_interval
from training.metrics import Array, log_loss

ORIGINS = 4
STARTUP_TRIALS = 5
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


class TreeParamsError(UserError):  # noqa: N818  # it names the state of the file, as the documentation does
    """A file of parameters cannot be read; the text names the key."""


@dataclass(frozen=True)
class Tuned:
    """What a search found: parameters, log-loss of both where they were chosen and where they were judged.

    `interval` is the 95 % interval of the difference in log-loss on the newest origin; below 0 the found ones are better.
    """

    trees: TreeParams
    trials: int
    searched: tuple[date, ...]
    judged: date
    default_searched: float
    found_searched: float
    default_judged: float
    found_judged: float
    interval: tuple[float, float]

    @property
    def holds(self) -> bool:
        """Whether the found parameters are better than the defaults by more than chance, on days they were not chosen by."""
        return self.interval[1] < 0


@dataclass(frozen=True)
class _Origin:
    """A past day to foretell, what was closed before it, and what came."""

    day: Snapshot
    history: list[Snapshot]

    def foretold(self, trees: TreeParams) -> Array:
        present = self.day.asked
        return HybridCandidate(trees).fit(self.history, present).p_churn(present).to_numpy()

    @property
    def churned(self) -> Array:
        return self.day.frame["churned"].to_numpy().astype(np.float64)


def tune(
    settings: Settings, tables: Tables, as_of: date, progress: Progress, trials: int, minutes: float | None, seed: int
) -> Tuned:
    """Search until `trials` are done in all, or for so many minutes; a search of the same day and data goes on where it ended.

    The defaults are the first trial. Raises TooLittleData with fewer than two origins: one to search on and one to judge by.
    """
    material = prepare_training_data(settings, tables, as_of, progress)
    *older, newest = _origins(material.snapshots, material.tables)
    of_lines = material.digests["transactions"]
    name = f"{as_of}-{material.windows.horizon_days}-{of_lines}-seed{seed}"
    study = _study(settings.workspace.path / "tuning", name, seed)
    done = len(study.get_trials(deepcopy=False, states=FINISHED))
    if not study.trials:
        study.enqueue_trial(asdict(TreeParams()))

    def report(found: optuna.Study, _trial: optuna.trial.FrozenTrial) -> None:
        progress("trials", len(found.get_trials(deepcopy=False, states=FINISHED)), trials)

    if done < trials:
        progress("trials", done, trials)
        seconds = None if minutes is None else minutes * 60
        study.optimize(_objective(older), n_trials=trials - done, timeout=seconds, callbacks=[report])
    return _judged(study, older, newest)


def read_trees(file: Path) -> TreeParams:
    """Return the parameters in a JSON file. Raises TreesUnusable where they are none."""
    try:
        return TypeAdapter(TreeParams).validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise TreeParamsError(f"{file} holds no parameters of trees: {where}: {first['msg']}.") from None


def _origins(snapshots: list[Snapshot], tables: Tables) -> list[_Origin]:
    found = []
    for day in origins_of(snapshots, ORIGINS):
        origin = _Origin(day, answered_before(snapshots, tables, day.as_of))
        try:
            origin.foretold(TreeParams())
        except TooLittleDataError:
            continue
        found.append(origin)
    if len(found) < 2:  # noqa: PLR2004  # stated in the sentence
        raise TooLittleDataError(
            "Tuning needs two past windows that the hybrid can foretell, one to search on and one to judge by; "
            f"found {len(found)}."
        )
    return found


def _study(folder: Path, name: str, seed: int) -> optuna.Study:
    """The search of that name, begun or gone on with; its journal is a file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        storage = JournalStorage(JournalFileBackend(str(folder / f"{name}.log")))
        pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS)
        study = optuna.create_study(storage=storage, study_name=name, load_if_exists=True, direction="minimize", pruner=pruner)
        study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials), n_startup_trials=STARTUP_TRIALS)
    return study


def _objective(origins: list[_Origin]) -> Callable[[Trial], float]:
    def objective(trial: Trial) -> float:
        trees, outcomes, foretold = _drawn(trial), [], []
        for step, origin in enumerate(origins):
            outcomes.append(origin.churned)
            foretold.append(origin.foretold(trees))
            so_far = log_loss(np.concatenate(outcomes), np.concatenate(foretold))
            trial.report(so_far, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return so_far

    return objective


def _drawn(trial: Trial) -> TreeParams:
    return TreeParams(
        learning_rate=trial.suggest_float("learning_rate", 0.005, 0.1, log=True),
        num_leaves=trial.suggest_int("num_leaves", 3, 31, log=True),
        min_data_in_leaf=trial.suggest_int("min_data_in_leaf", 10, 400, log=True),
        feature_fraction=trial.suggest_float("feature_fraction", 0.1, 1.0),
        bagging_fraction=trial.suggest_float("bagging_fraction", 0.5, 1.0),
        lambda_l2=trial.suggest_float("lambda_l2", 0.1, 200.0, log=True),
    )


def _judged(study: optuna.Study, older: list[_Origin], newest: _Origin) -> Tuned:
    trees, plain, found = (
        TreeParams(**study.best_params),
        newest.foretold(TreeParams()),
        newest.foretold(TreeParams(**study.best_params)),
    )
    searched = np.concatenate([origin.churned for origin in older])
    of_default = log_loss(searched, np.concatenate([origin.foretold(TreeParams()) for origin in older]))
    return Tuned(
        trees,
        len(study.get_trials(deepcopy=False, states=FINISHED)),
        tuple(origin.day.as_of for origin in older),
        newest.day.as_of,
        of_default,
        study.best_value,
        log_loss(newest.churned, plain),
        log_loss(newest.churned, found),
        paired_interval(log_loss, newest.churned, found, plain),
    )
