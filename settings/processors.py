"""Processors that this process may use, and the threads of native libraries."""

import os
from collections.abc import MutableMapping

OPENMP_THREADS, OPENMP_WAIT = "OMP_NUM_THREADS", "OMP_WAIT_POLICY"


def available_processors() -> int:
    """Return the number of processors this process may use: affinity and container limits (cgroup quota) count.

    Polars sizes its own thread pool by them (Rust's `available_parallelism`); POLARS_MAX_THREADS overrides it.
    """
    import polars as pl

    return pl.thread_pool_size()


def configure_openmp(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let idle OpenMP threads sleep, and give each call of a native library one thread. Call this before LightGBM is imported.

    By default each call takes all processors, and its threads spin while they wait for each other: beside another process on the
    same processors, one training then takes ten times as long. Instead, independent calls run side by side
    (`models/threads.py`). Variables that are already set stay as they are.
    """
    environment.setdefault(OPENMP_WAIT, "PASSIVE")
    environment.setdefault(OPENMP_THREADS, "1")
