"""How long training takes and how much memory, on a large made-up log.

Run: python -m benchmarks.training [--lines 10000000] [--curve]

Twenty lines per customer over three years: ten million lines are 500,000 customers. Measured is `train` as a process of its own,
reading and checking the tables included. `--curve` shows instead what more customers teach: the hybrid learns from parts of a
simulated shop of 40,000, and is judged on 10,000 others in the newest window.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import polars as pl

from benchmarks.features.log import AS_OF, LINES_PER_CUSTOMER, write_log
from features.history import history
from features.partition import part_of
from features.tables.schema import Tables
from holdfast.demo.simulated.shop import simulate
from models import boosting
from models.hybrid_value import HybridValueCandidate
from settings.sections import Loyalty
from training.metrics import churn_metrics, value_metrics
from training.snapshots import build_snapshots

KIB_PER_GIB = 2**20
CONFIG = '[tables]\ntransactions = "transactions/*.parquet"\ncomplaints = "complaints/*.parquet"\n'


def main(lines: int) -> None:
    """Write a log, train on it, and print seconds and the highest memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_log(lines, folder, wide=False)
        (folder / "holdfast.toml").write_text(CONFIG, encoding="utf-8")
        started = time.perf_counter()
        command = [sys.executable, "-m", "holdfast", "train", "--config", str(folder / "holdfast.toml"), "--as-of", str(AS_OF)]
        subprocess.run(command, check=True)
        seconds = time.perf_counter() - started
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / KIB_PER_GIB
        print(f"{lines:,} lines of {lines // LINES_PER_CUSTOMER:,} customers: trained in {seconds:.0f} s, {memory:.1f} GiB")


def curve() -> None:
    """Print log-loss, AUC and deviance by how many customers were learned from."""
    boosting.MOST_ROWS = 10_000_000
    shop = simulate(50_000, 156, seed=3)
    tables = Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})
    past = history(tables)
    snapshots = build_snapshots(tables, past, shop.as_of, 91, 365, Loyalty(), lambda *_: None)
    newest = snapshots[-1]
    closed = [each for each in snapshots if each.closed_on <= newest.as_of]
    asked = newest.frame.filter(part_of(5) == 0)
    churned, spend = asked["churned"].cast(pl.Float64).to_numpy(), asked["next_spend"].to_numpy()
    print("| customers learned from | rows | log-loss | AUC | Tweedie deviance | Gini |\n|---|---|---|---|---|---|")
    for of in (128, 64, 32, 16, 8, 4, 2, 1):
        kept = (part_of(5) != 0) & (pl.col("customer_id").hash(seed=99) % of == 0)
        some = [replace(each, frame=each.frame.filter(kept)) for each in closed]
        rows = sum(each.frame.height for each in some)
        value = HybridValueCandidate().fit(some)
        c, v = (
            churn_metrics(churned, value.churn.p_churn(asked).to_numpy()),
            value_metrics(spend, value.expected(asked).to_numpy()),
        )
        shown = f"{c['log_loss']:.4f} | {c['auc']:.4f} | {v['tweedie_deviance']:.3f} | {v['gini']:.4f}"
        print(f"| {some[-1].frame.height:,} | {rows:,} | {shown} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--curve", action="store_true")
    arguments = parser.parse_args()
    if arguments.curve:
        curve()
    else:
        main(arguments.lines)
