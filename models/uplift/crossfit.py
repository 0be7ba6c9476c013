"""Honest effects: of each row, what a learner says that has not seen its customer; and how far that can be trusted."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.log_odds import Array
from models.uplift.experiment import Experiment, Flags
from models.uplift.learners import LEARNERS, Uplift, pseudo_outcomes, room, unseen_arms

FOLDS, SEED = 5, 3
MIN_ROOM = 1e-3  # so little that every customer leaves, or none


@dataclass(frozen=True)
class Unseen:
    """Effects on rows that their learner had not seen, by learner; and doubly robust ones, of staying and of money.

    `folds` has the fold of each row, whose learner saw the other folds.
    """

    effects: dict[str, Array]
    stays: Array
    money: Array
    folds: NDArray[np.int64]

    def ranked(self, score: Array, rows: Flags | None = None) -> Array:
        """Return the place of each of `rows` (all) by its score among those of its own fold: from above 0 to 1 for the highest.

        Over folds, scores may not be compared: the learner that says most of everybody is the one that has not seen the fold
        which responded least, so that customers would seem to respond the less, the more is expected of them.
        """
        which = np.ones(len(score), dtype=bool) if rows is None else rows
        places = np.zeros(len(score))
        for fold in np.unique(self.folds):
            here = which & (self.folds == fold)
            places[here] = pl.Series(score[here]).rank("average").to_numpy() / here.sum()
        return places[which]


def cross_fitted(trial: Experiment, inputs: tuple[str, ...]) -> Unseen:
    """Return what each learner says of the folds it has not seen, drawn towards its mean as far as the seen folds ask for."""
    folds = trial.folds(FOLDS, SEED)
    effects = {name: np.zeros(len(trial)) for name in LEARNERS}
    for fold in range(FOLDS):
        asked = trial.only(folds == fold)
        for name, model in learned(trial.only(folds != fold), inputs).items():
            effects[name][folds == fold] = model.effect(asked.frame, asked.risk)
    stays, money = (pseudo_outcomes(trial, each, *unseen_arms(trial, each, inputs)) for each in (trial.stayed, trial.money))
    return Unseen(effects, stays, money, folds)


def learned(trial: Experiment, inputs: tuple[str, ...], names: tuple[str, ...] = tuple(LEARNERS)) -> dict[str, Uplift]:
    """Return learners of the whole trial, each drawn towards one shift of everybody's log-odds.

    How far is told by half of the customers, of what a learner of the other half says of them: the slope of the doubly robust
    effects on the learned ones, both taken around what the shift explains (after the best linear predictor of Chernozhukov et
    al. 2018, doi:10.3386/w24678), within 0 and 1. A
    learner that found nothing says of everybody the mean effect, in proportion to the room that the risk leaves.
    """
    arms = unseen_arms(trial, trial.stayed, inputs)
    pseudo = pseudo_outcomes(trial, trial.stayed, *arms)
    space = room(trial.risk)
    shift = _share(pseudo, space)
    said = _said_by_halves(trial, inputs, names)
    found = {}
    for name in names:
        slope = float(said[name] @ (pseudo - shift * space)) / max(float(said[name] @ said[name]), 1e-12)
        whole = LEARNERS[name](trial, trial.stayed, inputs, arms)
        found[name] = replace(whole, middle=_share(whole.raw(trial.frame), space), slope=min(max(slope, 0.0), 1.0), shift=shift)
    return found


def _share(effect: Array, space: Array) -> float:
    """The shift of the log-odds that explains the mean effect; none where there is no room for one."""
    return float(effect.sum() / space.sum()) if space.mean() > MIN_ROOM else 0.0


def _said_by_halves(trial: Experiment, inputs: tuple[str, ...], names: tuple[str, ...]) -> dict[str, Array]:
    """What each learner of one half says of the other, around what a shift of all log-odds would."""
    halves = trial.folds(2, SEED)
    said = {name: np.zeros(len(trial)) for name in names}
    for half in (0, 1):
        part, other = trial.only(halves == half), trial.only(halves != half)
        arms, space = unseen_arms(part, part.stayed, inputs), room(other.risk)
        for name in names:
            raw = LEARNERS[name](part, part.stayed, inputs, arms).raw(other.frame)
            said[name][halves != half] = raw - _share(raw, space) * space
    return said
