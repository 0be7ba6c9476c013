"""Local servers for a benchmark: Holdfast, and a service that does nothing, with the same number of workers."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.serving.load import LOOPBACK
from settings.clock import utc_now

ROOT = Path(__file__).resolve().parents[2]
KIB_PER_MIB = 1024


@contextmanager
def holdfast_server(config: Path, port: int, workers: int) -> Iterator[subprocess.Popen[bytes]]:
    """Serve a configuration with the command `serve`."""
    command = [sys.executable, "-m", "holdfast", "serve", "--config", str(config), "--port", str(port), "--workers", str(workers)]
    with _run_server(command, port, "/readyz", config.parent / "serve.log", {}) as server:
        yield server


@contextmanager
def noop_server(port: int, workers: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Serve the service that does nothing."""
    command = [sys.executable, "-m", "bentoml", "serve", "benchmarks.serving.noop:Noop", "--host", LOOPBACK, "--port", str(port)]
    with _run_server(command, port, "/readyz", folder / "noop.log", {"HOLDFAST_WORKERS": str(workers)}) as server:
        yield server


@contextmanager
def _run_server(
    command: list[str], port: int, ready: str, log: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    variables = os.environ | {"BENTOML_DO_NOT_TRACK": "True", "PYTHONPATH": str(ROOT)} | environment
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=variables, cwd=ROOT) as server:
        try:
            _wait_until_ready(port, ready, server)
            yield server
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)


def _wait_until_ready(port: int, path: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=2):
                return
        except OSError:
            if server.poll() is not None:
                raise SystemExit("the server did not start; see its log") from None
            time.sleep(0.25)
    raise SystemExit("the server did not become ready; see its log")


def workers_of(server: subprocess.Popen[bytes]) -> list[int]:
    """Return the process ids of the workers: the child processes that run a service."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="utf-8").split()
    return [int(pid) for pid in children if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def memory_mib(pid: int) -> float:
    """Return the peak resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / KIB_PER_MIB


def create_benchmark_key(config: Path) -> str:
    """Create a key with every scope and return it; the benchmark's earlier keys are revoked."""
    from serving.store.engine import open_store
    from serving.store.keys import Scope, create_key, list_keys, revoke_key
    from settings.load import load_settings

    store, now = open_store(load_settings(config).store_url), utc_now()
    for key in list_keys(store):
        if key.client == "benchmark" and key.is_live(now):
            revoke_key(store, key.key_id, now)
    key = create_key(store, "benchmark", list(Scope), 1, now)
    store.dispose()
    return key
