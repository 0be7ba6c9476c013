"""The real server, as the README starts it, and the bento from a folder outside the checkout."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
UNWANTED = ("mlflow", "great_expectations", "pandas", "matplotlib", "lifetimes", "typer")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(arguments: list[str], port: int, log: Path, **environment: str) -> Iterator[None]:
    known = {"BENTOML_DO_NOT_TRACK": "True"} | environment
    with (
        log.open("w") as said,
        subprocess.Popen(arguments, stdout=said, stderr=said, env=os.environ | known, cwd=log.parent) as server,
    ):
        try:
            wait_for(port, server, log)
            yield
        finally:
            server.terminate()
            server.wait(timeout=30)


def wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except OSError:
            time.sleep(0.25)
    raise AssertionError(log.read_text())


def ask(port: int, *customers: str) -> dict[str, Any]:
    body = json.dumps({"customer_ids": customers}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/score", body, {"content-type": "application/json"})  # loopback
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310  # likewise
        answer: dict[str, Any] = json.load(reply)
    return answer


def test_serve_answers_with_a_full_score_and_lists_unknown_ids(demo: Path, tmp_path: Path) -> None:
    port = free_port()
    arguments = [sys.executable, "-m", "holdfast", "serve", "--config", str(demo / "holdfast.toml"), "--port", str(port)]
    with running(arguments, port, tmp_path / "serve.log", PYTHONPATH=str(ROOT)):
        answer = ask(port, "000001", "nobody")
    [score] = answer["scores"]
    assert (score["customer_id"], answer["unknown"]) == ("000001", ["nobody"])
    assert 0 < score["p_churn"] < 1
    assert score["reasons"]


def test_the_server_process_imports_no_training_tool(demo: Path) -> None:
    code = f"import sys, serving.service; print([m for m in {UNWANTED} if m in sys.modules])"
    environment = os.environ | {"HOLDFAST_CONFIG": str(demo / "holdfast.toml"), "BENTOML_DO_NOT_TRACK": "True"}
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_a_bento_is_built_and_serves_from_another_folder(demo: Path, tmp_path: Path) -> None:
    home = tmp_path / "bentos"
    environment = os.environ | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    checkout = shutil.copytree(
        ROOT, tmp_path / "checkout", ignore=shutil.ignore_patterns(".venv", ".git", "demo", "workspace", ".*_cache")
    )
    build = [sys.executable, "-m", "bentoml", "build", "--version", "test"]
    built = subprocess.run(build, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    source = home / "bentos" / "holdfast" / "test" / "src"
    assert {path.name for path in source.iterdir() if path.is_dir()} == {"settings", "features", "models", "serving"}
    shutil.rmtree(checkout)
    port = free_port()
    arguments = [sys.executable, "-m", "bentoml", "serve", "holdfast:test", "--host", "127.0.0.1", "--port", str(port)]
    outside = tmp_path / "outside"
    outside.mkdir()
    with running(arguments, port, outside / "serve.log", BENTOML_HOME=str(home), HOLDFAST_CONFIG=str(demo / "holdfast.toml")):
        assert ask(port, "000002")["scores"][0]["customer_id"] == "000002"
