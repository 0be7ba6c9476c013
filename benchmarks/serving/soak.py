"""A long load while runs are published, workers are killed and the database restarts: is any answer wrong, half or lost?

Every score says by its numbers of which run and row it is, so that each answer can be checked whole. A killed worker takes its
open connections with it; a client asks again, as any client of HTTP must, and only what then has no answer is lost.
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
from benchmarks.serving.load import LOOPBACK, answer, request
from benchmarks.serving.server import make_key, ours, workers_of
from serving.store.engine import open_store
from serving.store.publish import publish
from settings.load import load_settings

PORT, WORKERS, CONNECTIONS, ROWS, IDS = 3713, 2, 6, 20_000, 20
PUBLISH_SECONDS, KILL_SECONDS, RESTART_SECONDS = 15, 45, 100
UNAVAILABLE, TRIES, PATIENCE_SECONDS = 503, 5, 30


@dataclass
class Seen:
    """What the clients saw. `outages` are the lengths, in seconds, of times in which answers were 503."""

    answers: Counter[int] = field(default_factory=Counter)
    wrong: int = 0
    half: int = 0
    lost: int = 0
    again: int = 0
    runs: set[str] = field(default_factory=set)
    outages: list[float] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    down_since: float | None = None


def telling(frame: pl.DataFrame, week: int) -> pl.DataFrame:
    """Return scores whose numbers say of which run and row they are."""
    row = pl.int_range(pl.len())
    return frame.with_columns((row % 997 / 1024).alias("p_churn"), (row + 1_000_000.0 * week).alias("expected_orders"))


async def client(key: str, until: float, seen: Seen) -> None:
    """Ask for some customers again and again, and look at every answer."""
    reader, writer = await asyncio.open_connection(LOOPBACK, PORT)
    while time.monotonic() < until:
        rows = random.sample(range(ROWS), IDS)  # no secret
        message = request("/score", json.dumps({"customer_ids": [f"{row:08d}" for row in rows]}).encode(), key)
        for _ in range(TRIES):
            try:
                writer.write(message)
                status, body = await asyncio.wait_for(answer(reader), PATIENCE_SECONDS)
                break
            except (OSError, asyncio.IncompleteReadError):
                seen.again += 1
                writer.close()
                await asyncio.sleep(0.05)
                reader, writer = await asyncio.open_connection(LOOPBACK, PORT)
        else:
            seen.lost += 1
            continue
        look(status, body, rows, seen)
        await asyncio.sleep(0.002)
    writer.close()


def look(status: int, body: bytes, rows: list[int], seen: Seen) -> None:
    """Count an answer: whole and right, an honest 503, or one of those that must not be."""
    seen.answers[status] += 1
    if status == UNAVAILABLE:
        seen.down_since = seen.down_since or time.monotonic()
        return
    if seen.down_since is not None:
        seen.outages.append(time.monotonic() - seen.down_since)
        seen.down_since = None
    try:
        said = json.loads(body)
        scores = said["scores"]
    except (ValueError, KeyError):
        seen.half += 1
        return
    if len(scores) != len(rows) or said["unknown"]:
        seen.half += 1
        return
    seen.runs.add(said["as_of"])
    told = [(score["expected_orders"], score["p_churn"], score["as_of"]) for score in scores]
    week = {orders // 1_000_000 for orders, _, _ in told}
    right = all((orders % 1_000_000, p) == (row, row % 997 / 1024) for (orders, p, _), row in zip(told, rows, strict=True))
    seen.wrong += not (right and len(week) == 1 and {day for _, _, day in told} == {said["as_of"]})


def publisher(config: Path, frames: list[pl.DataFrame], until: float, seen: Seen) -> None:
    """Publish one run after the other; what the database refuses is tried again."""
    store = open_store(load_settings(config).store_url)
    for frame in frames:
        while time.monotonic() < until:
            try:
                publish(store, frame, 91, keep_weeks=4)
                seen.others["published"] += 1
                break
            except Exception as error:  # noqa: BLE001  # a restart may meet it anywhere
                seen.others[f"publication tried again ({type(error).__name__})"] += 1
                time.sleep(2)
        time.sleep(max(0.0, min(PUBLISH_SECONDS, until - time.monotonic())))
    store.dispose()


def disturber(server: subprocess.Popen[bytes], restart: str | None, until: float, seen: Seen) -> None:
    """Kill a worker, and restart PostgreSQL, every so often; the last half minute is left in peace."""
    kill, again = time.monotonic() + KILL_SECONDS, time.monotonic() + RESTART_SECONDS
    while time.monotonic() < until - 30:
        if time.monotonic() > kill:
            os.kill(random.choice(workers_of(server)), signal.SIGKILL)  # noqa: S311  # no secret
            seen.others["worker killed"] += 1
            kill += KILL_SECONDS
        if restart and time.monotonic() > again:
            subprocess.run(shlex.split(restart), check=False, capture_output=True)
            seen.others["PostgreSQL restarted"] += 1
            again += RESTART_SECONDS
        time.sleep(0.5)


def soak(store: str | None, minutes: float, restart: str | None) -> None:
    """Run everything at once and print what was seen."""
    with tempfile.TemporaryDirectory() as name:
        config = world.lay_out(Path(name) / "shop", store)
        frames = [telling(world.scores(config, ROWS, week), week) for week in range(1, int(minutes * 60 / PUBLISH_SECONDS) + 2)]
        engine = open_store(load_settings(config).store_url)
        publish(engine, frames[0], 91)
        engine.dispose()
        key, seen = make_key(config), Seen()
        with ours(config, PORT, WORKERS) as server:
            until = time.monotonic() + 60 * minutes
            threads = [
                threading.Thread(target=publisher, args=(config, frames[1:], until, seen)),
                threading.Thread(target=disturber, args=(server, restart, until, seen)),
            ]
            for thread in threads:
                thread.start()
            asyncio.run(_clients(key, until, seen))
            for thread in threads:
                thread.join()
    print(f"{minutes:g} minutes, {CONNECTIONS} connections, {WORKERS} workers, runs of {ROWS:,} scores, {IDS} ids per call")
    print(f"answers by status: {dict(seen.answers)}; runs seen: {len(seen.runs)}; {dict(seen.others)}")
    print(f"wrong {seen.wrong}, half {seen.half}, lost {seen.lost}; asked again after a broken connection: {seen.again}")
    longest = f"{max(seen.outages):.1f}" if seen.outages else "0"
    print(f"times of 503: {len(seen.outages)}, the longest {longest} s; still down at the end: {seen.down_since is not None}")


async def _clients(key: str, until: float, seen: Seen) -> None:
    await asyncio.gather(*(client(key, until, seen) for _ in range(CONNECTIONS)))
