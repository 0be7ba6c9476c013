"""Meta-learners on LightGBM: the effect of treatment on each customer, from a randomised experiment.

`t`: one model per arm; the effect is their difference. `x`: each row's missing outcome is imputed with the other arm's model,
and trees learn the difference; weighted by the propensity (Kuenzel et al. 2019, doi:10.1073/pnas.1804597116). `dr`: trees learn
the doubly robust pseudo-outcome (Kennedy 2023, doi:10.1214/23-EJS2157), with arm models that have not seen the row.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import lightgbm as lgb
import numpy as np
import polars as pl

from features.frames.arrays import Array, BoolArray
from models.files import read_json, write_json
from models.trees.boosting import input_table, load_booster, predict
from models.trees.training import TreeParams
from models.uplift.experiment import Experiment

ARM_TREES = TreeParams(learning_rate=0.03, num_leaves=7, min_data_in_leaf=50, feature_fraction=0.5, lambda_l2=20.0)
EFFECT_TREES = TreeParams(learning_rate=0.05, num_leaves=4, min_data_in_leaf=100, feature_fraction=0.5, lambda_l2=20.0)
ARM_ROUNDS, EFFECT_ROUNDS = 120, 100
INNER_FOLDS, SEED = 3, 5
FILE = "uplift.json"
# Fields of a fitted learner, and the keys they are stored under.
STORED_KEYS = {
    "learner": "learner",
    "weights": "weights",
    "inputs": "inputs",
    "raw_shift": "middle",
    "slope": "slope",
    "shift": "shift",
    "contacts": "contacts",
}
MAX_SCALED = 5.0


@dataclass(frozen=True)
class Uplift:
    """A fitted learner: a weighted sum of boosters, shrunk towards one shift of every customer's log-odds of staying.

    A contact that shifts all log-odds equally saves few of the customers who are almost lost, and few of those who stay anyway:
    at risk p its effect is proportional to `risk_sensitivity(p)` = p (1 - p). `weights` has one number per booster. The effect is
    `shift` x sensitivity + `slope` x (the sum - `raw_shift` x sensitivity). `shift` explains the mean effect of the experiment,
    `raw_shift` the mean of the sum. `slope` is estimated on rows that the learners had not seen (`models/uplift/crossfit.py`).
    `contacts` is the number of contacts within the window behind the effect, net of those in the control group: each contact
    is credited with an equal part.
    """

    learner: str
    boosters: tuple[lgb.Booster, ...]
    weights: tuple[float, ...]
    inputs: tuple[str, ...]
    raw_shift: float = 0.0
    slope: float = 1.0
    shift: float = 0.0
    contacts: float = 1.0

    def raw(self, frame: pl.DataFrame) -> Array:
        """Return the weighted sum of the boosters for each row, before shrinkage."""
        parts = [
            weight * predict(booster, frame, self.inputs) for weight, booster in zip(self.weights, self.boosters, strict=True)
        ]
        total: Array = np.sum(parts, axis=0)
        return total

    def effect(self, frame: pl.DataFrame, risk: Array) -> Array:
        """Return the change in the probability of a purchase in the window that one contact causes, for each row.

        `risk` is the probability p of no purchase without the contact, in [0, 1]. Effects are clipped to [p - 1, p].
        """
        sensitivity = risk_sensitivity(risk)
        effects = (self.shift * sensitivity + self.slope * (self.raw(frame) - self.raw_shift * sensitivity)) / self.contacts
        clipped: Array = np.clip(effects, risk - 1, risk)
        return clipped

    def rescaled_for(self, training_risk: Array, serving_risk: Array) -> Self:
        """Return the learner rescaled to the risks that another model predicts for the same rows, keeping the mean effect.

        A sharper model predicts risks nearer to 0 and 1, where the sensitivity is lower. The shifts grow to compensate, but at
        most fivefold.
        """
        before, after = float(risk_sensitivity(training_risk).mean()), float(risk_sensitivity(serving_risk).mean())
        factor = before / after if after > before / MAX_SCALED else MAX_SCALED
        return replace(self, shift=factor * self.shift, raw_shift=factor * self.raw_shift)

    def save(self, folder: Path) -> None:
        """Write booster texts and JSON into a folder, creating it if needed."""
        folder.mkdir(parents=True, exist_ok=True)
        for index, booster in enumerate(self.boosters):
            _booster_path(folder, index).write_text(booster.model_to_string(), encoding="utf-8")
        write_json(folder / FILE, {key: getattr(self, name) for name, key in STORED_KEYS.items()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        data = read_json(folder / FILE)
        return cls(
            learner=data["learner"],
            boosters=tuple(load_booster(_booster_path(folder, index)) for index in range(len(data["weights"]))),
            weights=tuple(data["weights"]),
            inputs=tuple(data["inputs"]),
            raw_shift=data["middle"],
            slope=data["slope"],
            shift=data["shift"],
            contacts=data["contacts"],
        )


def _booster_path(folder: Path, index: int) -> Path:
    return folder / f"uplift_{index}.lgb.txt"


def risk_sensitivity(risk: Array) -> Array:
    """Return p (1 - p): the derivative of a probability with respect to its log-odds."""
    sensitivity: Array = risk * (1 - risk)
    return sensitivity


Arms = tuple[Array, Array]
Learner = Callable[[Experiment, Array, tuple[str, ...], Arms], Uplift]


def t_learner(experiment: Experiment, outcome: Array, inputs: tuple[str, ...], _arms: Arms) -> Uplift:
    """Return the difference of two models, one per arm."""
    treated, control = (fit_arm_model(experiment, outcome, arm, inputs) for arm in (experiment.treated, ~experiment.treated))
    return Uplift(learner="t", boosters=(treated, control), weights=(1.0, -1.0), inputs=inputs)


def x_learner(experiment: Experiment, outcome: Array, inputs: tuple[str, ...], arms: Arms) -> Uplift:
    """Return effects learned in each arm, from the outcome against the other arm's prediction, weighted by the propensity."""
    treated, control = arms
    imputed = np.where(experiment.treated, outcome - control, treated - outcome)
    boosters = tuple(
        _fit_trees(experiment, imputed, arm, inputs, EFFECT_TREES, EFFECT_ROUNDS)
        for arm in (~experiment.treated, experiment.treated)
    )
    share = float(experiment.propensity.mean())
    return Uplift(learner="x", boosters=boosters, weights=(share, 1 - share), inputs=inputs)


