"""Measure how long the pages take on the server with 200,000 customers, in the order in which marketing opens them.

    python -m benchmarks.pages [--rows 200000] [--store postgresql://...]

The shop repeats the demo's customers, with two runs a month apart, all lists issued, and all orders on the machine.
Times are those of whole requests over loopback: the first request of a fresh worker, and the median of nine later ones.
"""

import argparse
import http.cookiejar
import statistics
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

import polars as pl

from benchmarks.serving import world
from benchmarks.serving.server import LOOPBACK, create_benchmark_key, holdfast_server
from features.storage.paths import good_path
from serving.lists.issuing import issue
from serving.lists.weekly import build_list, plan_week
from serving.schemas.list_kind import ListKind
from serving.store.engine import open_store
from serving.store.publish import publish
from serving.store.read import read_scores_by_action
from settings.clock import utc_now
from settings.load import load_settings

PORT, REPEATS = 3_131, 9


def fill_shop(config: Path, rows: int) -> None:
    """Publish two runs a month apart, issue the lists of the newer one, and write the orders of all customers."""
    settings = load_settings(config)
    store = open_store(settings.store_url)
    _, demo_scores = read_scores_by_action(store, ["none", "retention", "win_back", "recovery"])
    for weeks in (0, 4):
        run = world.scores(config, rows, weeks + 1)
        publish(store, run, 91, targets=world.targets(run))
    plan = plan_week(settings, store)
    for kind in ListKind:
        issued, _, *_ = issue(settings, store, build_list(store, plan, kind), "benchmark", utc_now())
        print(f"{kind}: {issued.rows:,} rows")
    store.dispose()
    indices = demo_scores.select("customer_id").with_row_index("index")
    for name in ("transactions", "complaints"):
        path = good_path(settings.workspace.path, name)
        demo_rows = pl.read_parquet(path).join(indices, on="customer_id", maintain_order="left")
        copies = [
            demo_rows.with_columns(
                (pl.col("index") + copy * demo_scores.height).cast(pl.String).str.zfill(8).alias("customer_id")
            )
            for copy in range(rows // demo_scores.height + 1)
        ]
        pl.concat(copies).sort("ordered_at" if name == "transactions" else "opened_at").drop("index").write_parquet(path)
        print(f"{name}: {sum(copy.height for copy in copies):,} rows")


def sign_in(key: str) -> urllib.request.OpenerDirector:
    """Return a signed-in client that keeps its cookies."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    body = urllib.parse.urlencode({"key": key}).encode()
    browser.open(f"http://{LOOPBACK}:{PORT}/ui/login", body, timeout=60).read()
    return browser


def measure(browser: urllib.request.OpenerDirector, path: str) -> str:
    """Return, as text, the first time and the median of the others in milliseconds, and the size."""
    seconds = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        size = len(browser.open(f"http://{LOOPBACK}:{PORT}{path}", timeout=60).read())
        seconds.append(time.perf_counter() - started)
    return f"first {1000 * seconds[0]:,.0f} ms, then {1000 * statistics.median(seconds[1:]):,.0f} ms, {size / 1000:,.0f} kB"


def main() -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--store", help="database URL; by default SQLite")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        config = world.create_demo_shop(Path(name) / "shop", arguments.store)
        fill_shop(config, arguments.rows)
        key = create_benchmark_key(config)
        with holdfast_server(config, PORT, 1):
            browser = sign_in(key)
            customer = "customers/00000042"
            pages = ("week", "week?kind=win_back", "week?kind=at_risk&region=north", "week?kind=win_back&budget=500", customer)
            for path in (*pages, "segments", "outcomes", "models"):
                print(f"/ui/{path}: {measure(browser, f'/ui/{path}')}")
            for chart in ("groups.svg?by=loyalty_segment", "moves.svg?by=lifecycle_stage", "brands.svg?customer_id=00000042"):
                print(f"/ui/charts/{chart}: {measure(browser, f'/ui/charts/{chart}')}")


if __name__ == "__main__":
    main()
