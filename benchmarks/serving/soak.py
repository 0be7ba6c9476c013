"""A long load while runs are published, workers are killed and the database restarts: is any response wrong, incomplete or lost?

The numbers of every score identify its run and row, so each response can be checked in full. A killed worker takes its open
connections with it; the client then repeats the request, as every HTTP client must. A request is lost only if no retry gets a
response.
"""

import asyncio
import json
import os
import random
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from benchmarks.serving import world
from benchmarks.serving.load import LOOPBACK, read_response, request
from benchmarks.serving.server import create_benchmark_key, holdfast_server, workers_of
from serving.store.engine import open_store
from serving.store.publish import publish
from settings.load import load_settings

PORT, WORKERS, CONNECTIONS, ROWS, IDS = 3713, 2, 6, 20_000, 20
PUBLISH_SECONDS, KILL_SECONDS, RESTART_SECONDS = 15, 45, 100
UNAVAILABLE, TRIES, PATIENCE_SECONDS = 503, 5, 30


@dataclass
class SoakResult:
    """The responses that the clients got.

    `responses` counts them by status. Of these, `wrong` have mixed or false scores, and `incomplete` lack scores or are not JSON.
    `lost` requests got no response. `outages` are the lengths, in seconds, of periods with responses of 503. `events` counts the
    publications and disturbances.
    """

    responses: Counter[int] = field(default_factory=Counter)
    wrong: int = 0
    incomplete: int = 0
    lost: int = 0
    retries: int = 0
    runs: set[str] = field(default_factory=set)
    outages: list[float] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    down_since: float | None = None


def with_checkable_values(frame: pl.DataFrame, week: int) -> pl.DataFrame:
    """Return scores whose numbers identify their run and row."""
    row = pl.int_range(pl.len())
    return frame.with_columns((row % 997 / 1024).alias("p_churn"), (row + 1_000_000.0 * week).alias("expected_orders"))


async def run_client(key: str, until: float, result: SoakResult) -> None:
    """Request random customers until `until` (monotonic seconds), and check every response."""
    reader, writer = await asyncio.open_connection(LOOPBACK, PORT)
    while time.monotonic() < until:
        rows = random.sample(range(ROWS), IDS)  # no secret
        message = request("/score", json.dumps({"customer_ids": [f"{row:08d}" for row in rows]}).encode(), key)
        for _ in range(TRIES):
            try:
                writer.write(message)
                status, body = await asyncio.wait_for(read_response(reader), PATIENCE_SECONDS)
                break
            except (OSError, asyncio.IncompleteReadError):
                result.retries += 1
                writer.close()
                await asyncio.sleep(0.05)
                reader, writer = await asyncio.open_connection(LOOPBACK, PORT)
        else:
            result.lost += 1
            continue
        check_response(status, body, rows, result)
        await asyncio.sleep(0.002)
    writer.close()


def check_response(status: int, body: bytes, rows: list[int], result: SoakResult) -> None:
    """Count a response as correct, unavailable (503), incomplete or wrong."""
    result.responses[status] += 1
    if status == UNAVAILABLE:
        result.down_since = result.down_since or time.monotonic()
        return
    if result.down_since is not None:
        result.outages.append(time.monotonic() - result.down_since)
        result.down_since = None
    try:
        reply = json.loads(body)
        scores = reply["scores"]
    except (ValueError, KeyError):
        result.incomplete += 1
        return
    if len(scores) != len(rows) or reply["unknown"]:
        result.incomplete += 1
        return
    result.runs.add(reply["as_of"])
    values = [(score["expected_orders"], score["p_churn"], score["as_of"]) for score in scores]
    weeks = {orders // 1_000_000 for orders, _, _ in values}
    correct = all((orders % 1_000_000, p) == (row, row % 997 / 1024) for (orders, p, _), row in zip(values, rows, strict=True))
    result.wrong += not (correct and len(weeks) == 1 and {day for _, _, day in values} == {reply["as_of"]})


def publish_runs(config: Path, frames: list[pl.DataFrame], until: float, result: SoakResult) -> None:
    """Publish one run after another, and retry after errors of the database."""
    store = open_store(load_settings(config).store_url)
    for frame in frames:
        while time.monotonic() < until:
            try:
                publish(store, frame, 91, keep_weeks=4)
                result.events["published"] += 1
                break
            except Exception as error:  # noqa: BLE001  # a restart of the database may interrupt it anywhere
                result.events[f"publication retried ({type(error).__name__})"] += 1
                time.sleep(2)
        time.sleep(max(0.0, min(PUBLISH_SECONDS, until - time.monotonic())))
    store.dispose()


def disturb(server: subprocess.Popen[bytes], restart: str | None, until: float, result: SoakResult) -> None:
    """Kill a worker and restart PostgreSQL at regular intervals, except in the last half minute."""
    next_kill, next_restart = time.monotonic() + KILL_SECONDS, time.monotonic() + RESTART_SECONDS
    while time.monotonic() < until - 30:
        if time.monotonic() > next_kill:
            os.kill(random.choice(workers_of(server)), signal.SIGKILL)  # noqa: S311  # no secret
            result.events["worker killed"] += 1
            next_kill += KILL_SECONDS
        if restart and time.monotonic() > next_restart:
            subprocess.run(shlex.split(restart), check=False, capture_output=True)
            result.events["PostgreSQL restarted"] += 1
            next_restart += RESTART_SECONDS
        time.sleep(0.5)


def soak(store: str | None, minutes: float, restart: str | None) -> None:
    """Run the clients, the publisher and the disturbances together, and print the result."""
    with tempfile.TemporaryDirectory() as name:
        config = world.create_demo_shop(Path(name) / "shop", store)
        frames = [
            with_checkable_values(world.scores(config, ROWS, week), week)
            for week in range(1, int(minutes * 60 / PUBLISH_SECONDS) + 2)
        ]
        engine = open_store(load_settings(config).store_url)
        publish(engine, frames[0], 91)
        engine.dispose()
        key, result = create_benchmark_key(config), SoakResult()
        with holdfast_server(config, PORT, WORKERS) as server:
            until = time.monotonic() + 60 * minutes
            threads = [
                threading.Thread(target=publish_runs, args=(config, frames[1:], until, result)),
                threading.Thread(target=disturb, args=(server, restart, until, result)),
            ]
            for thread in threads:
                thread.start()
            asyncio.run(_run_clients(key, until, result))
            for thread in threads:
                thread.join()
    print(f"{minutes:g} minutes, {CONNECTIONS} connections, {WORKERS} workers, runs of {ROWS:,} scores, {IDS} ids per call")
    print(f"responses by status: {dict(result.responses)}; runs: {len(result.runs)}; {dict(result.events)}")
    print(f"wrong {result.wrong}, incomplete {result.incomplete}, lost {result.lost}; retries: {result.retries}")
    longest = f"{max(result.outages):.1f}" if result.outages else "0"
    print(f"outages (503): {len(result.outages)}, the longest {longest} s; down at the end: {result.down_since is not None}")


async def _run_clients(key: str, until: float, result: SoakResult) -> None:
    await asyncio.gather(*(run_client(key, until, result) for _ in range(CONNECTIONS)))