def dr_learner(experiment: Experiment, outcome: Array, inputs: tuple[str, ...], arms: Arms) -> Uplift:
    """Return the effect learned from pseudo-outcomes, whose mean is unbiased even if the arm models are wrong."""
    pseudo = pseudo_outcomes(experiment, outcome, *arms)
    all_rows = np.ones(len(experiment), dtype=bool)
    booster = _fit_trees(experiment, pseudo, all_rows, inputs, EFFECT_TREES, EFFECT_ROUNDS)
    return Uplift(learner="dr", boosters=(booster,), weights=(1.0,), inputs=inputs)


# `arms` are the predictions of `cross_fit_arms`, computed once for all learners.
LEARNERS: dict[str, Learner] = {"t": t_learner, "x": x_learner, "dr": dr_learner}


def pseudo_outcomes(experiment: Experiment, outcome: Array, treated: Array, control: Array) -> Array:
    """Return the doubly robust effect of each row: noisy, but unbiased because the propensity is known.

    `treated` and `control` are the outcomes predicted for each row with and without treatment.
    """
    e = experiment.propensity
    residual = np.where(experiment.treated, (outcome - treated) / e, -(outcome - control) / (1 - e))
    pseudo: Array = treated - control + residual
    return pseudo


def cross_fit_arms(experiment: Experiment, outcome: Array, inputs: tuple[str, ...]) -> Arms:
    """Return each row's outcome predicted with and without treatment, by arm models that have not seen the row's customer."""
    folds = experiment.folds(INNER_FOLDS, SEED)
    predictions = np.zeros((2, len(experiment)))
    for fold in range(INNER_FOLDS):
        in_training, in_fold = folds != fold, folds == fold
        training, held_out = experiment.subset(in_training), experiment.subset(in_fold)
        for index, arm in enumerate((training.treated, ~training.treated)):
            booster = fit_arm_model(training, outcome[in_training], arm, inputs)
            predictions[index, in_fold] = predict(booster, held_out.frame, inputs)
    return predictions[0], predictions[1]


def fit_arm_model(experiment: Experiment, label: Array, rows: BoolArray, inputs: tuple[str, ...]) -> lgb.Booster:
    """Return trees that predict `label` (one entry per row of the experiment), trained on the flagged rows."""
    return _fit_trees(experiment, label, rows, inputs, ARM_TREES, ARM_ROUNDS)


def _fit_trees(
    experiment: Experiment, label: Array, rows: BoolArray, inputs: tuple[str, ...], trees: TreeParams, rounds: int
) -> lgb.Booster:
    table = input_table(experiment.frame.filter(pl.Series(rows)), inputs)
    data = lgb.Dataset(table, label=label[rows], free_raw_data=True)
    return lgb.train(trees.parameters(objective="regression"), data, num_boost_round=rounds)
