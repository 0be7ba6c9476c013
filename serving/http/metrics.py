"""What Prometheus reads: requests, their time, the store's time, and how old the scores are. Labels hold routes, never ids.

Started by BentoML, workers share a folder (PROMETHEUS_MULTIPROC_DIR), and any of them answers for all.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from serving.store.runs import Run

FAST = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

REQUESTS = Counter("holdfast_requests", "Requests answered", ["route", "method", "status"])
REQUEST_SECONDS = Histogram("holdfast_request_seconds", "Time from the first byte to the last", ["route"], buckets=FAST)
STORE_SECONDS = Histogram("holdfast_store_seconds", "Time that reading the store took", ["what"], buckets=FAST)
SCORES = Counter("holdfast_scores", "Ids asked for: known, unknown or suppressed", ["result"])
RUN_ROWS = Gauge("holdfast_run_rows", "Customers in the current run", multiprocess_mode="mostrecent")
SCORE_AGE = Gauge("holdfast_score_age_seconds", "Since the current run was made", multiprocess_mode="mostrecent")
DATA_AGE = Gauge("holdfast_data_age_seconds", "Since the as-of date of the current run", multiprocess_mode="mostrecent")
READY = Gauge("holdfast_ready", "1 when the store answers and has a run", multiprocess_mode="mostrecent")


@contextmanager
def store_time(what: str) -> Iterator[None]:
    """Measure what reading the store takes."""
    started = perf_counter()
    try:
        yield
    finally:
        STORE_SECONDS.labels(what).observe(perf_counter() - started)


def exposition(run: Run | None) -> bytes:
    """Return the metrics of all workers as text, with the age of the current run."""
    READY.set(0 if run is None else 1)
    if run is not None:
        now = datetime.now(UTC)
        RUN_ROWS.set(run.rows)
        SCORE_AGE.set((now - run.scored_at.replace(tzinfo=UTC)).total_seconds())
        DATA_AGE.set((now - datetime.combine(run.as_of, datetime.min.time(), UTC)).total_seconds())
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
