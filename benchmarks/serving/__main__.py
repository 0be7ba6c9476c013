"""What the service does under load, against a BentoML service that does nothing, in one run on one machine.

Run: python -m benchmarks.serving [--store postgresql://...] [--workers 1] [--rows 1000000]

Ours and the no-op take turns, three each, and the median turn counts; both have as many workers. Everything is on loopback.
`--minutes 10 --postgres-restart "pg_ctlcluster 15 main restart"` runs the long load of `soak.py` instead.
"""

import argparse
import json
import random
import statistics
import tempfile
import threading
import time
import urllib.request
from datetime import date
from pathlib import Path

from benchmarks.serving import world
from benchmarks.serving.load import LOOPBACK, Load, load, request
from benchmarks.serving.server import make_key, memory_mib, noop, ours, workers_of
from serving.http.state import utc_now
from serving.lists.weekly import issue, make_list
from serving.schemas.list_kind import ListKind
from serving.store.engine import open_store
from serving.store.publish import publish
from settings.load import load_settings

OURS, NOOP = 3711, 3712
TURNS, REQUESTS, CONNECTIONS = 3, 4_000, 8


def one_id(key: str, rows: int) -> None:
    """Print requests per second and latencies of `/score` with one id, beside the no-op's."""
    bodies = [json.dumps({"customer_ids": [each]}).encode() for each in world.ids(rows, max(rows // REQUESTS, 1))][:REQUESTS]
    plans = {"/score, 1 id": (OURS, [request("/score", body, key) for body in bodies])}
    plans["no-op"] = (NOOP, [request("/score", body) for body in bodies])
    turns: dict[str, list[Load]] = {name: [] for name in plans}
    for turn in range(TURNS + 1):
        for name, (port, requests) in plans.items():
            found = load(port, requests, CONNECTIONS)
            if turn:  # the first one warms up
                turns[name].append(found)
    for name, found in turns.items():
        middle = sorted(found, key=lambda each: each.per_second)[TURNS // 2]
        print(f"| {name} | {middle.per_second:,.0f} | {middle.at(0.5):.1f} | {middle.at(0.99):.1f} | {middle.statuses} |")


def thousand_ids(key: str, rows: int) -> None:
    """Print how many ids per second come with 1,000 to a call, over one connection."""
    everyone, choose = world.ids(rows, 1), random.Random(1)  # noqa: S311  # no secret
    groups = [choose.sample(everyone, 1000) for _ in range(40)]
    found = load(OURS, [request("/score", json.dumps({"customer_ids": group}).encode(), key) for group in groups], 1)
    answered = f"{1000 * found.per_second:,.0f} ids/s"
    print(f"1,000 ids per call, 1 connection: {answered}, p50 {found.at(0.5):.1f} ms, {found.statuses}")


def live(key: str, as_of: date) -> None:
    """Print the latency of `/score_live` with one customer of 50 orders, over one connection."""
    body = json.dumps({"as_of": str(as_of), "customers": [world.fifty_orders(as_of)]}).encode()
    load(OURS, [request("/score_live", body, key)] * 20, 1)
    found = load(OURS, [request("/score_live", body, key)] * 150, 1)
    print(f"/score_live, 50 orders, 1 connection: p50 {found.at(0.5):.1f} ms, p99 {found.at(0.99):.1f} ms, {found.statuses}")


def publishing(config: Path, key: str, rows: int) -> None:
    """Publish runs of this size while one id after the other is asked for; print both."""
    settings, answers, done = load_settings(config), Load(), threading.Event()
    asked = [request("/score", json.dumps({"customer_ids": [each]}).encode(), key) for each in world.ids(world.CUSTOMERS, 7)]

    def ask() -> None:
        while not done.is_set():
            found = load(OURS, asked[:50], 2)
            answers.seconds += found.seconds
            answers.broken += found.broken
            for status, count in found.statuses.items():
                answers.statuses[status] = answers.statuses.get(status, 0) + count

    frames = [world.scores(config, rows, weeks) for weeks in (1, 2)]
    store, asking = open_store(settings.store_url), threading.Thread(target=ask)
    asking.start()
    took = []
    for frame in frames:
        started = time.perf_counter()
        publish(store, frame, 91, targets=world.targets(frame))
        took.append(time.perf_counter() - started)
    done.set()
    asking.join()
    store.dispose()
    times = " and ".join(f"{seconds:.1f}" for seconds in took)
    latency = f"p50 {answers.at(0.5):.1f} ms, p99 {answers.at(0.99):.1f} ms"
    print(f"publishing {rows:,} scores: {times} s; /score meanwhile: {answers.statuses}, {answers.broken} broken, {latency}")


def issued(config: Path) -> None:
    """Issue this week's list as the command `list` does, and print how long that takes."""
    settings, started = load_settings(config), time.perf_counter()
    store = open_store(settings.store_url)
    _, frame = issue(store, make_list(settings, store, ListKind.AT_RISK), "benchmark", utc_now())
    store.dispose()
    print(f"issuing a list of {frame.height:,} rows: {time.perf_counter() - started:.1f} s")


def download(config: Path, key: str) -> None:
    """Print how long a CSV of 100,000 rows of an issued list takes."""
    url = f"http://{LOOPBACK}:{OURS}/lists/at_risk?format=csv&limit=100000"
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        asked = urllib.request.Request(url, headers={"authorization": f"Bearer {key}"})  # loopback
        with urllib.request.urlopen(asked, timeout=120) as reply:  # noqa: S310  # likewise
            lines = reply.read().count(b"\n")
        seconds.append(time.perf_counter() - started)
    print(f"CSV of {lines - 1:,} rows: {statistics.median(seconds):.2f} s")
    assert lines > 1, config  # noqa: S101  # a list without rows measures nothing


def compare(store: str | None, workers: int, rows: int) -> None:
    """Print everything."""
    with tempfile.TemporaryDirectory() as name:
        config = world.lay_out(Path(name) / "shop", store)
        settings = load_settings(config)
        engine = open_store(settings.store_url)
        first = world.scores(config, world.CUSTOMERS)
        run = publish(engine, first, 91, targets=world.targets(first))
        engine.dispose()
        key = make_key(config)
        print(f"store {engine.dialect.name}, {workers} workers, {CONNECTIONS} connections, {REQUESTS:,} requests a turn")
        with ours(config, OURS, workers) as server, noop(NOOP, workers, Path(name)):
            print("| service | requests/s | p50, ms | p99, ms | answers |\n|---|---|---|---|---|")
            one_id(key, world.CUSTOMERS)
            thousand_ids(key, world.CUSTOMERS)
            live(key, run.as_of)
            print("worker memory, highest:", ", ".join(f"{memory_mib(pid):.0f} MiB" for pid in workers_of(server)))
            publishing(config, key, rows)
            one_id(key, rows)
            thousand_ids(key, rows)
            issued(config)
            download(config, key)
            print("worker memory, highest:", ", ".join(f"{memory_mib(pid):.0f} MiB" for pid in workers_of(server)))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--store", help="database URL; by default SQLite")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=0.0, help="run the long load for so many minutes instead")
    parser.add_argument("--postgres-restart", help="with --minutes: the command that restarts PostgreSQL")
    arguments = parser.parse_args()
    if arguments.minutes:
        from benchmarks.serving.soak import soak

        soak(arguments.store, arguments.minutes, arguments.postgres_restart)
    else:
        compare(arguments.store, arguments.workers, arguments.rows)


if __name__ == "__main__":
    main()
