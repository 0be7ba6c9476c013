"""The effect of each action by customer, learned where past contacts had a control group and used only where it earns more."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from features.frames.arrays import Array, BoolArray
from models.churn.protocol import ChurnModel
from models.errors import TooLittleDataError
from models.threads import map_in_threads
from models.trees.boosting import INPUTS
from models.uplift.assumed_effect import assumed_reduction
from models.uplift.crossfit import CrossFittedEffects, cross_fit, fit_learners
from models.uplift.curves import Interval, Measure, bootstrap_interval, qini, uplift_at
from models.uplift.experiment import Experiment
from models.uplift.learners import Uplift
from models.uplift.policies import RISK, RISK_VALUE, UPLIFT, UPLIFT_VALUE, PolicyValue, policy_value
from settings.sections import Action
from training.data.experiments import SAVED, ExperimentQuery, experiments
from training.data.progress import Progress

TOP_SHARE = 0.2


@dataclass(frozen=True)
class Response:
    """The measured response to an action, evaluated on customers that each learner had not seen.

    `qini` and `top` (the mean effect on the fifth with the highest score) are by learner, over all `rows`. `effect` is the mean
    effect of one contact on customers who could be listed, `assumed` the effect from the configured save rates. `contacts` is
    the number of contacts per treated customer in the window. Where the interval of `effect` excludes `assumed`, `agreeing` is
    the factor by which to multiply the save rates. `model` is None where it is not used; `why` has the reason.
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
        """Return the response as data, without the model."""
        figures = asdict(replace(self, model=None))
        return {name: figures[name] for name in figures if name != "model"} | {"used": self.policies.is_better}


def champion_effects(responses: list[Response]) -> dict[str, Any]:
    """Return the fields of a champion that come from the responses."""
    models = {response.action: response.model for response in responses if response.model is not None}
    return {"uplift": models, "responses": tuple(response.figures() for response in responses)}


def measure_responses(
    query: ExperimentQuery, churn: ChurnModel, at_risk_from: float, progress: Progress
) -> tuple[list[Response], list[str]]:
    """Return the response to each configured action with an experiment, and a note on each result and each missing one.

    `churn` is the model that scores customers: an effect model that is used is rescaled to its risks. Existing customers are at
    risk from a p_churn of `at_risk_from`.
    """
    actions: dict[str, list[Action]] = {}
    for action in query.settings.targeting.actions:
        actions.setdefault(action.contacts_name, []).append(action)
    responses, notes = [], []
    for name, experiment in (experiments(query, progress) if actions else {}).items():
        if name not in actions:
            notes.append(f"Contacts of {name} had a control group, but no action uses them: name it in the action's measured_by.")
            continue
        if isinstance(experiment, TooLittleDataError):
            notes.append(f"Effects of {name} stay assumed. {experiment}")
            continue
        response = measure_response(actions[name], experiment, at_risk_from)
        if response.policies.is_better:
            response = replace(response, model=fit_effect_model(response, experiment, churn))
        responses.append(response)
    return responses, [*notes, *(f"Effects of {response.action}: {response.why}{_advice(response)}" for response in responses)]


def measure_response(actions: Sequence[Action], experiment: Experiment, at_risk_from: float) -> Response:
    """Return the response of an experiment to the actions it measures, without a model."""
    effects = cross_fit(experiment, INPUTS)
    ranks = {name: effects.rank_within_folds(effect) for name, effect in effects.effects.items()}
    measured = map_in_threads(
        lambda pair: _measure(experiment, *pair),
        [(rank, curve) for rank in ranks.values() for curve in (qini, uplift_at(TOP_SHARE))],
    )
    qinis, top = dict(zip(ranks, measured[::2], strict=True)), dict(zip(ranks, measured[1::2], strict=True))
    best = max(qinis, key=lambda name: qinis[name].mean)
    listable, contacts = _listable(experiment, at_risk_from), _contacts_per_treated(experiment)
    assumed = _assumed_effects(actions, experiment, at_risk_from)
    policies = _policies(experiment, effects, best, listable, assumed, contacts * actions[0].cost)
    effect_of_one = effects.retention_effect[listable] / contacts
    effect = bootstrap_interval(experiment.unit[listable], lambda rows: float(effect_of_one[rows].mean()))
    mean_assumed = float(assumed[listable].mean())
    return Response(
        action=actions[0].contacts_name,
        rows=len(experiment),
        contacts=contacts,
        effect=effect,
        assumed=mean_assumed,
        learner=best,
        qini=qinis,
        top=top,
        policies=policies,
        why=_reason(policies),
        agreeing=_matching_factor(effect, mean_assumed),
    )


