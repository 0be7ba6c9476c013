"""How many customers are worth training on: log-loss and deviance on other customers, by the number in training.

A simulated shop: a fifth of the customers is kept for evaluation, and growing parts of the others are for training.
Run: python -m benchmarks.learning_curve
"""

import argparse
import time
from dataclasses import replace

import numpy as np
import polars as pl

from benchmarks.holdouts import no_progress
from features.frames.encoded import encode_tables
from features.tables.schema import Tables
from holdfast.demo.simulated.shop import simulate
from models.churn.hybrid import HybridCandidate
from models.snapshot import Snapshot
from models.trees import training as tree_training
from models.trees.booster_cache import BoosterCache
from models.value.hybrid import HybridValueCandidate
from settings.sections import Loyalty
from training.data.snapshots import build_snapshots
from training.metrics import auc, log_loss, tweedie_deviance

HORIZON_DAYS, ACTIVE_DAYS, TEST_ONE_IN = 90, 365, 5


def _sample_customers(snapshots: list[Snapshot], share: float) -> list[Snapshot]:
    uniform = pl.col("customer_id").hash(seed=3) / 2.0**64
    return [replace(snapshot, frame=snapshot.frame.filter(uniform < share)) for snapshot in snapshots]


def _simulate_snapshots(customers: int, weeks: int) -> list[Snapshot]:
    shop = simulate(customers, weeks, seed=17)
    tables = Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})
    return build_snapshots(
        tables,
        encode_tables(tables),
        shop.as_of,
        horizon_days=HORIZON_DAYS,
        active_days=ACTIVE_DAYS,
        loyalty=Loyalty(),
        progress=no_progress,
    )


def main(customers: int, weeks: int) -> None:
    """Print one row per number of customers."""
    tree_training.MAX_ROWS = 10**9
    snapshots = _simulate_snapshots(customers, weeks)
    is_test = pl.col("customer_id").hash(seed=5) % TEST_ONE_IN == 0
    test = snapshots[-1].frame.filter(is_test)
    closed = [replace(s, frame=s.frame.filter(~is_test)) for s in snapshots if s.closed_on <= snapshots[-1].as_of]
    churned, spend = test["churned"].to_numpy().astype(np.float64), test["next_spend"].clip(lower_bound=0.0).to_numpy()
    print(f"{test.height:,} test customers as of {snapshots[-1].as_of}, {len(closed)} training windows\n")
    print("| customers | rows | log-loss | AUC | deviance of value | seconds |\n|---|---|---|---|---|---|")
    for share in (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0):
        training, boosters, started = _sample_customers(closed, share), BoosterCache(), time.perf_counter()
        churn = HybridCandidate(boosters=boosters).fit(training, test)
        value = HybridValueCandidate(boosters=boosters).fit(training, test)
        seconds, p = time.perf_counter() - started, churn.p_churn(test).to_numpy()
        rows = sum(snapshot.frame.height for snapshot in training)
        deviance = tweedie_deviance(spend, value.expected(test).to_numpy())
        metrics = f"{log_loss(churned, p):.4f} | {auc(churned, p):.4f} | {deviance:.3f}"
        print(f"| {training[-1].frame.height:,} | {rows:,} | {metrics} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning_curve", description=__doc__)
    parser.add_argument("--customers", type=int, default=60_000)
    parser.add_argument("--weeks", type=int, default=130)
    arguments = parser.parse_args()
    main(arguments.customers, arguments.weeks)
