"""How much time and memory does it take to score many customers, all of them together and in parts?

Run: python -m benchmarks.scoring [--customers 200000] [--parts 1 0]

The customers are those of a simulated shop of 5,000, as often as needed under other ids; the champion is trained on that shop.
Each way runs in a process of its own, with scores, intervals, reasons and actions, but without publishing. 0 parts: as many as
`score` chooses. The digests show that all ways give the same scores.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

SHOP_CUSTOMERS = 5_000
KIB_PER_GIB = 2**20
SCORED_AT = datetime(2026, 1, 1)  # noqa: DTZ001  # UTC, as everywhere
ID_COLUMNS = ("customer_id", "order_id", "complaint_id", "household", "contact_point", "referred_by")
HEAD = "| parts | customers | seconds | peak memory, GiB | of it for reading and checking | digest |"


def write_shop(folder: Path, customers: int) -> None:
    """Write a shop with a champion, and its tables with the customers repeated under other ids."""
    from features.tables.schema import Tables
    from holdfast.demo.shops import ShopName, create_shop
    from settings.load import load_settings

    config = create_shop(ShopName.SIMULATED, folder, SHOP_CUSTOMERS, seed=3, weeks=110)
    command = [sys.executable, "-m", "holdfast", "train", "--quick", "--config", str(config)]
    subprocess.run(command, check=True, capture_output=True)
    for path in (folder / "workspace").iterdir():  # the larger tables are no later load of the shop's
        if path.name != "champion":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    tables = load_settings(config, {}).tables
    for name in (field.name for field in fields(Tables)):
        source = getattr(tables, name)
        if isinstance(source, str):
            _repeat(Path(source), -(-customers // SHOP_CUSTOMERS))


def _repeat(path: Path, times: int) -> None:
    """Replace a table by itself several times, each time with other ids of customers, orders and complaints."""
    frame = pl.read_parquet(path)
    ids = [name for name in ID_COLUMNS if name in frame.columns]
    copies = (frame.with_columns(pl.format(f"{{}}-{copy}", pl.col(name)).alias(name) for name in ids) for copy in range(times))
    pl.concat(copies).write_parquet(path)


def measure(folder: Path, parts: int | None) -> None:
    """Score in this process; print seconds, peak memory in GiB, the number of customers and a digest of the scores as JSON."""
    from expectations.validation.gate import load_tables
    from models.champion import current_champion
    from serving.scoring.in_parts import score_in_parts
    from settings.clock import utc_now
    from settings.load import load_settings

    settings = load_settings(folder / "holdfast.toml", {})
    tables, champion = load_tables(settings, utc_now())[0], current_champion(settings.workspace.path / "champion")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    scores = score_in_parts(settings, tables, champion, champion.terms.trained_as_of, SCORED_AT, parts=parts).scores
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    digest = int(scores.hash_rows(seed=1).sum())
    print(json.dumps([seconds, peak / KIB_PER_GIB, before / KIB_PER_GIB, scores.height, digest]))


def main(customers: int, ways: list[int]) -> None:
    """Measure each way in turn and print the table."""
    with TemporaryDirectory() as name:
        command = [sys.executable, "-m", "benchmarks.scoring", "--folder", name]
        subprocess.run([*command, "--write", "--customers", str(customers)], check=True)
        print(f"{HEAD}\n|---|---|---|---|---|---|")
        for parts in ways:
            output = subprocess.run([*command, "--measure", str(parts)], check=True, capture_output=True, text=True).stdout
            seconds, peak, before, rows, digest = json.loads(output.splitlines()[-1])
            print(
                f"| {parts or 'chosen'} | {rows:,} | {seconds:.1f} | {peak:.2f} | {before:.2f} | {digest % 10**6} |", flush=True
            )
        shutil.rmtree(name, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=__doc__)
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--parts", type=int, nargs="+", default=[1, 0])
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        write_shop(arguments.folder, arguments.customers)
    elif arguments.measure is not None:
        measure(arguments.folder, arguments.measure or None)
    else:
        main(arguments.customers, arguments.parts)
