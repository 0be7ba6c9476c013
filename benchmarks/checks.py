"""Measure the time and memory of checking ten million order lines, compared with reading all their columns.

Run: python -m benchmarks.checks [--lines 10000000] [--repeats 3]

Each measurement runs in its own process, so that peak memory is its own. Reading and checking alternate, and the shortest
time of each is reported. Checking reads every cell, applies the rules to every row, writes the good rows and those set
aside, counts duplicates, days and ids, and runs the suite in Great Expectations. Import times are excluded.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from benchmarks.features.log import write_log

KIB_PER_GIB = 2**20
KINDS = ("parquet", "csv")


def read(folder: Path, kind: str) -> float:
    """Read all columns of the order lines into memory; return seconds."""
    files = str(folder / "transactions" / f"*.{kind}")
    started = time.perf_counter()
    frame = pl.scan_parquet(files) if kind == "parquet" else pl.scan_csv(files, infer_schema=False)
    frame.collect(engine="streaming")
    return time.perf_counter() - started


def check(folder: Path, kind: str) -> float:
    """Check the order lines in a fresh workspace; return seconds."""
    from expectations.validation.tables import check_tables
    from settings.clock import utc_now
    from settings.load import load_settings

    with tempfile.TemporaryDirectory(dir=folder) as workspace:
        config = Path(workspace) / "holdfast.toml"
        config.write_text(f'[tables]\ntransactions = "../transactions/*.{kind}"\n', encoding="utf-8")
        settings = load_settings(config, {})
        started = time.perf_counter()
        [report] = check_tables(settings, utc_now())
        seconds = time.perf_counter() - started
    if not report.usable or report.read != report.used:
        raise SystemExit(f"the generated log should have good rows only: {report.problem or report.rules}")
    return seconds


TASKS = {"read": read, "check": check}


def run_measurement(folder: Path, task: str, kind: str) -> tuple[float, float]:
    """Run one measurement in its own process; return seconds and peak memory in GiB."""
    command = [sys.executable, "-m", "benchmarks.checks", "--measure", task, "--kind", kind, "--folder", str(folder)]
    seconds, memory = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return seconds, memory


def write_files(lines: int, folder: Path) -> None:
    """Write the log as Parquet and as CSV."""
    write_log(lines, folder, wide=False)
    for path in sorted((folder / "transactions").glob("*.parquet")):
        pl.scan_parquet(path).sink_csv(path.with_suffix(".csv"))


def compare(lines: int, repeats: int) -> None:
    """Print a table with the times of reading and checking per kind of file."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        command = [sys.executable, "-m", "benchmarks.checks", "--write", str(lines), "--folder", temporary]
        subprocess.run(command, check=True)
        runs = [{(task, kind): run_measurement(folder, task, kind) for kind in KINDS for task in TASKS} for _ in range(repeats)]
    print(f"{lines:,} order lines; shortest of {repeats}")
    print("| file | reading, s | checking, s | checking / reading | peak memory of checking, GiB |\n|---|---|---|---|---|")
    for kind in KINDS:
        reading, checking = (min(run[task, kind][0] for run in runs) for task in TASKS)
        memory = max(run["check", kind][1] for run in runs)
        print(f"| {kind} | {reading:.2f} | {checking:.2f} | {checking / reading:.1f} x | {memory:.2f} |")


def main() -> None:
    """Run the benchmark, or one step of it in its own process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checks", description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--write", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        seconds = TASKS[arguments.measure](arguments.folder, arguments.kind)
        print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_GIB]))
    elif arguments.write:
        write_files(arguments.write, arguments.folder)
    else:
        compare(arguments.lines, arguments.repeats)


if __name__ == "__main__":
    main()
