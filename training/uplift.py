"""Who responds to each action, learned where past contacts had a control group; used only where it earns more."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from models.boosting import INPUTS
from models.errors import TooLittleData
from models.log_odds import Array
from models.uplift.crossfit import cross_fitted, learned
from models.uplift.curves import Interval, qini, resampled, uplift_at
from models.uplift.learners import Uplift
from models.uplift.policies import RISK, RISK_VALUE, UPLIFT, UPLIFT_VALUE, PolicyValue, policy_value
from models.uplift.trial import Trial, refuse_small
from settings.sections import Action
from training.snapshots import Progress
from training.trials import RISK as RISK_COLUMN
from training.trials import SAVED, Asked, trials

TOP = 0.2


@dataclass(frozen=True)
class Response:
    """What is known of who responds to an action, judged on customers that each learner had not seen.

    `qini` and `top` (the mean effect on the fifth with the highest score) by learner; `effect` is the mean on everybody, of
    `contacts` in the window, `assumed` what the save rate of the configuration would make of it.
    `model` is None where it is not used, and `why` says so.
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
    model: Uplift | None
    why: str

    def figures(self) -> dict[str, Any]:
        """Return it as data, without the model."""
        told = asdict(self)
        return {name: told[name] for name in told if name != "model"} | {"used": self.model is not None}


def effects_of(found: list[Response]) -> dict[str, Any]:
    """Return what a champion keeps of them."""
    models = {each.action: each.model for each in found if each.model is not None}
    return {"uplift": models, "responses": tuple(each.figures() for each in found)}


def responses(asked: Asked, progress: Progress) -> tuple[list[Response], list[str]]:
    """Return the response to each configured action that was tried with a control group, and why others have none."""
    configured = {action.in_contacts: action for action in reversed(asked.settings.targeting.actions)}
    if not configured:
        return [], []
    found, notes = [], []
    for name, trial in trials(asked, progress).items():
        if name not in configured:
            continue
        try:
            refuse_small(trial)
        except TooLittleData as error:
            notes.append(f"Effects of {name} stay assumed. {error}")
            continue
        found.append(_response(asked, configured[name], trial))
    return found, [*notes, *(f"Effects of {each.action}: {each.why}" for each in found)]


def _response(asked: Asked, action: Action, trial: Trial) -> Response:
    unseen = cross_fitted(trial, INPUTS)
    ranked = {name: _measured(trial, effect, qini) for name, effect in unseen.effects.items()}
    top = {name: _measured(trial, effect, uplift_at(TOP)) for name, effect in unseen.effects.items()}
    best = max(ranked, key=lambda name: ranked[name].mean)
    could = _could_be_listed(asked, trial)
    contacts = _contacts(trial)
    policies = _policies(trial, unseen.effects[best], unseen.money, contacts * action.cost, could)
    overall = resampled(trial.unit, lambda rows: float(unseen.stays[rows].mean()))
    model = replace(learned(trial, INPUTS, (best,))[best], contacts=contacts) if policies.is_better else None
    assumed = action.save_rate * float(trial.frame[RISK_COLUMN].cast(pl.Float64).to_numpy().mean())
    return Response(
        action.in_contacts, len(trial), contacts, overall, assumed, best, ranked, top, policies, model, _why(policies)
    )


def _contacts(trial: Trial) -> float:
    """How many contacts within the window being treated came to, beyond those of customers held out; at least the one."""
    made = trial.frame["contacts_in_window"].cast(pl.Float64).to_numpy()
    odds = trial.propensity / (1 - trial.propensity)
    without = np.average(made[~trial.treated], weights=odds[~trial.treated])
    return max(float(made[trial.treated].mean() - without), 1.0)


def _measured(trial: Trial, score: Array, measure: Any) -> Interval:  # noqa: ANN401  # a Measure
    return resampled(
        trial.unit, lambda rows: measure(score[rows], trial.stayed[rows], trial.treated[rows], trial.propensity[rows])
    )


def _could_be_listed(asked: Asked, trial: Trial) -> Array:
    """Former customers and those at risk: whom targeting chooses from. Everybody, where these are too few to judge by."""
    at_risk = trial.frame[RISK_COLUMN] >= asked.settings.targeting.at_risk_threshold
    could = ((trial.frame["status"] == "former") | at_risk).fill_null(value=False).to_numpy()
    every = np.ones(len(trial), dtype=bool)
    return np.asarray(could if could.sum() >= len(trial) / 10 else every)


def _policies(trial: Trial, effect: Array, money: Array, cost: float, could: Array) -> PolicyValue:
    told = trial.frame.select(pl.col(RISK_COLUMN, SAVED).cast(pl.Float64)).to_numpy()[could]
    risk, saved = told.T
    scores = {RISK: risk, RISK_VALUE: risk * saved, UPLIFT: effect[could], UPLIFT_VALUE: effect[could] * saved}
    return policy_value(scores, money[could], cost, trial.unit[could])


def _why(policies: PolicyValue) -> str:
    lead = policies.lead
    said = f"uplift x value earns {lead.mean:+.2f} [{lead.low:+.2f}, {lead.high:+.2f}] per hundred customers against risk x value"
    if policies.is_better:
        return f"measured, and used: {said}, above nothing in {lead.above:.0%} of resamples."
    return f"measured, and not used: {said}, above nothing in {lead.above:.0%} of resamples; they stay assumed."
