"""`serve`: the BentoML service."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from holdfast.options import DEFAULT_CONFIG, Config

NAME = "serve"
EXAMPLE = "serve --config demo/holdfast.toml --port 3000"
ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"

Port = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on the loopback address.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Worker processes.")]


def command(config: Config = DEFAULT_CONFIG, port: Port = 3000, workers: Workers = 1) -> None:
    """Serve the published scores on 127.0.0.1 until stopped. Only this machine can reach it."""
    from serving.store import open_store
    from settings.load import load_settings

    open_store(load_settings(config).store_url).dispose()
    environment = os.environ | {
        "HOLDFAST_CONFIG": str(config.resolve()),
        "HOLDFAST_WORKERS": str(workers),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONPATH": str(ROOT),
    }
    arguments = [sys.executable, "-m", "bentoml", "serve", "serving.service:Holdfast", "--host", LOOPBACK, "--port", str(port)]
    os.chdir(ROOT)
    os.execve(sys.executable, arguments, environment)  # noqa: S606  # the server takes this process's place
