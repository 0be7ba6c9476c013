"""Targeting on simulated shops with a known truth.

python -m benchmarks.targeting --coverage     whether the 95 % intervals of `outcomes` contain the truth, in 100 worlds
python -m benchmarks.targeting --policies     profit of twelve weeks of lists, against no, random and highest-risk contacts
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.serving.world import create_demo_shop
from benchmarks.targeting.coverage import print_coverage
from benchmarks.targeting.policies import print_policies


def main() -> None:
    """Parse the command line and run the chosen benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.targeting", description=__doc__)
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--policies", action="store_true")
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        config = create_demo_shop(Path(name) / "shop", None)
        if arguments.coverage:
            print_coverage(config, arguments.seeds, arguments.processes)
        if arguments.policies:
            print_policies(config, arguments.worlds, arguments.processes)


if __name__ == "__main__":
    main()
