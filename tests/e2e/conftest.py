import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RunServer = Callable[..., AbstractContextManager[subprocess.Popen[bytes]]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def run(
    arguments: list[str], port: int, log: Path, ready: str = "readyz", **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    variables = os.environ | {"BENTOML_DO_NOT_TRACK": "True"} | environment
    with (
        log.open("w") as output,
        subprocess.Popen(arguments, stdout=output, stderr=output, env=variables, cwd=log.parent) as server,
    ):
        try:
            wait_for(f"http://127.0.0.1:{port}/{ready}", server, log)
            yield server
        finally:
            server.terminate()
            server.wait(timeout=30)


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  # loopback
                return
        except OSError:
            time.sleep(0.25)
    raise AssertionError(log.read_text())


@pytest.fixture
def port() -> int:
    """A free port."""
    return free_port()


@pytest.fixture(scope="session")
def new_port() -> Callable[[], int]:
    """A function that finds a free port."""
    return free_port


@pytest.fixture(scope="session")
def run_server() -> RunServer:
    """A context manager that starts a server program, waits until it is ready, and stops it at the end."""
    return run


@pytest.fixture
def serve(port: int, tmp_path: Path) -> RunServer:
    """A function that serves a configuration on `port`, as the README does, with its output in `serve.log` in `tmp_path`."""

    def start(config: Path, *options: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        arguments = [sys.executable, "-m", "holdfast", "serve", "--config", str(config), "--port", str(port), *options]
        return run(arguments, port, tmp_path / "serve.log", PYTHONPATH=str(ROOT))

    return start
