"""Measure time and memory of the feature table, and of three other ways to compute some of its columns.

Run: python -m benchmarks.features [--lines 10000000] [--wide] [--only holdfast] [--repeats 3]

Every measurement runs in its own process, so that its peak memory is its own. The plans take turns, and the shortest
time of each plan counts. All read the same Parquet files and write their result (lifetimes keeps it in memory).
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.features.log import write_log
from benchmarks.features.plans import PLANS

KIB_PER_GIB = 2**20


def measure(plan: str, folder: Path) -> None:
    """Run one plan in this process, and print the seconds and the peak memory in GiB as JSON."""
    started = time.perf_counter()
    PLANS[plan](folder)
    seconds = time.perf_counter() - started
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_GIB]))


def run_in_subprocess(*arguments: str) -> str:
    """Run this module in another process and return its output; this one stays small, as a child inherits the peak memory."""
    command = [sys.executable, "-m", "benchmarks.features", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def measure_in_subprocess(plan: str, folder: Path) -> tuple[float, float]:
    """Run one plan in another process; return the seconds and the peak memory in GiB."""
    seconds, memory = json.loads(run_in_subprocess("--measure", plan, "--folder", str(folder)))
    return seconds, memory


def print_comparison(lines: int, plans: list[str], repeats: int, *, wide: bool) -> None:
    """Print a table of the plans: shortest time, our time as a multiple of it, and peak memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_in_subprocess("--write", str(lines), "--folder", name, *(["--wide"] if wide else []))
        runs = [{plan: measure_in_subprocess(plan, folder) for plan in plans} for _ in range(repeats)]
    seconds = {plan: min(run[plan][0] for run in runs) for plan in plans}
    memory = {plan: max(run[plan][1] for run in runs) for plan in plans}
    contents = "every optional column and table" if wide else "brands, quantities and complaints"
    print(f"{lines:,} order lines with {contents}; shortest of {repeats}")
    print("| plan | seconds | our time, relative | peak memory, GiB |\n|---|---|---|---|")
    for plan in plans:
        print(f"| {plan} | {seconds[plan]:.2f} | {seconds[plans[0]] / seconds[plan]:.2f} x | {memory[plan]:.2f} |")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.features", description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--wide", action="store_true")
    parser.add_argument("--only", choices=list(PLANS), action="append")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", choices=list(PLANS), help=argparse.SUPPRESS)
    parser.add_argument("--write", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure, arguments.folder)
    elif arguments.write:
        write_log(arguments.write, arguments.folder, wide=arguments.wide)
    else:
        print_comparison(arguments.lines, arguments.only or list(PLANS), arguments.repeats, wide=arguments.wide)


if __name__ == "__main__":
    main()
