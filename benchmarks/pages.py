"""How long the pages take on the server with 200,000 customers, in the order in which marketing opens them.

    python -m benchmarks.pages [--rows 200000] [--store postgresql://...]

The demo shop's customers over and over, with two runs a month apart, all lists issued, and everybody's orders on the machine.
Times are of whole requests over loopback, the median of nine, and of the first one of a fresh worker.
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
from benchmarks.serving.server import LOOPBACK, make_key, ours
from features.storage.paths import good_path
from serving.http.state import utc_now
from serving.lists.weekly import issue, list_of, plan_week
from serving.schemas.list_kind import ListKind
from serving.store.engine import open_store
from serving.store.publish import publish
from serving.store.read import read_actions
from settings.load import load_settings

PORT, TIMES = 3_131, 9


def fill(config: Path, rows: int) -> None:
    """Publish two runs a month apart, issue the lists of the newer one, and lay out everybody's orders."""
    settings = load_settings(config)
    store = open_store(settings.store_url)
    _, few = read_actions(store, ["none", "retention", "win_back", "recovery"])
    for weeks in (0, 4):
        run = world.scores(config, rows, weeks + 1)
        publish(store, run, 91, targets=world.targets(run))
    plan = plan_week(settings, store)
    for kind in ListKind:
        found, _ = issue(store, list_of(store, plan, kind), "benchmark", utc_now())
        print(f"{kind}: {found.rows:,} rows")
    store.dispose()
    places = few.select("customer_id").with_row_index("place")
    for name in ("transactions", "complaints"):
        path = good_path(settings.workspace.path, name)
        own = pl.read_parquet(path).join(places, on="customer_id", maintain_order="left")
        copies = [
            own.with_columns((pl.col("place") + copy * few.height).cast(pl.String).str.zfill(8).alias("customer_id"))
            for copy in range(rows // few.height + 1)
        ]
        pl.concat(copies).sort("ordered_at" if name == "transactions" else "opened_at").drop("place").write_parquet(path)
        print(f"{name}: {sum(copy.height for copy in copies):,} rows")


def opener(key: str) -> urllib.request.OpenerDirector:
    """Return a browser of a kind, signed in."""
    found = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    body = urllib.parse.urlencode({"key": key}).encode()
    found.open(f"http://{LOOPBACK}:{PORT}/ui/login", body, timeout=60).read()
    return found


def measure(browser: urllib.request.OpenerDirector, path: str) -> str:
    """Return the first time and the median of the others, in milliseconds, and the size."""
    seconds = []
    for _ in range(TIMES + 1):
        began = time.perf_counter()
        size = len(browser.open(f"http://{LOOPBACK}:{PORT}{path}", timeout=60).read())
        seconds.append(time.perf_counter() - began)
    return f"first {1000 * seconds[0]:,.0f} ms, then {1000 * statistics.median(seconds[1:]):,.0f} ms, {size / 1000:,.0f} kB"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--store", help="database URL; by default SQLite")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        config = world.lay_out(Path(name) / "shop", arguments.store)
        fill(config, arguments.rows)
        key = make_key(config)
        with ours(config, PORT, 1):
            browser = opener(key)
            customer = "customers/00000042"
            pages = ("week", "week?kind=win_back", "week?kind=at_risk&region=north", "week?kind=win_back&budget=500", customer)
            for path in (*pages, "segments", "outcomes", "models"):
                print(f"/ui/{path}: {measure(browser, f'/ui/{path}')}")
            for chart in ("groups.svg?by=loyalty_segment", "moves.svg?by=lifecycle_stage", "brands.svg?customer_id=00000042"):
                print(f"/ui/charts/{chart}: {measure(browser, f'/ui/charts/{chart}')}")


if __name__ == "__main__":
    main()
