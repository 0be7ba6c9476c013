"""Random commands, kills, clock jumps, damaged files, losses and erasures on small workspaces.

python -m benchmarks.crashes --steps 50000     steps in all, over workspaces of 1,000 steps each
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter

from benchmarks.crashes.driver import Driver

STEPS_PER_WORKSPACE = 1_000


def main() -> None:
    """Run the steps, and print how many of each kind were taken; a broken invariant ends the program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crashes", description=__doc__)
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    counts, started = Counter[str](), perf_counter()
    for number in range(-(-arguments.steps // STEPS_PER_WORKSPACE)):
        with tempfile.TemporaryDirectory() as name:
            driver = Driver(Path(name), arguments.seed + number)
            counts += driver.run(min(STEPS_PER_WORKSPACE, arguments.steps - number * STEPS_PER_WORKSPACE))
            driver.close()
        print(f"workspace {number + 1}, seed {arguments.seed + number}: all invariants hold", flush=True)
    print(f"{arguments.steps:,} steps in {perf_counter() - started:,.0f} seconds, all invariants hold.")
    for name, taken in counts.most_common():
        print(f"  {name:<24}{taken:>8,}")


if __name__ == "__main__":
    main()
