"""Measure how long the order models take to fit and predict, and their peak memory, against `lifetimes` in the same run.

Run: python -m benchmarks.btyd [--customers 1000000] [--model BGNBD] [--repeats 3] [--without-lifetimes]

Each measurement runs in its own process, so that its peak memory is its own. Histories are in whole days: three years of
customers who joined on any day of them. lifetimes runs once.
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
from models.btyd.simulation import simulate_orders

TRUTHS: dict[str, OrderModel] = {
    "BGNBD": BGNBD(r=0.6, alpha=60.0, a=0.5, b=2.5),
    "MBGNBD": MBGNBD(r=0.6, alpha=60.0, a=0.5, b=2.5),
    "ParetoNBD": ParetoNBD(r=0.6, alpha=60.0, s=0.6, beta=200.0),
}
SPEND = GammaGamma(p=6.0, q=4.0, gamma=60.0)
LOG_DAYS, HORIZON_DAYS, YEAR_DAYS = 1_095, 90.0, 365.0
KIB_PER_GIB = 2**20


def simulate_histories(customers: int) -> pl.DataFrame:
    """Return frequency, recency and T in whole days of customers of a BG/NBD, and a random mean spend."""
    rng = np.random.default_rng(1)
    ages = pl.DataFrame({"T": rng.integers(1, LOG_DAYS + 1, customers), "monetary_value": rng.gamma(5.0, 8.0, customers)})
    return simulate_orders(TRUTHS["BGNBD"], ages, 0.0, rng).drop("later_orders").with_columns(pl.col("recency").ceil())


def fit(model: str, folder: Path) -> None:
    """Fit by our own engine, and save the model for the predictions."""
    fitted = type(TRUTHS[model])().fit(pl.read_parquet(folder / "histories.parquet"))
    (folder / f"{model}.json").write_text(json.dumps(fitted.to_json()), encoding="utf-8")


def fit_lifetimes(model: str, folder: Path) -> None:
    """Fit by `lifetimes`, as in its documentation."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifetimes on pandas 3
        import lifetimes

        rows = pl.read_parquet(folder / "histories.parquet").to_pandas()
        getattr(lifetimes, type(TRUTHS[model]).LIFETIMES_FITTER)().fit(rows["frequency"], rows["recency"], rows["T"])


def predict(model: str, folder: Path) -> None:
    """Predict P(no order) and expected orders of every customer over 90 days, and the value discounted over a year."""
    fitted = type(TRUTHS[model]).from_json(json.loads((folder / f"{model}.json").read_text(encoding="utf-8")))
    frame = pl.read_parquet(folder / "histories.parquet")
    fitted.p_no_order(frame, HORIZON_DAYS)
    fitted.expected_orders(frame, HORIZON_DAYS)
    value = fitted.discounted_orders(frame, YEAR_DAYS, math.log(1.1) / YEAR_DAYS) * SPEND.expected_spend(frame)
    print(f"total value {value.sum():,.0f}", file=sys.stderr)


TASKS: dict[str, Callable[[str, Path], None]] = {"fit": fit, "lifetimes": fit_lifetimes, "predict": predict}


def measure(task: str, model: str, folder: Path) -> tuple[float, float]:
    """Run one task in its own process; return seconds and peak memory in GiB."""
    command = [sys.executable, "-m", "benchmarks.btyd", "--measure", task, "--model", model, "--folder", str(folder)]
    seconds, memory = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return seconds, memory


def compare(customers: int, models: list[str], repeats: int, *, with_lifetimes: bool) -> None:
    """Print a table: seconds to fit by either engine and their ratio, seconds to predict, peak memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate_histories(customers).write_parquet(folder / "histories.parquet")
        print(f"{customers:,} customers; shortest of {repeats} runs, lifetimes once")
        print("| model | fit, s | lifetimes, s | ratio | predict, s | peak memory, GiB |\n|---|---|---|---|---|---|")
        for model in models:
            fits = [measure("fit", model, folder) for _ in range(repeats)]
            lifetimes_seconds = measure("lifetimes", model, folder)[0] if with_lifetimes else float("nan")
            predictions = [measure("predict", model, folder) for _ in range(repeats)]
            fit_seconds, memory = min(fits)[0], max(gib for _, gib in fits + predictions)
            ratio = lifetimes_seconds / fit_seconds
            fit_columns = f"{fit_seconds:.2f} | {lifetimes_seconds:.1f} | {ratio:.0f} x"
            print(f"| {model} | {fit_columns} | {min(predictions)[0]:.2f} | {memory:.2f} |")


def main() -> None:
    """Parse the command line, and run the comparison or one measurement."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.btyd", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--model", choices=list(TRUTHS), action="append")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--without-lifetimes", action="store_true")
    parser.add_argument("--measure", choices=list(TASKS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    models = arguments.model or list(TRUTHS)
    if arguments.measure:
        start = time.perf_counter()
        TASKS[arguments.measure](models[0], arguments.folder)
        seconds = time.perf_counter() - start
        print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_GIB]))
    else:
        compare(arguments.customers, models, arguments.repeats, with_lifetimes=not arguments.without_lifetimes)


if __name__ == "__main__":
    main()
