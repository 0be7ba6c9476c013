"""Servers of this machine for a benchmark: ours on a store of its own, and one that does nothing; both with as many workers."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.serving.load import LOOPBACK

ROOT = Path(__file__).resolve().parents[2]
KIB_PER_MIB = 1024


@contextmanager
def ours(config: Path, port: int, workers: int) -> Iterator[subprocess.Popen[bytes]]:
    """Serve a configuration as `serve` does."""
    command = [sys.executable, "-m", "holdfast", "serve", "--config", str(config), "--port", str(port), "--workers", str(workers)]
    with _running(command, port, "/readyz", config.parent / "serve.log", {}) as server:
        yield server


@contextmanager
def noop(port: int, workers: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Serve the service that does nothing."""
    command = [sys.executable, "-m", "bentoml", "serve", "benchmarks.serving.noop:Noop", "--host", LOOPBACK, "--port", str(port)]
    with _running(command, port, "/readyz", folder / "noop.log", {"HOLDFAST_WORKERS": str(workers)}) as server:
        yield server


@contextmanager
def _running(
    command: list[str], port: int, ready: str, log: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    known = os.environ | {"BENTOML_DO_NOT_TRACK": "True", "PYTHONPATH": str(ROOT)} | environment
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said, env=known, cwd=ROOT) as server:
        try:
            _wait(port, ready, server)
            yield server
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)


def _wait(port: int, path: str, server: subprocess.Popen[bytes]) -> None:
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
    """Return the process numbers of the workers: the children that run a service."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="utf-8").split()
    return [int(pid) for pid in children if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def memory_mib(pid: int) -> float:
    """Return the highest resident memory a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / KIB_PER_MIB


def make_key(config: Path) -> str:
    """Return a key of every scope."""
    from serving.store.engine import open_store
    from serving.store.keys import Scope, create_key, list_keys, revoke_key
    from settings.load import load_settings

    store, now = open_store(load_settings(config).store_url), datetime.now(UTC).replace(tzinfo=None)
    for key in list_keys(store):
        if key.client == "benchmark" and key.is_live(now):
            revoke_key(store, key.key_id, now)
    key = create_key(store, "benchmark", list(Scope), 1, now)
    store.dispose()
    return key
