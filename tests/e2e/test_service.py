"""The real server, as the README starts it, and the bento from a folder outside the checkout."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNWANTED = ("mlflow", "great_expectations", "pandas", "matplotlib", "lifetimes", "typer")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(arguments: list[str], port: int, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    known = {"BENTOML_DO_NOT_TRACK": "True"} | environment
    with (
        log.open("w") as said,
        subprocess.Popen(arguments, stdout=said, stderr=said, env=os.environ | known, cwd=log.parent) as server,
    ):
        try:
            wait_for(port, server, log)
            yield server
        finally:
            server.terminate()
            server.wait(timeout=30)


@contextmanager
def serving(config: Path, port: int, folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    arguments = [sys.executable, "-m", "holdfast", "serve", "--config", str(config), "--port", str(port), *options]
    with running(arguments, port, folder / "serve.log", PYTHONPATH=str(ROOT)) as server:
        yield server


def wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except OSError:
            time.sleep(0.25)
    raise AssertionError(log.read_text())


def ask(port: int, key: str, *customers: str) -> dict[str, Any]:
    body = json.dumps({"customer_ids": customers}).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/score", body, headers)  # loopback
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310  # likewise
        answer: dict[str, Any] = json.load(reply)
    return answer


@pytest.fixture
def key(workshop: Path, holdfast: Callable[..., tuple[int, str, str]]) -> str:
    code, said, _ = holdfast("keys", "create", "--client", "crm", "--scope", "score", "--config", workshop)
    assert code == 0
    return said.strip()


def test_serve_answers_with_a_full_score_and_lists_unknown_ids(workshop: Path, key: str, tmp_path: Path) -> None:
    port = free_port()
    with serving(workshop, port, tmp_path):
        answer = ask(port, key, "000001", "nobody")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(port, "no key", "000001")
    [score] = answer["scores"]
    assert (score["customer_id"], answer["unknown"]) == ("000001", ["nobody"])
    assert 0 < score["p_churn"] < 1
    assert score["reasons"]


def test_a_killed_worker_is_replaced_and_requests_under_way_are_finished_at_the_end(
    workshop: Path, key: str, tmp_path: Path
) -> None:
    port = free_port()
    with serving(workshop, port, tmp_path, "--workers", "2") as server:
        workers = [int(pid) for pid in _children(server.pid)]
        assert len(workers) >= 2
        os.kill(workers[-1], signal.SIGKILL)
        for _ in range(100):
            assert ask(port, key, "000001")["scores"]
            time.sleep(0.02)
        slow = socket.create_connection(("127.0.0.1", port))
        body = b'{"customer_ids": ["000001"]}'
        head = f"POST /score HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
        slow.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body[:5])
        time.sleep(0.5)
        server.terminate()
        time.sleep(0.5)
        slow.sendall(body[5:])
        assert b"200 OK" in slow.recv(100)
    lines = (tmp_path / "serve.log").read_text()
    assert "Traceback" not in lines
    assert "000001" not in lines


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_development_mode_is_refused_beyond_this_machine(
    workshop: Path, tmp_path: Path, holdfast: Callable[..., tuple[int, str, str]]
) -> None:
    code, _, said = holdfast("serve", "--development", "--host", "0.0.0.0", "--config", workshop)  # noqa: S104  # refused
    assert (code, said) == (2, "Development mode asks for no key, so it serves on 127.0.0.1 only, not on 0.0.0.0.\n")
    port = free_port()
    with serving(workshop, port, tmp_path, "--development"):
        assert ask(port, "", "000001")["scores"]


def test_the_server_process_imports_no_training_tool(demo: Path) -> None:
    code = f"import sys, serving.service; print([m for m in {UNWANTED} if m in sys.modules])"
    environment = os.environ | {"HOLDFAST_CONFIG": str(demo / "holdfast.toml"), "BENTOML_DO_NOT_TRACK": "True"}
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


@pytest.mark.timeout(600)
def test_a_bento_starts_in_an_empty_environment_of_its_own_requirements(workshop: Path, key: str, tmp_path: Path) -> None:
    home = tmp_path / "bentos"
    environment = os.environ | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    checkout = shutil.copytree(
        ROOT, tmp_path / "checkout", ignore=shutil.ignore_patterns(".venv", ".git", "demo", "workspace", ".*_cache")
    )
    build = [sys.executable, "-m", "bentoml", "build", "--version", "test"]
    built = subprocess.run(build, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    bento = home / "bentos" / "holdfast" / "test"
    assert {path.name for path in (bento / "src").iterdir() if path.is_dir()} == {"settings", "features", "models", "serving"}
    shutil.rmtree(checkout)
    python = empty_environment(tmp_path / "empty", bento / "env" / "python" / "requirements.txt")
    installed = subprocess.run([python, "-m", "pip", "list"], capture_output=True, text=True, check=True).stdout.lower()
    assert not [name for name in ("mlflow", "great", "pandas", "typer", "lifetimes") if f"\n{name}" in installed]
    port = free_port()
    arguments = [str(python), "-m", "bentoml", "serve", "holdfast:test", "--host", "127.0.0.1", "--port", str(port)]
    outside = tmp_path / "outside"
    outside.mkdir()
    with running(arguments, port, outside / "serve.log", BENTOML_HOME=str(home), HOLDFAST_CONFIG=str(workshop)):
        assert ask(port, key, "000002")["scores"][0]["customer_id"] == "000002"


def empty_environment(folder: Path, requirements: Path) -> Path:
    """A virtual environment with these requirements and pip alone; returns its Python."""
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(folder)], check=True)
    python = folder / "bin" / "python"
    install = [*uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(requirements)]
    subprocess.run(install, check=True)
    return python
