"""Who responds to each action, learned where past contacts had a control group; used only where it earns more."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from models.boosting import INPUTS
from models.errors import TooLittleData
from models.log_odds import Array
from models.uplift.assumed import assumed
from models.uplift.crossfit import Unseen, cross_fitted, learned
from models.uplift.curves import Interval, qini, resampled, uplift_at
from models.uplift.learners import Uplift
from models.uplift.policies import RISK, RISK_VALUE, UPLIFT, UPLIFT_VALUE, PolicyValue, policy_value
from models.uplift.trial import Flags, Trial, refuse_small
from settings.sections import Action
from training.snapshots import Progress
from training.trials import RISK as RISK_COLUMN
from training.trials import SAVED, Asked, trials

TOP = 0.2


@dataclass(frozen=True)
class Response:
    """What is known of who responds to an action, judged on customers that each learner had not seen.

    `qini` and `top` (the mean effect on the fifth with the highest score) by learner; `effect` is the mean on everybody, of
    `contacts` in the window, `assumed` what the save rate of the configuration would make of it. `why` says whether `model` is
    used, which is where acting on it earns more than on what is assumed.
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
    model: Uplift
    why: str

    @property
    def used(self) -> bool:
        """Whether targeting goes by it."""
        return self.policies.is_better

    def figures(self) -> dict[str, Any]:
        """Return it as data, without the model."""
        told = asdict(self)
        return {name: told[name] for name in told if name != "model"} | {"used": self.used}


def effects_of(found: list[Response]) -> dict[str, Any]:
    """Return what a champion keeps of them."""
    models = {each.action: each.model for each in found if each.used}
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
    places = {name: unseen.ranked(effect) for name, effect in unseen.effects.items()}
    ranked = {name: _measured(trial, each, qini) for name, each in places.items()}
    top = {name: _measured(trial, each, uplift_at(TOP)) for name, each in places.items()}
    best = max(ranked, key=lambda name: ranked[name].mean)
    could = _could_be_listed(asked, trial)
    policies = _policies(action, trial, unseen, best, could)
    overall = resampled(trial.unit, lambda rows: float(unseen.stays[rows].mean()))
    contacts = _contacts(trial)
    model = replace(learned(trial, INPUTS, (best,))[best], contacts=contacts)
    expected = float(_assumed(action, trial).mean())
    why = _why(policies, _agreeing(action, overall, expected))
    return Response(action.in_contacts, len(trial), contacts, overall, expected, best, ranked, top, policies, model, why)


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


def _could_be_listed(asked: Asked, trial: Trial) -> Flags:
    """Former customers and those at risk: whom targeting chooses from. Everybody, where these are too few to judge by."""
    at_risk = trial.risk >= asked.settings.targeting.at_risk_threshold
    could = (trial.frame["status"] == "former").to_numpy() | at_risk
    every = np.ones(len(trial), dtype=bool)
    return np.asarray(could if could.sum() >= len(trial) / 10 else every)


def _assumed(action: Action, trial: Trial) -> Array:
    return trial.frame.select(assumed(action, pl.col(RISK_COLUMN).cast(pl.Float64))).to_series().to_numpy()


def _policies(action: Action, trial: Trial, unseen: Unseen, learner: str, could: Flags) -> PolicyValue:
    """What a learner is worth; risk x value goes by the assumed effect, which is what would be used without it."""
    effect, saved = unseen.effects[learner], trial.frame[SAVED].cast(pl.Float64).to_numpy()
    by_risk = _assumed(action, trial) * saved
    scores = {RISK: trial.risk, RISK_VALUE: by_risk, UPLIFT: effect, UPLIFT_VALUE: effect * saved}
    places = {name: unseen.ranked(score, could) for name, score in scores.items()}
    return policy_value(places, unseen.money[could], _contacts(trial) * action.cost, trial.unit[could])


def _why(policies: PolicyValue, agreeing: str) -> str:
    lead = policies.lead
    said = f"uplift x value earns {lead.mean:+.2f} [{lead.low:+.2f}, {lead.high:+.2f}] per hundred customers against risk x value"
    if policies.is_better:
        return f"measured, and used: {said}, above nothing in {lead.above:.0%} of resamples."
    return f"measured, and not used: {said}, above nothing in {lead.above:.0%} of resamples; they stay assumed.{agreeing}"


def _agreeing(action: Action, measured: Interval, expected: float) -> str:
    """Which save rate the measured mean effect stands for, where the interval leaves the assumed one out."""
    if measured.low <= expected <= measured.high:
        return ""
    rate = action.save_rate * max(measured.mean, 0.0) / expected if expected > 0 else 0.0
    points = f"{100 * measured.mean:+.1f} [{100 * measured.low:+.1f}, {100 * measured.high:+.1f}] points of staying"
    return f" Measured on average: {points}, assumed {100 * expected:+.1f}; save_rate = {rate:.3f} would agree."
