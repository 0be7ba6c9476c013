"""Measure the service under load, against a BentoML service that does nothing, on one machine.

Run: python -m benchmarks.serving [--store postgresql://...] [--workers 1] [--rows 1000000]

Both services have the same number of workers. They take turns for three rounds over loopback, and the median round counts.
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
from benchmarks.serving.load import LOOPBACK, LoadResult, request, run_load
from benchmarks.serving.server import create_benchmark_key, holdfast_server, memory_mib, noop_server, workers_of
from serving.lists.issuing import issue
from serving.lists.weekly import make_list
from serving.schemas.list_kind import ListKind
from serving.store.engine import open_store
from serving.store.publish import publish
from settings.clock import utc_now
from settings.load import load_settings

HOLDFAST_PORT, NOOP_PORT = 3711, 3712
ROUNDS, REQUESTS, CONNECTIONS = 3, 4_000, 8


def print_single_id(key: str, rows: int) -> None:
    """Print requests per second and latencies of `/score` with one id, beside the no-op's."""
    customer_ids = world.ids(rows, max(rows // REQUESTS, 1))[:REQUESTS]
    bodies = [json.dumps({"customer_ids": [customer_id]}).encode() for customer_id in customer_ids]
    plans = {"/score, 1 id": (HOLDFAST_PORT, [request("/score", body, key) for body in bodies])}
    plans["no-op"] = (NOOP_PORT, [request("/score", body) for body in bodies])
    results: dict[str, list[LoadResult]] = {name: [] for name in plans}
    for round_number in range(ROUNDS + 1):
        for name, (port, requests) in plans.items():
            result = run_load(port, requests, CONNECTIONS)
            if round_number:  # round 0 is the warm-up
                results[name].append(result)
    for name, rounds in results.items():
        median = sorted(rounds, key=lambda result: result.per_second)[ROUNDS // 2]
        p50, p99 = median.latency_ms(0.5), median.latency_ms(0.99)
        print(f"| {name} | {median.per_second:,.0f} | {p50:.1f} | {p99:.1f} | {median.statuses} |")


def print_thousand_ids(key: str, rows: int) -> None:
    """Print the ids per second with 1,000 ids per call, over one connection."""
    customer_ids, rng = world.ids(rows, 1), random.Random(1)  # noqa: S311  # no secret
    samples = [rng.sample(customer_ids, 1000) for _ in range(40)]
    requests = [request("/score", json.dumps({"customer_ids": sample}).encode(), key) for sample in samples]
    result = run_load(HOLDFAST_PORT, requests, 1)
    rate = f"{1000 * result.per_second:,.0f} ids/s"
    print(f"1,000 ids per call, 1 connection: {rate}, p50 {result.latency_ms(0.5):.1f} ms, {result.statuses}")


def print_live(key: str, as_of: date) -> None:
    """Print the latency of `/score_live` with one customer of 50 orders, over one connection."""
    body = json.dumps({"as_of": str(as_of), "customers": [world.fifty_orders(as_of)]}).encode()
    run_load(HOLDFAST_PORT, [request("/score_live", body, key)] * 20, 1)
    result = run_load(HOLDFAST_PORT, [request("/score_live", body, key)] * 150, 1)
    latency = f"p50 {result.latency_ms(0.5):.1f} ms, p99 {result.latency_ms(0.99):.1f} ms"
    print(f"/score_live, 50 orders, 1 connection: {latency}, {result.statuses}")


def print_publishing(config: Path, key: str, rows: int) -> None:
    """Publish runs of this size while single ids are requested, and print the figures of both."""
    settings, total, done = load_settings(config), LoadResult(), threading.Event()
    customer_ids = world.ids(world.CUSTOMERS, 7)[:50]
    requests = [request("/score", json.dumps({"customer_ids": [customer_id]}).encode(), key) for customer_id in customer_ids]

    def request_scores() -> None:
        while not done.is_set():
            result = run_load(HOLDFAST_PORT, requests, 2)
            total.seconds += result.seconds
            total.broken += result.broken
            for status, count in result.statuses.items():
                total.statuses[status] = total.statuses.get(status, 0) + count

    frames = [world.scores(config, rows, weeks) for weeks in (1, 2)]
    store, client = open_store(settings.store_url), threading.Thread(target=request_scores)
    client.start()
    durations = []
    for frame in frames:
        started = time.perf_counter()
        publish(store, frame, 91, targets=world.targets(frame))
        durations.append(time.perf_counter() - started)
    done.set()
    client.join()
    store.dispose()
    times = " and ".join(f"{seconds:.1f}" for seconds in durations)
    latency = f"p50 {total.latency_ms(0.5):.1f} ms, p99 {total.latency_ms(0.99):.1f} ms"
    print(f"publishing {rows:,} scores: {times} s; /score meanwhile: {total.statuses}, {total.broken} broken, {latency}")


def print_issuing(config: Path) -> None:
    """Issue this week's list as the command `list` does, and print the duration."""
    settings, started = load_settings(config), time.perf_counter()
    store = open_store(settings.store_url)
    _, frame, *_ = issue(settings, store, make_list(settings, store, ListKind.AT_RISK), "benchmark", utc_now())
    store.dispose()
    print(f"issuing a list of {frame.height:,} rows: {time.perf_counter() - started:.1f} s")


def print_download(config: Path, key: str) -> None:
    """Print the duration of downloading 100,000 rows of an issued list as CSV."""
    url = f"http://{LOOPBACK}:{HOLDFAST_PORT}/lists/at_risk?format=csv&limit=100000"
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        csv_request = urllib.request.Request(url, headers={"authorization": f"Bearer {key}"})  # loopback
        with urllib.request.urlopen(csv_request, timeout=120) as reply:  # noqa: S310  # likewise
            lines = reply.read().count(b"\n")
        seconds.append(time.perf_counter() - started)
    print(f"CSV of {lines - 1:,} rows: {statistics.median(seconds):.2f} s")
    assert lines > 1, config  # noqa: S101  # a list without rows measures nothing


def compare(store: str | None, workers: int, rows: int) -> None:
    """Run the comparison and print all figures."""
    with tempfile.TemporaryDirectory() as name:
        config = world.create_demo_shop(Path(name) / "shop", store)
        settings = load_settings(config)
        engine = open_store(settings.store_url)
        first = world.scores(config, world.CUSTOMERS)
        run = publish(engine, first, 91, targets=world.targets(first))
        engine.dispose()
        key = create_benchmark_key(config)
        print(f"store {engine.dialect.name}, {workers} workers, {CONNECTIONS} connections, {REQUESTS:,} requests a round")
        with holdfast_server(config, HOLDFAST_PORT, workers) as server, noop_server(NOOP_PORT, workers, Path(name)):
            print("| service | requests/s | p50, ms | p99, ms | responses |\n|---|---|---|---|---|")
            print_single_id(key, world.CUSTOMERS)
            print_thousand_ids(key, world.CUSTOMERS)
            print_live(key, run.as_of)
            print("worker memory, peak:", ", ".join(f"{memory_mib(pid):.0f} MiB" for pid in workers_of(server)))
            print_publishing(config, key, rows)
            print_single_id(key, rows)
            print_thousand_ids(key, rows)
            print_issuing(config)
            print_download(config, key)
            print("worker memory, peak:", ", ".join(f"{memory_mib(pid):.0f} MiB" for pid in workers_of(server)))


def main() -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--store", help="database URL; by default SQLite")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=0.0, help="run the long load for this many minutes instead")
    parser.add_argument("--postgres-restart", help="with --minutes: the command that restarts PostgreSQL")
    arguments = parser.parse_args()
    if arguments.minutes:
        from benchmarks.serving.soak import soak

        soak(arguments.store, arguments.minutes, arguments.postgres_restart)
    else:
        compare(arguments.store, arguments.workers, arguments.rows)


if __name__ == "__main__":
    main()
