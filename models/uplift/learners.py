"""Meta-learners on LightGBM: the effect of treating, for each customer, from a randomised trial.

`t`: one model per arm, and their difference. `x`: the outcome each row did not show is filled in by the other arm's model, and
the difference learned; weighted by the propensity (Kuenzel et al. 2019, doi:10.1073/pnas.1804597116). `dr`: the doubly robust
pseudo-outcome learned (Kennedy 2023, doi:10.1214/23-EJS2157), with models of the arms that have not seen the row.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import lightgbm as lgb
import numpy as np
import polars as pl

from models.files import read_json, write_json
from models.log_odds import Array
from models.trees.boosting import matrix, predicted
from models.trees.training import TreeParams
from models.uplift.experiment import Experiment, Flags

ARMS = TreeParams(learning_rate=0.03, num_leaves=7, min_data_in_leaf=50, feature_fraction=0.5, lambda_l2=20.0)
EFFECTS = TreeParams(learning_rate=0.05, num_leaves=4, min_data_in_leaf=100, feature_fraction=0.5, lambda_l2=20.0)
ARM_ROUNDS, EFFECT_ROUNDS = 120, 100
INNER_FOLDS, SEED = 3, 5
FILE = "uplift.json"
MAX_SCALED = 5.0


@dataclass(frozen=True)
class Uplift:
    """A fitted learner: a weighted sum of boosters, drawn towards one shift of everybody's log-odds of staying.

    A contact that moves all log-odds alike saves few of those who are as good as gone, and of those who stay anyway: at risk p
    its effect is in proportion to `room(p)` = p (1 - p). `weights` has one number per booster; the effect is `shift` x room +
    `slope` x (the sum - `middle` x room): `shift` explains the mean effect of the trial, `middle` that of the sum, and `slope`
    is told by rows that learners like these had not seen (`models/uplift/crossfit.py`). `contacts` is of how many contacts
    within the window the effect was, those held out subtracted: each is credited with its part.
    """

    learner: str
    boosters: tuple[lgb.Booster, ...]
    weights: tuple[float, ...]
    inputs: tuple[str, ...]
    middle: float = 0.0
    slope: float = 1.0
    shift: float = 0.0
    contacts: float = 1.0

    def raw(self, frame: pl.DataFrame) -> Array:
        """Return the sum before it is drawn anywhere."""
        parts = [w * predicted(each, frame, self.inputs) for w, each in zip(self.weights, self.boosters, strict=True)]
        total: Array = np.sum(parts, axis=0)
        return total

    def effect(self, frame: pl.DataFrame, risk: Array) -> Array:
        """Return the change of the probability of a purchase in the window that one contact brings, for each row.

        `risk` is the probability p of none without it, in [0, 1]; no effect goes beyond what is left, from p - 1 to p.
        """
        space = room(risk)
        moved = (self.shift * space + self.slope * (self.raw(frame) - self.middle * space)) / self.contacts
        kept: Array = np.clip(moved, risk - 1, risk)
        return kept

    def served_on(self, learned: Array, served: Array) -> Self:
        """Return it for other risks of the same rows: a sharper model leaves less room, and the mean effect is still the same."""
        before, after = float(room(learned).mean()), float(room(served).mean())
        more = before / after if after > before / MAX_SCALED else MAX_SCALED
        return replace(self, shift=more * self.shift, middle=more * self.middle)

    def save(self, folder: Path) -> None:
        """Write booster texts and JSON into a folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for place, booster in enumerate(self.boosters):
            (folder / f"uplift_{place}.lgb.txt").write_text(booster.model_to_string(), encoding="utf-8")
        told = {name: getattr(self, name) for name in ("learner", "weights", "inputs", "middle", "slope", "shift", "contacts")}
        write_json(folder / FILE, told)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        told = read_json(folder / FILE)
        texts = [(folder / f"uplift_{place}.lgb.txt").read_text(encoding="utf-8") for place in range(len(told["weights"]))]
        boosters = tuple(lgb.Booster(model_str=text) for text in texts)
        numbers = {name: told[name] for name in ("middle", "slope", "shift", "contacts")}
        return cls(told["learner"], boosters, tuple(told["weights"]), tuple(told["inputs"]), **numbers)


