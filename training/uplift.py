"""Who responds to each action, learned where past contacts had a control group; used only where it earns more."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from models.churn.protocol import ChurnModel
from models.errors import TooLittleDataError
from models.log_odds import Array
from models.trees.boosting import INPUTS
from models.uplift.assumed_effect import assumed
from models.uplift.crossfit import Unseen, cross_fitted, learned
from models.uplift.curves import Interval, qini, resampled, uplift_at
from models.uplift.experiment import Experiment, Flags, refuse_small
from models.uplift.learners import Uplift
from models.uplift.policies import RISK, RISK_VALUE, UPLIFT, UPLIFT_VALUE, PolicyValue, policy_value
from settings.sections import Action
from training.data.experiments import SAVED, ExperimentQuery, experiments
from training.data.snapshots import Progress

TOP = 0.2


@dataclass(frozen=True)
class Response:
    """What is known of who responds to an action, judged on customers that each learner had not seen.

    `qini` and `top` (the mean effect on the fifth with the highest score) by learner, over all `rows`. `effect` is the mean of
    one contact on those who could be listed, `assumed` what the save rates of the configuration make of it; `contacts` is how
    many of them the treated had in the window. Where the interval of `effect` leaves `assumed` out, `agreeing` is how many times
    the save rates would agree. `model` is None where it is not used, and `why` says so.
    """

    action: str
    rows: int
    contacts: float
    effect: Interval
    assumed: float
    learner: str
    qini: dict[str, Interval]
    top: dict[str, Interval]
    policies: PolicyValue
    why: str
    agreeing: float | None = None
    model: Uplift | None = None

    def figures(self) -> dict[str, Any]:
        """Return it as data, without the model."""
        told = asdict(replace(self, model=None))
        return {name: told[name] for name in told if name != "model"} | {"used": self.policies.is_better}


def effects_of(found: list[Response]) -> dict[str, Any]:
    """Return what a champion keeps of them."""
    models = {each.action: each.model for each in found if each.model is not None}
    return {"uplift": models, "responses": tuple(each.figures() for each in found)}


def responses(asked: ExperimentQuery, churn: ChurnModel, progress: Progress) -> tuple[list[Response], list[str]]:
    """Return the response to each configured action that was tried with a control group, and why others have none.

    `churn` is what will score: a model that is used is made to fit its risks.
    """
    by_name: dict[str, list[Action]] = {}
    for action in asked.settings.targeting.actions:
        by_name.setdefault(action.contacts_name, []).append(action)
    found, notes = [], []
    for name, trial in (experiments(asked, progress) if by_name else {}).items():
        if name not in by_name:
            notes.append(f"Contacts of {name} had a control group, but no action is measured by it: name it in its measured_by.")
            continue
        try:
            refuse_small(trial)
        except TooLittleDataError as error:
            notes.append(f"Effects of {name} stay assumed. {error}")
            continue
        one = response(asked, by_name[name], trial)
        found.append(replace(one, model=model_of(one, trial, churn)) if one.policies.is_better else one)
    return found, [*notes, *(f"Effects of {each.action}: {each.why}{_advice(each)}" for each in found)]


def response(asked: ExperimentQuery, actions: Sequence[Action], trial: Experiment) -> Response:
    """Return what a trial says of the actions that are measured by it, without a model."""
    unseen = cross_fitted(trial, INPUTS)
    places = {name: unseen.ranked(effect) for name, effect in unseen.effects.items()}
    ranked = {name: _measured(trial, each, qini) for name, each in places.items()}
    top = {name: _measured(trial, each, uplift_at(TOP)) for name, each in places.items()}
    best = max(ranked, key=lambda name: ranked[name].mean)
    could, contacts = _could_be_listed(asked, trial), _contacts(trial)
    taken = _assumed(actions, trial, asked.settings.targeting.at_risk_threshold)
    policies = _policies(trial, unseen, best, could, taken, contacts * actions[0].cost)
    stays = unseen.stays[could] / contacts
    mean = resampled(trial.unit[could], lambda rows: float(stays[rows].mean()))
    expected = float(taken[could].mean())
    return Response(
        action=actions[0].contacts_name,
        rows=len(trial),
        contacts=contacts,
        effect=mean,
        assumed=expected,
        learner=best,
        qini=ranked,
        top=top,
        policies=policies,
        why=_why(policies),
        agreeing=_agreeing(mean, expected),
    )


def model_of(found: Response, trial: Experiment, churn: ChurnModel) -> Uplift:
    """Return the best learner of a whole trial, of one contact, for the risks that `churn` tells."""
    model = replace(learned(trial, INPUTS, (found.learner,))[found.learner], contacts=found.contacts)
    return model.served_on(trial.risk, churn.p_churn(trial.frame).to_numpy())


def _contacts(trial: Experiment) -> float:
    """How many contacts within the window being treated came to, beyond those of customers held out; at least the one."""
    made = trial.frame["contacts_in_window"].cast(pl.Float64).to_numpy()
    odds = trial.propensity / (1 - trial.propensity)
    without = np.average(made[~trial.treated], weights=odds[~trial.treated])
    return max(float(made[trial.treated].mean() - without), 1.0)


def _measured(trial: Experiment, score: Array, measure: Any) -> Interval:  # noqa: ANN401  # a Measure
    return resampled(
        trial.unit, lambda rows: measure(score[rows], trial.stayed[rows], trial.treated[rows], trial.propensity[rows])
    )


def _could_be_listed(asked: ExperimentQuery, trial: Experiment) -> Flags:
    """Former customers and those at risk: whom targeting chooses from. Everybody, where these are too few to judge by."""
    at_risk = trial.risk >= asked.settings.targeting.at_risk_threshold
    could = (trial.frame["status"] == "former").to_numpy() | at_risk
    every = np.ones(len(trial), dtype=bool)
    return np.asarray(could if could.sum() >= len(trial) / 10 else every)


def _assumed(actions: Sequence[Action], trial: Experiment, threshold: float) -> Array:
    """What the actions are assumed to avert, each for customers of its kind; the first one's for whom there is none."""
    p = pl.Series("p", trial.risk)
    kind = pl.when(pl.col("status") == "former").then(pl.lit("win_back")).when(pl.lit(p) >= threshold).then(pl.lit("retention"))
    own = (pl.when(kind == action.kind).then(assumed(action, pl.lit(p))) for action in actions)
    return trial.frame.select(pl.coalesce(*own, assumed(actions[0], pl.lit(p))).alias("p")).to_series().to_numpy()


