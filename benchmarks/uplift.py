"""Who responds to an e-mail? Qini and policy value on the Hillstrom experiment, evaluated on customers kept out of training.

    python -m benchmarks.uplift ../shared/data/hillstrom.parquet

31,833 customers were assigned at random to three arms: no e-mail, one about men's goods, one about women's. Each e-mail is
compared with none. Half of the customers are for training, the other half for evaluation.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from features.frames.arrays import Array
from models.trees.boosting import predict
from models.uplift.crossfit import fit_learners
from models.uplift.curves import Interval, Measure, bootstrap_interval, qini, uplift_at
from models.uplift.experiment import Experiment
from models.uplift.learners import LEARNERS, cross_fit_arms, fit_arm_model, pseudo_outcomes
from models.uplift.policies import RISK, RISK_VALUE, UPLIFT, UPLIFT_VALUE, policy_value

MARGIN, COST = 0.5, 0.10  # share of spend, and dollars per e-mail: both assumed
NO_EMAIL, EMAILS = "No E-Mail", ("Mens E-Mail", "Womens E-Mail")
INPUTS = ("recency", "history", "mens", "womens", "newbie", "urban", "rural", "phone", "web")


def read_experiment(path: Path) -> pl.DataFrame:
    """Return the customers with the categories as 0/1 columns."""
    categories = {
        "urban": ("zip_code", "Urban"),
        "rural": ("zip_code", "Rural"),
        "phone": ("channel", "Phone"),
        "web": ("channel", "Web"),
    }
    flags = [(pl.col(column) == value).cast(pl.Float64).alias(name) for name, (column, value) in categories.items()]
    return pl.read_parquet(path).with_columns(flags)


def build_experiment(rows: pl.DataFrame, email: str, outcome: str) -> Experiment:
    """Return one e-mail against none; `outcome` is visit or conversion."""
    arms = rows.filter(pl.col("segment").is_in([email, NO_EMAIL]))
    half = np.full(arms.height, 0.5)
    return Experiment(
        frame=arms,
        unit=np.arange(arms.height),
        treated=(arms["segment"] == email).to_numpy(),
        propensity=half,
        risk=half,
        stayed=arms[outcome].cast(pl.Float64).to_numpy(),
        margin=MARGIN * arms["spend"].to_numpy(),
    )


def predict_risks(training: Experiment, test: Experiment) -> tuple[Experiment, Experiment]:
    """Return both with the risk of no visit without an e-mail, by trees on the training customers without one.

    On the training customers the risks are cross-fitted.
    """
    visits = fit_arm_model(training, training.stayed, ~training.treated, INPUTS)
    training_risk = 1 - cross_fit_arms(training, training.stayed, INPUTS)[1]
    test_risk = 1 - predict(visits, test.frame, INPUTS)
    return replace(training, risk=np.clip(training_risk, 0.0, 1.0)), replace(test, risk=np.clip(test_risk, 0.0, 1.0))


def predict_visit_value(training: Experiment, test: Experiment) -> Array:
    """Return the expected margin of a visit without an e-mail, by trees on the training customers without one."""
    margin = fit_arm_model(training, training.margin, ~training.treated, INPUTS)
    value: Array = np.maximum(predict(margin, test.frame, INPUTS), 0) / np.maximum(1 - test.risk, 0.01)
    return value


def format_interval(interval: Interval, scale: float = 1.0) -> str:
    """Return an interval as text."""
    return f"{scale * interval.mean:+.3f} [{scale * interval.low:+.3f}, {scale * interval.high:+.3f}]"


def print_results(rows: pl.DataFrame, email: str) -> None:
    """Print the ranking metrics and the policy values of one e-mail."""
    experiment = build_experiment(rows, email, "visit")
    half = np.random.default_rng(2).random(len(experiment)) < 0.5
    training, test = predict_risks(experiment.subset(half), experiment.subset(~half))
    print(f"\n{email} against none: trained on {len(training):,}, evaluated on {len(test):,} customers")
    effects = {name: model.effect(test.frame, test.risk) for name, model in fit_learners(training, INPUTS).items()}
    _print_rankings(test, effects)
    visit_value = predict_visit_value(training, test)
    margin_effect = pseudo_outcomes(test, test.margin, *cross_fit_arms(test, test.margin, INPUTS))
    print(
        f"Profit in dollars per hundred customers (margin {MARGIN:.0%}, {COST:.2f} an e-mail), mean of 10, 20 and 30 % treated:"
    )
    for name, effect in effects.items():
        scores = {RISK: test.risk, RISK_VALUE: test.risk * visit_value, UPLIFT: effect, UPLIFT_VALUE: effect * visit_value}
        policies = policy_value(scores, margin_effect, COST, test.unit)
        values = "; ".join(f"{policy} {format_interval(value)}" for policy, value in policies.values.items())
        lead = f"lead over risk x value {format_interval(policies.lead)}, above 0 in {policies.lead.above:.0%} of resamples"
        print(f"  {name}: {values}; {lead}")


def _print_rankings(test: Experiment, effects: dict[str, Array]) -> None:
    print("| learner | Qini x 100 | uplift of visits at 10 % | at 30 % |\n|---|---|---|---|")
    scores = {name: effects[name] for name in LEARNERS} | {"random": np.random.default_rng(3).random(len(test))}
    for name, score in scores.items():
        uplifts = " | ".join(_measure(test, score, uplift_at(share)) for share in (0.1, 0.3))
        print(f"| {name} | {_measure(test, score, qini, 100)} | {uplifts} |")


def _measure(test: Experiment, score: Array, measure: Measure, scale: float = 1.0) -> str:
    interval = bootstrap_interval(
        test.unit, lambda rows: measure(score[rows], test.stayed[rows], test.treated[rows], test.propensity[rows])
    )
    return format_interval(interval, scale)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.uplift", description=__doc__)
    parser.add_argument("experiment", type=Path)
    path = parser.parse_args().experiment
    if not path.exists():
        print(f"skipped: {path} does not exist")
        return
    rows = read_experiment(path)
    for email in EMAILS:
        print_results(rows, email)


if __name__ == "__main__":
    main()