def room(risk: Array) -> Array:
    """Return p (1 - p): by how much a small shift of the log-odds moves a probability."""
    space: Array = risk * (1 - risk)
    return space


Arms = tuple[Array, Array]
Learner = Callable[[Experiment, Array, tuple[str, ...], Arms], Uplift]


def t_learner(trial: Experiment, outcome: Array, inputs: tuple[str, ...], _arms: Arms) -> Uplift:
    """Return the difference of two models, one per arm."""
    with_it, without = (arm_model(trial, outcome, arm, inputs) for arm in (trial.treated, ~trial.treated))
    return Uplift("t", (with_it, without), (1.0, -1.0), inputs)


def x_learner(trial: Experiment, outcome: Array, inputs: tuple[str, ...], arms: Arms) -> Uplift:
    """Return the effects learned in each arm against what the other arm's model foretells, weighted by the propensity."""
    with_it, without = arms
    imputed = np.where(trial.treated, outcome - without, with_it - outcome)
    parts = tuple(_trees(trial, imputed, arm, inputs, EFFECTS, EFFECT_ROUNDS) for arm in (~trial.treated, trial.treated))
    share = float(trial.propensity.mean())
    return Uplift("x", parts, (share, 1 - share), inputs)


def dr_learner(trial: Experiment, outcome: Array, inputs: tuple[str, ...], arms: Arms) -> Uplift:
    """Return the effect learned from pseudo-outcomes, whose mean is right whatever the models of the arms are."""
    told = pseudo_outcomes(trial, outcome, *arms)
    everybody = np.ones(len(trial), dtype=bool)
    return Uplift("dr", (_trees(trial, told, everybody, inputs, EFFECTS, EFFECT_ROUNDS),), (1.0,), inputs)


# `arms` are what `unseen_arms` gives, which several learners share.
LEARNERS: dict[str, Learner] = {"t": t_learner, "x": x_learner, "dr": dr_learner}


def pseudo_outcomes(trial: Experiment, outcome: Array, with_it: Array, without: Array) -> Array:
    """Return the doubly robust effect of each row: noisy, and right on average since the propensity is known."""
    e = trial.propensity
    left = np.where(trial.treated, (outcome - with_it) / e, -(outcome - without) / (1 - e))
    told: Array = with_it - without + left
    return told


def unseen_arms(trial: Experiment, outcome: Array, inputs: tuple[str, ...]) -> Arms:
    """Return what models of both arms, which have not seen the row's customer, foretell of each row."""
    folds = trial.folds(INNER_FOLDS, SEED)
    found = np.zeros((2, len(trial)))
    for fold in range(INNER_FOLDS):
        seen, asked = folds != fold, folds == fold
        part, unseen = trial.only(seen), trial.only(asked)
        for row, arm in enumerate((part.treated, ~part.treated)):
            booster = arm_model(part, outcome[seen], arm, inputs)
            found[row, asked] = predicted(booster, unseen.frame, inputs)
    return found[0], found[1]


def arm_model(trial: Experiment, label: Array, rows: Flags, inputs: tuple[str, ...]) -> lgb.Booster:
    """Return trees of what a label is among these rows."""
    return _trees(trial, label, rows, inputs, ARMS, ARM_ROUNDS)


def _trees(trial: Experiment, label: Array, rows: Flags, inputs: tuple[str, ...], trees: TreeParams, rounds: int) -> lgb.Booster:
    data = lgb.Dataset(matrix(trial.frame.filter(pl.Series(rows)), inputs), label=label[rows], free_raw_data=True)
    return lgb.train(trees.parameters(objective="regression"), data, num_boost_round=rounds)
