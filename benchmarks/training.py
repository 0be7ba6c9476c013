"""How long training takes, and how much memory, on a large synthetic log.

Run: python -m benchmarks.training [--lines 10000000]

The log has twenty lines per customer over three years: ten million lines are 500,000 customers. `train` runs as a process of its
own; reading and checking the tables is included.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.features.log import AS_OF, LINES_PER_CUSTOMER, write_log

KIB_PER_GIB = 2**20
CONFIG = '[tables]\ntransactions = "transactions/*.parquet"\ncomplaints = "complaints/*.parquet"\n'


def main(lines: int) -> None:
    """Write a log, train on it, and print seconds and peak memory."""
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    main(parser.parse_args().lines)
