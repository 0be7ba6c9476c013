"""`serve`: run the BentoML service."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config

NAME = "serve"
EXAMPLE = "serve --config demo/holdfast.toml --port 3000 --workers 2"
ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
LOOPBACK_HOSTS = (LOOPBACK, "localhost", "::1")
SHUTDOWN_SECONDS = 25  # for requests in progress when the service is stopped

Port = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Number of worker processes; start with one per processor.")]
Host = Annotated[
    str, typer.Option("--host", help="Address to listen on. To serve other machines, put a TLS proxy in front of it.")
]
Development = Annotated[bool, typer.Option("--development", help="Require no key. Only on a loopback address.")]


def command(
    config: Config = DEFAULT_CONFIG,
    port: Port = 3000,
    workers: Workers = 1,
    host: Host = LOOPBACK,
    development: Development = False,  # noqa: FBT002  # a flag of the command line
) -> None:
    """Serve scores, lists and web pages until stopped. Every request needs a key; create one with `keys create`."""
    from serving.privacy.workspace_key import identity_key
    from serving.privacy.workspace_store import open_workspace_store
    from settings.errors import UserError
    from settings.load import load_settings

    settings = load_settings(config)
    if (development or settings.serving.development) and host not in LOOPBACK_HOSTS:
        raise UserError(f"Development mode requires no key, so it serves on {LOOPBACK} only, not on {host}.")
    engine = open_workspace_store(settings)
    identity_key(settings.secret_path, engine)
    engine.dispose()
    environment = os.environ | {
        "HOLDFAST_CONFIG": str(config.resolve()),
        "HOLDFAST_WORKERS": str(workers),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONPATH": str(ROOT),
    }
    environment |= {"HOLDFAST__SERVING__DEVELOPMENT": "true"} if development else {}
    bentoml = [sys.executable, "-m", "bentoml", "serve", "serving.service:Holdfast"]
    address = ["--host", host, "--port", str(port), "--timeout-graceful-shutdown", str(SHUTDOWN_SECONDS)]
    os.chdir(ROOT)
    os.execve(sys.executable, [*bentoml, *address], environment)  # noqa: S606  # the server takes this process's place
