"""How many customers are worth learning from: log-loss and deviance on customers never learned from, by how many were.

A simulated shop; windows of all its customers, of whom one part is judged and growing parts of the others are learned from.
Run: python -m benchmarks.learning_curve
"""

import argparse
import time
from dataclasses import replace

import numpy as np
import polars as pl

from benchmarks.holdouts import silent
from features.frames.encoded import encode_tables
from features.tables.schema import Tables
from holdfast.demo.simulated.shop import simulate
from models.churn.hybrid import HybridCandidate
from models.snapshot import Snapshot
from models.trees import training as learning
from models.value.hybrid import HybridValueCandidate
from settings.sections import Loyalty
from training.data.snapshots import build_snapshots
from training.metrics import auc, log_loss, tweedie_deviance

HORIZON, ACTIVE, JUDGED = 90, 365, 5


def _of(snapshots: list[Snapshot], share: float) -> list[Snapshot]:
    luck = pl.col("customer_id").hash(seed=3) / 2.0**64
    return [replace(each, frame=each.frame.filter(luck < share)) for each in snapshots]


def main(customers: int, weeks: int) -> None:
    """Print a row per number of customers."""
    learning.MAX_ROWS = 10**9
    shop = simulate(customers, weeks, seed=17)
    tables = Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})
    snapshots = build_snapshots(tables, encode_tables(tables), shop.as_of, HORIZON, ACTIVE, Loyalty(), silent)
    judged = pl.col("customer_id").hash(seed=5) % JUDGED == 0
    newest = snapshots[-1].frame.filter(judged)
    closed = [replace(s, frame=s.frame.filter(~judged)) for s in snapshots if s.closed_on <= snapshots[-1].as_of]
    churned, spend = newest["churned"].to_numpy().astype(np.float64), newest["next_spend"].clip(lower_bound=0.0).to_numpy()
    print(f"{newest.height:,} customers judged as of {snapshots[-1].as_of}, {len(closed)} windows to learn from\n")
    print("| customers | rows | log-loss | AUC | deviance of value | seconds |\n|---|---|---|---|---|---|")
    for share in (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0):
        part, start = _of(closed, share), time.perf_counter()
        churn, value = HybridCandidate().fit(part, newest), HybridValueCandidate().fit(part, newest)
        took, p = time.perf_counter() - start, churn.p_churn(newest).to_numpy()
        rows = sum(each.frame.height for each in part)
        deviance = tweedie_deviance(spend, value.expected(newest).to_numpy())
        shown = f"{log_loss(churned, p):.4f} | {auc(churned, p):.4f} | {deviance:.3f}"
        print(f"| {part[-1].frame.height:,} | {rows:,} | {shown} | {took:.0f} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning_curve", description=__doc__)
    parser.add_argument("--customers", type=int, default=60_000)
    parser.add_argument("--weeks", type=int, default=130)
    arguments = parser.parse_args()
    main(arguments.customers, arguments.weeks)
