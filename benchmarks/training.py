"""How long training takes on a large synthetic log, how much memory, and how a busy neighbour slows it down.

Run: python -m benchmarks.training [--lines 10000000] [--busy]

The log has twenty lines per customer over three years: ten million lines are 500,000 customers. `train` runs as a process of its
own; reading and checking the tables is included. With `--busy` it runs a second time, beside a process that keeps one processor
busy, and the ratio of both times is printed.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from benchmarks.features.log import AS_OF, LINES_PER_CUSTOMER, write_log

KIB_PER_GIB = 2**20
CONFIG = '[tables]\ntransactions = "transactions/*.parquet"\ncomplaints = "complaints/*.parquet"\n'


@contextmanager
def busy_neighbour() -> Iterator[None]:
    """Keep one processor busy with another process."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as neighbour:
        try:
            yield
        finally:
            neighbour.kill()


def time_training(folder: Path) -> float:
    """Train once in a process of its own, and return the seconds."""
    command = [sys.executable, "-m", "holdfast", "train", "--config", str(folder / "holdfast.toml"), "--as-of", str(AS_OF)]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main(lines: int, *, busy: bool) -> None:
    """Write a log, train on it, and print seconds, peak memory and, with `busy`, the ratio beside a neighbour."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_log(lines, folder, wide=False)
        (folder / "holdfast.toml").write_text(CONFIG, encoding="utf-8")
        seconds = {}
        for label, neighbour in (("alone", nullcontext()), ("beside a busy process", busy_neighbour()))[: 1 + busy]:
            with neighbour:
                seconds[label] = time_training(folder)
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / KIB_PER_GIB
        alone, *others = seconds.values()
        print(f"{lines:,} lines of {lines // LINES_PER_CUSTOMER:,} customers: trained in {alone:.0f} s, {memory:.1f} GiB")
        for other in others:
            print(f"beside a busy process: {other:.0f} s, {other / alone:.2f} times as long")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--busy", action="store_true", help="train a second time, beside a busy process")
    arguments = parser.parse_args()
    main(arguments.lines, busy=arguments.busy)
