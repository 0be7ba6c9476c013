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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNWANTED = ("mlflow", "great_expectations", "matplotlib", "lifetimes", "typer")
# LightGBM imports these if they are installed; the server's own environment does not have them.
WITH_TRAINING = ("pandas", "sklearn")


def post_score(port: int, key: str, *customers: str) -> dict[str, Any]:
    body = json.dumps({"customer_ids": customers}).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/score", body, headers)  # loopback
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310  # likewise
        content: dict[str, Any] = json.load(reply)
    return content


@pytest.fixture
def key(workshop: Path, holdfast: Callable[..., tuple[int, str, str]]) -> str:
    code, output, _ = holdfast("keys", "create", "--client", "crm", "--scope", "score", "--config", workshop)
    assert code == 0
    return output.strip()


@pytest.mark.slow
def test_serve_returns_a_full_score_and_lists_unknown_ids(workshop: Path, key: str, port: int, serve: Any) -> None:  # noqa: ANN401
    with serve(workshop):
        reply = post_score(port, key, "000001", "unknown")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            post_score(port, "no key", "000001")
    [score] = reply["scores"]
    assert (score["customer_id"], reply["unknown"]) == ("000001", ["unknown"])
    assert 0 < score["p_churn"] < 1
    assert score["reasons"]


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_open_requests_are_finished_on_shutdown(
    workshop: Path,
    key: str,
    port: int,
    serve: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    with serve(workshop, "--workers", "2") as server:
        workers = [int(pid) for pid in _children(server.pid)]
        assert len(workers) >= 2
        os.kill(workers[-1], signal.SIGKILL)
        for _ in range(100):
            assert post_score(port, key, "000001")["scores"]
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
    log = (tmp_path / "serve.log").read_text()
    assert "Traceback" not in log
    assert "000001" not in log


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.slow
def test_development_mode_is_refused_on_other_than_loopback_addresses(
    workshop: Path,
    port: int,
    serve: Any,  # noqa: ANN401
    holdfast: Callable[..., tuple[int, str, str]],
) -> None:
    code, _, problem = holdfast("serve", "--development", "--host", "0.0.0.0", "--config", workshop)  # noqa: S104  # refused
    assert (code, problem) == (2, "Development mode requires no key, so it serves on 127.0.0.1 only, not on 0.0.0.0.\n")
    with serve(workshop, "--development"):
        assert post_score(port, "", "000001")["scores"]


def imported_modules(python: Path | str, folder: Path, config: Path, names: tuple[str, ...]) -> list[str]:
    """Return which of these modules are loaded in a process that imports the service and reads a champion."""
    code = (
        "import sys, os; from pathlib import Path; import serving.service; from models.champion import current_champion; "
        "current_champion(Path(os.environ['HOLDFAST_CONFIG']).parent / 'workspace' / 'champion'); "
        f"print(*(name for name in {names} if name in sys.modules))"
    )
    environment = os.environ | {"HOLDFAST_CONFIG": str(config), "BENTOML_DO_NOT_TRACK": "True"}
    command = [str(python), "-W", "ignore", "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout.split()


def test_the_server_process_imports_no_training_tools(demo: Path) -> None:
    assert imported_modules(sys.executable, ROOT, demo / "holdfast.toml", UNWANTED) == []


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_a_bento_starts_in_an_empty_environment_of_its_own_requirements(
    workshop: Path,
    key: str,
    port: int,
    run_server: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    home = tmp_path / "bentos"
    environment = os.environ | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    checkout = shutil.copytree(
        ROOT, tmp_path / "checkout", ignore=shutil.ignore_patterns(".venv", ".git", "demo", "workspace", ".*_cache")
    )
    build = [sys.executable, "-m", "bentoml", "build", "--version", "test"]
    result = subprocess.run(build, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    bento = home / "bentos" / "holdfast" / "test"
    folders = {path.name for path in (bento / "src").iterdir() if path.is_dir()}
    assert folders == {"settings", "features", "expectations", "models", "serving"}
    shutil.rmtree(checkout)
    python = empty_environment(tmp_path / "empty", bento / "env" / "python" / "requirements.txt")
    installed = subprocess.run([python, "-m", "pip", "list"], capture_output=True, text=True, check=True).stdout.lower()
    assert not [name for name in ("mlflow", "great", "pandas", "typer", "lifetimes") if f"\n{name}" in installed]
    assert imported_modules(python, bento / "src", workshop, (*UNWANTED, *WITH_TRAINING)) == []
    arguments = [str(python), "-m", "bentoml", "serve", "holdfast:test", "--host", "127.0.0.1", "--port", str(port)]
    outside = tmp_path / "outside"
    outside.mkdir()
    with run_server(arguments, port, outside / "serve.log", BENTOML_HOME=str(home), HOLDFAST_CONFIG=str(workshop)):
        assert post_score(port, key, "000002")["scores"][0]["customer_id"] == "000002"
        for page in ("login", "static/holdfast.css"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ui/{page}", timeout=10) as reply:
                assert reply.status == 200


def empty_environment(folder: Path, requirements: Path) -> Path:
    """Create a virtual environment with pip and these requirements, installed as in the bento's image; return its Python."""
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(folder)], check=True)
    python = folder / "bin" / "python"
    install = [*uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(requirements)]
    subprocess.run(install, check=True)
    return python
