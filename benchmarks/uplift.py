"""Who responds to an e-mail: Qini and policy value on the Hillstrom experiment, on customers nothing was learned from.

    python -m benchmarks.uplift ../shared/data/hillstrom.parquet

31,833 customers in three arms at random: no e-mail, one about men's, one about women's goods. Each e-mail is set against none.
Half of the customers are learned from, the other half judged on.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from models.log_odds import Array
from models.trees.boosting import predicted
from models.uplift.crossfit import learned
from models.uplift.curves import Interval, qini, resampled, uplift_at
from models.uplift.experiment import Experiment
from models.uplift.learners import LEARNERS, arm_model, pseudo_outcomes, unseen_arms
from models.uplift.policies import RISK, RISK_VALUE, UPLIFT, UPLIFT_VALUE, policy_value

MARGIN, COST = 0.5, 0.10  # of a dollar of spend, and of an e-mail: assumed
NONE, ARMS = "No E-Mail", ("Mens E-Mail", "Womens E-Mail")
INPUTS = ("recency", "history", "mens", "womens", "newbie", "urban", "rural", "phone", "web")


def read(path: Path) -> pl.DataFrame:
    """Return the experiment with numbers for words."""
    words = {
        "urban": ("zip_code", "Urban"),
        "rural": ("zip_code", "Rural"),
        "phone": ("channel", "Phone"),
        "web": ("channel", "Web"),
    }
    flags = [(pl.col(column) == word).cast(pl.Float64).alias(name) for name, (column, word) in words.items()]
    return pl.read_parquet(path).with_columns(flags)


def trial_of(rows: pl.DataFrame, arm: str, outcome: str) -> Experiment:
    """Return one e-mail against none; `outcome` is visit or conversion."""
    both = rows.filter(pl.col("segment").is_in([arm, NONE]))
    treated = (both["segment"] == arm).to_numpy()
    share = np.full(both.height, 0.5)
    money = MARGIN * both["spend"].to_numpy()
    return Experiment(both, np.arange(both.height), treated, share, share, both[outcome].cast(pl.Float64).to_numpy(), money)


def with_risks(seen: Experiment, unseen: Experiment) -> tuple[Experiment, Experiment]:
    """Return both with the risk of no visit without an e-mail: a plain model of those seen without one, cross-fitted on them."""
    visits = arm_model(seen, seen.stayed, ~seen.treated, INPUTS)
    risks = 1 - unseen_arms(seen, seen.stayed, INPUTS)[1], 1 - predicted(visits, unseen.frame, INPUTS)
    first, second = (np.clip(each, 0.0, 1.0) for each in risks)
    return replace(seen, risk=first), replace(unseen, risk=second)


def worth_of_a_visit(seen: Experiment, unseen: Experiment) -> Array:
    """Return what a visit without an e-mail brings: a plain model of those seen without one."""
    money = arm_model(seen, seen.money, ~seen.treated, INPUTS)
    worth: Array = np.maximum(predicted(money, unseen.frame, INPUTS), 0) / np.maximum(1 - unseen.risk, 0.01)
    return worth


def told(found: Interval, scale: float = 1.0) -> str:
    """Write an interval."""
    return f"{scale * found.mean:+.3f} [{scale * found.low:+.3f}, {scale * found.high:+.3f}]"


def judge(rows: pl.DataFrame, arm: str) -> None:
    """Print everything about one e-mail."""
    whole = trial_of(rows, arm, "visit")
    half = np.random.default_rng(2).random(len(whole)) < 0.5
    seen, unseen = with_risks(whole.only(half), whole.only(~half))
    print(f"\n{arm} against none: learned from {len(seen):,}, judged on {len(unseen):,} customers")
    print("| learner | Qini x 100 | uplift of visits at 10 % | at 30 % |\n|---|---|---|---|")
    effects = {name: model.effect(unseen.frame, unseen.risk) for name, model in learned(seen, INPUTS).items()}
    for name in LEARNERS:
        at = f"{_at(unseen, effects[name], 0.1)} | {_at(unseen, effects[name], 0.3)}"
        print(f"| {name} | {_measured(unseen, effects[name], qini, 100)} | {at} |")
    luck = np.random.default_rng(3).random(len(unseen))
    print(f"| by chance | {_measured(unseen, luck, qini, 100)} | {_at(unseen, luck, 0.1)} | {_at(unseen, luck, 0.3)} |")
    risk, worth = unseen.risk, worth_of_a_visit(seen, unseen)
    money = pseudo_outcomes(unseen, unseen.money, *unseen_arms(unseen, unseen.money, INPUTS))
    print(
        f"Profit in dollars per hundred customers (margin {MARGIN:.0%}, {COST:.2f} an e-mail), mean of 10, 20 and 30 % treated:"
    )
    for name, effect in effects.items():
        scores = {RISK: risk, RISK_VALUE: risk * worth, UPLIFT: effect, UPLIFT_VALUE: effect * worth}
        found = policy_value(scores, money, COST, unseen.unit)
        values = "; ".join(f"{policy} {told(each)}" for policy, each in found.values.items())
        print(f"  {name}: {values}; lead over risk x value {told(found.lead)}, above 0 in {found.lead.above:.0%}")


def _measured(trial: Experiment, score: Array, measure: object, scale: float = 1.0) -> str:
    return told(
        resampled(trial.unit, lambda rows: measure(score[rows], trial.stayed[rows], trial.treated[rows], trial.propensity[rows])),  # type: ignore[operator]
        scale,
    )


def _at(trial: Experiment, score: Array, share: float) -> str:
    return _measured(trial, score, uplift_at(share))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.uplift", description=__doc__)
    parser.add_argument("experiment", type=Path)
    path = parser.parse_args().experiment
    if not path.exists():
        print(f"skipped: {path} is not on this machine")
        return
    rows = read(path)
    for arm in ARMS:
        judge(rows, arm)


if __name__ == "__main__":
    main()