def _policies(trial: Experiment, unseen: Unseen, learner: str, could: Flags, taken: Array, cost: float) -> PolicyValue:
    """What a learner is worth; risk x value goes by the assumed effect, which is what would be used without it."""
    effect, saved = unseen.effects[learner], trial.frame[SAVED].cast(pl.Float64).to_numpy()
    by_risk = (taken if taken.any() else trial.risk) * saved
    scores = {RISK: trial.risk, RISK_VALUE: by_risk, UPLIFT: effect, UPLIFT_VALUE: effect * saved}
    places = {name: unseen.ranked(score, could) for name, score in scores.items()}
    return policy_value(places, unseen.money[could], cost, trial.unit[could])


def _why(policies: PolicyValue) -> str:
    lead = policies.lead
    said = f"uplift x value earns {lead.mean:+.2f} [{lead.low:+.2f}, {lead.high:+.2f}] per hundred customers against risk x value"
    if policies.is_better:
        return f"measured, and used: {said}, above nothing in {lead.above:.0%} of resamples."
    return f"measured, and not used: {said}, above nothing in {lead.above:.0%} of resamples; they stay assumed."


def _agreeing(measured: Interval, expected: float) -> float | None:
    """How many times the assumed effect the measured one is, where the interval leaves it out; 0 where nothing was gained."""
    if expected <= 0 or measured.low <= expected <= measured.high:
        return None
    return max(measured.mean / expected, 0.0)


def _advice(found: Response) -> str:
    if found.agreeing is None or found.policies.is_better:
        return ""
    mean, low, high = (100 * each for each in (found.effect.mean, found.effect.low, found.effect.high))
    measured = f"One contact brings {mean:+.1f} [{low:+.1f}, {high:+.1f}] points of staying, the save rates assume"
    agree = f"{found.agreeing:.2g} times as high they would agree" if found.agreeing > 0 else "no save rate agrees with that"
    return f" {measured} {100 * found.assumed:+.1f}: {agree}."
