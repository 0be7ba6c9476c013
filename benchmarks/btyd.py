"""How long the order models take to fit and to predict, and how much memory, against `lifetimes` in the same run.

Run: python -m benchmarks.btyd [--customers 1000000] [--model BGNBD] [--repeats 3] [--without-lifetimes]

Every measurement is a process of its own, so that its highest memory is its own. Histories are in whole days: three years
of customers who joined on any day of them. lifetimes runs once.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from models.btyd.bgnbd import BGNBD
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.mbgnbd import MBGNBD
from models.btyd.order_model import OrderModel
from models.btyd.paretonbd import ParetoNBD
from models.btyd.simulation import simulate

TRUTHS: dict[str, OrderModel] = {
    "BGNBD": BGNBD(0.6, 60.0, 0.5, 2.5),
    "MBGNBD": MBGNBD(0.6, 60.0, 0.5, 2.5),
    "ParetoNBD": ParetoNBD(0.6, 60.0, 0.6, 200.0),
}
SPEND = GammaGamma(6.0, 4.0, 60.0)
DAYS, HORIZON, YEAR = 1_095, 90.0, 365.0
KIB_PER_GIB = 2**20


def drawn(customers: int) -> pl.DataFrame:
    """Return frequency, recency and T in whole days of customers drawn from a BG/NBD, and some average spend."""
    rng = np.random.default_rng(1)
    observed = pl.DataFrame({"T": rng.integers(1, DAYS + 1, customers), "monetary_value": rng.gamma(5.0, 8.0, customers)})
    return simulate(TRUTHS["BGNBD"], observed, 0.0, rng).drop("later_orders").with_columns(pl.col("recency").ceil())


def fit(model: str, folder: Path) -> None:
    """Fit our own engine, and keep the model for the predictions."""
    found = type(TRUTHS[model])().fit(pl.read_parquet(folder / "histories.parquet"))
    (folder / f"{model}.json").write_text(json.dumps(found.to_json()), encoding="utf-8")


def fit_lifetimes(model: str, folder: Path) -> None:
    """Fit by `lifetimes`, as its documentation does."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifetimes on pandas 3
        import lifetimes

        rows = pl.read_parquet(folder / "histories.parquet").to_pandas()
        getattr(lifetimes, type(TRUTHS[model]).LIFETIMES)().fit(rows["frequency"], rows["recency"], rows["T"])


def predict(model: str, folder: Path) -> None:
    """P(no order) and expected orders of every customer, over 90 days, and their value discounted over a year."""
    found = type(TRUTHS[model]).from_json(json.loads((folder / f"{model}.json").read_text(encoding="utf-8")))
    frame = pl.read_parquet(folder / "histories.parquet")
    found.p_no_order(frame, HORIZON)
    found.expected_orders(frame, HORIZON)
    value = found.discounted_orders(frame, YEAR, math.log(1.1) / YEAR) * SPEND.expected_spend(frame)
    print(f"total value {value.sum():,.0f}", file=sys.stderr)


WORK: dict[str, Callable[[str, Path], None]] = {"fit": fit, "lifetimes": fit_lifetimes, "predict": predict}


def measured(work: str, model: str, folder: Path) -> tuple[float, float]:
    """Run one piece of work in a process of its own; return seconds and GiB."""
    command = [sys.executable, "-m", "benchmarks.btyd", "--measure", work, "--model", model, "--folder", str(folder)]
    seconds, memory = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return seconds, memory


def compare(customers: int, models: list[str], repeats: int, *, with_lifetimes: bool) -> None:
    """Print a table: seconds to fit by either engine and their ratio, seconds to predict, highest memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn(customers).write_parquet(folder / "histories.parquet")
        print(f"{customers:,} customers; shortest of {repeats}, lifetimes once")
        print("| model | fit, s | lifetimes, s | ratio | predict, s | highest memory, GiB |\n|---|---|---|---|---|---|")
        for model in models:
            fits = [measured("fit", model, folder) for _ in range(repeats)]
            theirs = measured("lifetimes", model, folder)[0] if with_lifetimes else float("nan")
            predictions = [measured("predict", model, folder) for _ in range(repeats)]
            ours, memory = min(fits)[0], max(gib for _, gib in fits + predictions)
            print(f"| {model} | {ours:.2f} | {theirs:.1f} | {theirs / ours:.0f} x | {min(predictions)[0]:.2f} | {memory:.2f} |")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.btyd", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--model", choices=list(TRUTHS), action="append")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--without-lifetimes", action="store_true")
    parser.add_argument("--measure", choices=list(WORK), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    models = arguments.model or list(TRUTHS)
    if arguments.measure:
        started = time.perf_counter()
        WORK[arguments.measure](models[0], arguments.folder)
        seconds = time.perf_counter() - started
        print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_GIB]))
    else:
        compare(arguments.customers, models, arguments.repeats, with_lifetimes=not arguments.without_lifetimes)


if __name__ == "__main__":
    main()
