"""How long the feature table takes, and how much memory, against three other ways to a part of its columns.

Run: python -m benchmarks.features [--lines 10000000] [--wide] [--only holdfast] [--repeats 3]

Every measurement is a process of its own, so that its highest memory is its own; the plans take turns, and the shortest
time of each counts. All read the same Parquet files, and write what they found (lifetimes: keeps it).
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
    """Run one plan in this process and print seconds and the highest memory in GiB as JSON."""
    started = time.perf_counter()
    PLANS[plan](folder)
    seconds = time.perf_counter() - started
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_GIB]))


def own_process(*arguments: str) -> str:
    """Run this module in a process of its own, so that this one stays small: a process inherits its parent's highest memory."""
    command = [sys.executable, "-m", "benchmarks.features", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def measured(plan: str, folder: Path) -> tuple[float, float]:
    """Run one plan in a process of its own; return seconds and GiB."""
    seconds, memory = json.loads(own_process("--measure", plan, "--folder", str(folder)))
    return seconds, memory


def compare(lines: int, plans: list[str], repeats: int, *, wide: bool) -> None:
    """Print a table of the plans: shortest time, ratio of ours to it, highest memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own_process("--write", str(lines), "--folder", name, *(["--wide"] if wide else []))
        runs = [{plan: measured(plan, folder) for plan in plans} for _ in range(repeats)]
    seconds = {plan: min(run[plan][0] for run in runs) for plan in plans}
    memory = {plan: max(run[plan][1] for run in runs) for plan in plans}
    kind = "every optional column and table" if wide else "brands, quantities and complaints"
    print(f"{lines:,} order lines with {kind}; shortest of {repeats}")
    print("| plan | seconds | ours takes | highest memory, GiB |\n|---|---|---|---|")
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
        compare(arguments.lines, arguments.only or list(PLANS), arguments.repeats, wide=arguments.wide)


if __name__ == "__main__":
    main()