def fit_effect_model(response: Response, experiment: Experiment, churn: ChurnModel) -> Uplift:
    """Return the best learner, fitted on the whole experiment, for the effect of one contact and the risks of `churn`."""
    model = replace(fit_learners(experiment, INPUTS, (response.learner,))[response.learner], contacts=response.contacts)
    return model.rescaled_for(experiment.risk, churn.p_churn(experiment.frame).to_numpy())


def _contacts_per_treated(experiment: Experiment) -> float:
    """Return the contacts in the window per treated customer, less those of customers held out; at least one."""
    contacts = experiment.frame["contacts_in_window"].cast(pl.Float64).to_numpy()
    odds, control = experiment.propensity / (1 - experiment.propensity), ~experiment.treated
    baseline = np.average(contacts[control], weights=odds[control])
    return max(float(contacts[experiment.treated].mean() - baseline), 1.0)


def _measure(experiment: Experiment, score: Array, measure: Measure) -> Interval:
    return bootstrap_interval(
        experiment.unit,
        lambda rows: measure(score[rows], experiment.stayed[rows], experiment.treated[rows], experiment.propensity[rows]),
    )


def _listable(experiment: Experiment, at_risk_from: float) -> BoolArray:
    """Flag former customers and those at risk, from whom targeting chooses; all rows where these are fewer than a tenth."""
    at_risk = experiment.risk >= at_risk_from
    listable = (experiment.frame["status"] == "former").to_numpy() | at_risk
    everyone = np.ones(len(experiment), dtype=bool)
    return np.asarray(listable if listable.sum() >= len(experiment) / 10 else everyone)


def _assumed_effects(actions: Sequence[Action], experiment: Experiment, at_risk_from: float) -> Array:
    """Return the assumed effect on each row, of the action for its kind of customer; of the first action where none fits."""
    p = pl.Series("p", experiment.risk)
    kind = (
        pl.when(pl.col("status") == "former").then(pl.lit("win_back")).when(pl.lit(p) >= at_risk_from).then(pl.lit("retention"))
    )
    by_kind = (pl.when(kind == action.kind).then(assumed_reduction(action, pl.lit(p))) for action in actions)
    effect = pl.coalesce(*by_kind, assumed_reduction(actions[0], pl.lit(p))).alias("p")
    return experiment.frame.select(effect).to_series().to_numpy()


def _policies(
    experiment: Experiment, effects: CrossFittedEffects, learner: str, listable: BoolArray, assumed: Array, cost: float
) -> PolicyValue:
    """Return the value of each policy; risk x value ranks by the assumed effect, which is used without an effect model."""
    effect, saved = effects.effects[learner], experiment.frame[SAVED].cast(pl.Float64).to_numpy()
    by_risk = (assumed if assumed.any() else experiment.risk) * saved
    scores = {RISK: experiment.risk, RISK_VALUE: by_risk, UPLIFT: effect, UPLIFT_VALUE: effect * saved}
    ranks = {name: effects.rank_within_folds(score, listable) for name, score in scores.items()}
    return policy_value(ranks, effects.margin_effect[listable], cost, experiment.unit[listable])


def _reason(policies: PolicyValue) -> str:
    lead = policies.lead
    evidence = (
        f"uplift x value earns {lead.mean:+z.2f} [{lead.low:+z.2f}, {lead.high:+z.2f}] per hundred customers against "
        f"risk x value, and more than it in {lead.above:z.0%} of resamples"
    )
    return (
        f"measured, and used: {evidence}."
        if policies.is_better
        else f"measured, and not used: {evidence}; the effects stay assumed."
    )


def _matching_factor(measured: Interval, assumed: float) -> float | None:
    """Return measured over assumed effect where the interval excludes the assumed one; 0 without a gain, None otherwise."""
    if assumed <= 0 or measured.low <= assumed <= measured.high:
        return None
    return max(measured.mean / assumed, 0.0)


def _advice(response: Response) -> str:
    if response.agreeing is None or response.policies.is_better:
        return ""
    mean, low, high = (100 * value for value in (response.effect.mean, response.effect.low, response.effect.high))
    match = f"Multiply them by {response.agreeing:.2g} to match." if response.agreeing > 0 else "No save rate matches that."
    return (
        f" Measured effect of one contact: {mean:+z.1f} [{low:+z.1f}, {high:+z.1f}] points of retention; "
        f"save rates assume {100 * response.assumed:+z.1f}. {match}"
    )
