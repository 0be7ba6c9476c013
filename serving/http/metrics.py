"""Prometheus metrics: requests, their duration, time in the store, and age of the scores. Labels hold routes, never ids.

Workers started by BentoML share a folder (PROMETHEUS_MULTIPROC_DIR), so any of them returns the metrics of all.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from time import perf_counter

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from serving.store.runs import Run
from settings.clock import utc_now

BUCKETS_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

REQUESTS = Counter("holdfast_requests", "Requests answered", ["route", "method", "status"])
REQUEST_SECONDS = Histogram("holdfast_request_seconds", "Duration of requests", ["route"], buckets=BUCKETS_SECONDS)
STORE_SECONDS = Histogram("holdfast_store_seconds", "Duration of reads from the store", ["what"], buckets=BUCKETS_SECONDS)
SCORES = Counter("holdfast_scores", "Requested ids: known, unknown or suppressed", ["result"])
RUN_ROWS = Gauge("holdfast_run_rows", "Customers in the current run", multiprocess_mode="mostrecent")
SCORE_AGE = Gauge("holdfast_score_age_seconds", "Time since the current run was scored", multiprocess_mode="mostrecent")
DATA_AGE = Gauge("holdfast_data_age_seconds", "Time since the as-of date of the current run", multiprocess_mode="mostrecent")
READY = Gauge("holdfast_ready", "1 if the store answers and has a run", multiprocess_mode="mostrecent")


@contextmanager
def store_time(operation: str) -> Iterator[None]:
    """Measure the duration of a read from the store."""
    started = perf_counter()
    try:
        yield
    finally:
        STORE_SECONDS.labels(operation).observe(perf_counter() - started)


def exposition(run: Run | None) -> bytes:
    """Return the metrics of all workers in Prometheus' text format, with the age of the current run, None before the first."""
    READY.set(0 if run is None else 1)
    if run is not None:
        now = utc_now()
        RUN_ROWS.set(run.rows)
        SCORE_AGE.set((now - run.scored_at).total_seconds())
        DATA_AGE.set((now - datetime.combine(run.as_of, datetime.min.time())).total_seconds())
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
