"""Measure how long commands that touch only the store take to start, alternating with those of another checkout.

    python -m benchmarks.startup [--baseline ../other-checkout] [--repeats 9]

Medians of whole processes on a store that is migrated already. Shared processors make seconds vary; ratios within one run do not.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = (["keys", "list"], ["runs"], ["suppress", "7"])
INTERPRETER = ["-c", "import polars, sqlalchemy"]


def seconds(arguments: list[str], root: Path) -> float:
    """Return how long a process takes."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=root, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Print the median of each command, and its ratio to the other checkout and to an interpreter that loads two libraries."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "holdfast.toml"
        config.write_text('[tables]\ntransactions = "orders.csv"\n')
        roots = [ROOT, *([options.baseline.resolve()] if options.baseline else [])]
        for command in COMMANDS:
            arguments = ["-m", "holdfast", *command, "--config", str(config)]
            subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            rounds = [[*(seconds(arguments, root) for root in roots), seconds(INTERPRETER, ROOT)] for _ in range(options.repeats)]
            own, *others, bare = (statistics.median(column) for column in zip(*rounds, strict=True))
            ratio = "".join(f", {own / other:.2f} of the other checkout's {other:.2f} s" for other in others)
            print(f"{' '.join(command)}: {own:.2f} s{ratio}, {own / bare:.1f} times an interpreter with Polars and SQLAlchemy")


if __name__ == "__main__":
    main()
