"""Honest effects: of each row, what a learner says that has not seen its customer; and how far that can be trusted."""

from dataclasses import dataclass, replace

import numpy as np

from models.log_odds import Array
from models.uplift.learners import LEARNERS, Uplift, pseudo_outcomes, unseen_arms
from models.uplift.trial import Trial

FOLDS, SEED = 5, 3


@dataclass(frozen=True)
class Unseen:
    """Effects on rows that their learner had not seen, by learner; and doubly robust ones, of staying and of money."""

    effects: dict[str, Array]
    stays: Array
    money: Array


def cross_fitted(trial: Trial, inputs: tuple[str, ...]) -> Unseen:
    """Return what each learner says of the folds it has not seen, drawn towards its mean as far as the seen folds ask for."""
    folds = trial.folds(FOLDS, SEED)
    effects = {name: np.zeros(len(trial)) for name in LEARNERS}
    for fold in range(FOLDS):
        asked = trial.only(folds == fold)
        for name, model in learned(trial.only(folds != fold), inputs).items():
            effects[name][folds == fold] = model.effect(asked.frame)
    stays, money = (pseudo_outcomes(trial, each, *unseen_arms(trial, each, inputs)) for each in (trial.stayed, trial.money))
    return Unseen(effects, stays, money)


def learned(trial: Trial, inputs: tuple[str, ...], names: tuple[str, ...] = tuple(LEARNERS)) -> dict[str, Uplift]:
    """Return learners of the whole trial, each drawn towards the mean effect.

    How far is told by half of the customers, of what a learner of the other half says of them: the slope of the doubly robust
    effects on the learned ones (the best linear predictor; Chernozhukov et al. 2018, doi:10.3386/w24678), within 0 and 1. A
    learner that found nothing says the mean effect of everybody.
    """
    arms = unseen_arms(trial, trial.stayed, inputs)
    pseudo = pseudo_outcomes(trial, trial.stayed, *arms)
    said = _said_by_halves(trial, inputs, names)
    found = {}
    for name in names:
        slope = float(np.clip(said[name] @ (pseudo - pseudo.mean()) / max(said[name] @ said[name], 1e-12), 0, 1))
        whole = LEARNERS[name](trial, trial.stayed, inputs, arms)
        middle = float(whole.raw(trial.frame).mean())
        found[name] = replace(whole, middle=middle, slope=slope, centre=float(pseudo.mean()))
    return found


def _said_by_halves(trial: Trial, inputs: tuple[str, ...], names: tuple[str, ...]) -> dict[str, Array]:
    """What each learner of one half says of the other, around its mean."""
    halves = trial.folds(2, SEED)
    said = {name: np.zeros(len(trial)) for name in names}
    for half in (0, 1):
        part, other = trial.only(halves == half), trial.only(halves != half)
        arms = unseen_arms(part, part.stayed, inputs)
        for name in names:
            raw = LEARNERS[name](part, part.stayed, inputs, arms).raw(other.frame)
            said[name][halves != half] = raw - raw.mean()
    return said
