"""Cross-fitted effects: each row's effect comes from a learner that has not seen its customer; and how far to trust it."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from features.frames.arrays import Array, BoolArray, IntArray
from models.threads import map_in_threads
from models.uplift.experiment import Experiment
from models.uplift.learners import LEARNERS, Uplift, cross_fit_arms, pseudo_outcomes, risk_sensitivity

FOLDS, SEED = 5, 3
MIN_SENSITIVITY = 1e-3  # below this, nearly all customers leave or nearly all stay


@dataclass(frozen=True)
class CrossFittedEffects:
    """Out-of-fold effects on staying by learner, and doubly robust effects on staying and on the margin, one per row.

    `folds` has the fold of each row; its learner was trained on the other folds.
    """

    effects: dict[str, Array]
    retention_effect: Array
    margin_effect: Array
    folds: IntArray

    def rank_within_folds(self, score: Array, rows: BoolArray | None = None) -> Array:
        """Return the rank of each of `rows` (default: all) by score within its fold, scaled to (0, 1], 1 for the highest.

        Scores of different folds are not comparable. The learner with the highest predictions is the one that missed the fold
        which responded least, so pooled scores would make customers with high predictions seem to respond less.
        """
        selected = np.ones(len(score), dtype=bool) if rows is None else rows
        ranks = np.zeros(len(score))
        for fold in np.unique(self.folds):
            in_fold = selected & (self.folds == fold)
            ranks[in_fold] = pl.Series(score[in_fold]).rank("average").to_numpy() / in_fold.sum()
        return ranks[selected]


def cross_fit(experiment: Experiment, inputs: tuple[str, ...]) -> CrossFittedEffects:
    """Return out-of-fold effects of each learner, shrunk towards their mean as the training folds suggest."""
    folds = experiment.folds(FOLDS, SEED)
    effects = {name: np.zeros(len(experiment)) for name in LEARNERS}

    def fold_effects(fold: int) -> dict[str, Array]:
        held_out = experiment.subset(folds == fold)
        learners = fit_learners(experiment.subset(folds != fold), inputs)
        return {name: learner.effect(held_out.frame, held_out.risk) for name, learner in learners.items()}

    for fold, effects_of_fold in enumerate(map_in_threads(fold_effects, range(FOLDS))):
        for name, effect in effects_of_fold.items():
            effects[name][folds == fold] = effect

    def doubly_robust(outcome: Array) -> Array:
        return pseudo_outcomes(experiment, outcome, *cross_fit_arms(experiment, outcome, inputs))

    retention, margin = map_in_threads(doubly_robust, (experiment.stayed, experiment.margin))
    return CrossFittedEffects(effects=effects, retention_effect=retention, margin_effect=margin, folds=folds)


def fit_learners(experiment: Experiment, inputs: tuple[str, ...], names: tuple[str, ...] = tuple(LEARNERS)) -> dict[str, Uplift]:
    """Return learners of the whole experiment, each shrunk towards one shift of every customer's log-odds.

    Two halves of the customers set the shrinkage: learners of one half predict the other. `slope` is the slope of the doubly
    robust effects on the predicted ones, both net of what the shift explains, clipped to [0, 1] (after the best linear predictor
    of Chernozhukov et al. 2018, doi:10.3386/w24678). At slope 0 a learner predicts only the shift: every effect is proportional
    to p (1 - p).
    """
    arms = cross_fit_arms(experiment, experiment.stayed, inputs)
    pseudo = pseudo_outcomes(experiment, experiment.stayed, *arms)
    sensitivity = risk_sensitivity(experiment.risk)
    shift = _mean_shift(pseudo, sensitivity)
    deviations = _deviations_by_halves(experiment, inputs, names)
    learners = {}
    for name in names:
        deviation = deviations[name]
        slope = float(deviation @ (pseudo - shift * sensitivity)) / max(float(deviation @ deviation), 1e-12)
        learner = LEARNERS[name](experiment, experiment.stayed, inputs, arms)
        raw_shift = _mean_shift(learner.raw(experiment.frame), sensitivity)
        learners[name] = replace(learner, raw_shift=raw_shift, slope=min(max(slope, 0.0), 1.0), shift=shift)
    return learners


def _mean_shift(effect: Array, sensitivity: Array) -> float:
    """Return the shift of the log-odds that explains the mean effect; 0 where the sensitivity is too low to estimate one."""
    return float(effect.sum() / sensitivity.sum()) if sensitivity.mean() > MIN_SENSITIVITY else 0.0


def _deviations_by_halves(experiment: Experiment, inputs: tuple[str, ...], names: tuple[str, ...]) -> dict[str, Array]:
    """Return what learners of one half predict for the other half, minus what a shift of all log-odds explains."""
    halves = experiment.folds(2, SEED)
    deviations = {name: np.zeros(len(experiment)) for name in names}
    for half in (0, 1):
        training, held_out = experiment.subset(halves == half), experiment.subset(halves != half)
        arms, sensitivity = cross_fit_arms(training, training.stayed, inputs), risk_sensitivity(held_out.risk)
        for name in names:
            raw = LEARNERS[name](training, training.stayed, inputs, arms).raw(held_out.frame)
            deviations[name][halves != half] = raw - _mean_shift(raw, sensitivity) * sensitivity
    return deviations
