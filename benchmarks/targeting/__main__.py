"""How well targeting works on simulated shops whose truth is known.

python -m benchmarks.targeting --coverage     whether the intervals of `outcomes` hold the truth, in 100 worlds
python -m benchmarks.targeting --policies     profit of twelve weeks of lists, against nothing, chance and highest risk
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.serving.world import lay_out
from benchmarks.targeting.coverage import coverage
from benchmarks.targeting.policies import policies


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.targeting", description=__doc__)
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--policies", action="store_true")
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        config = lay_out(Path(name) / "shop", None)
        if arguments.coverage:
            coverage(config, arguments.seeds, arguments.processes)
        if arguments.policies:
            policies(config, arguments.worlds, arguments.processes)


if __name__ == "__main__":
    main()
