"""The BentoML service. It reads its configuration from the file that HOLDFAST_CONFIG names."""

import os
from pathlib import Path

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.http.protocol import install, set_limits
from settings.errors import SettingsError
from settings.load import load_settings
from settings.permissions import restrict_new_files
from settings.processors import configure_openmp

CONFIG_VARIABLE, WORKERS_VARIABLE = "HOLDFAST_CONFIG", "HOLDFAST_WORKERS"
BENTOML_TIMEOUT_SECONDS = 60  # longer than our own `request_seconds`, whose timeout answers in our error format

install()  # BentoML imports this module before it configures uvicorn, and offers no option for it


def configured_path() -> Path:
    """Return the configuration file that HOLDFAST_CONFIG names. Raises SettingsError if the variable is not set."""
    path = os.environ.get(CONFIG_VARIABLE)
    if not path:
        raise SettingsError(f"Set {CONFIG_VARIABLE} to the holdfast.toml that the service should use.")
    return Path(path)


class OwnRoutes:
    """Pass every HTTP request, health checks included, to our own routes; BentoML starts, stops and watches the workers."""

    def __init__(self, app: ASGIApp) -> None:
        """Keep BentoML's application, which handles start-up and shutdown."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an HTTP request; close a web socket.

        BentoML builds its middleware before the worker's service, so the routes are looked up with each request.
        """
        if scope["type"] == "http":
            await bentoml.get_current_service().routes(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self.app(scope, receive, send)


@bentoml.service(
    name="holdfast",
    workers=int(os.environ.get(WORKERS_VARIABLE, "1")),
    traffic={"timeout": BENTOML_TIMEOUT_SECONDS},
    logging={"access": {"enabled": False}},  # it would write paths, which hold customer ids
    metrics={"enabled": False},  # its labels would hold them too
    tracing={"excluded_urls": ".*"},  # and so would its span names
)
class Holdfast:
    """Scores, live scores and lists, from the store that `score` publishes to."""

    def __init__(self) -> None:
        """Open the store and build the routes of this worker."""
        configure_openmp()
        settings = load_settings(configured_path())
        restrict_new_files(settings.workspace)
        from serving.app import make_app
        from serving.http.state import ServiceState

        set_limits(settings.serving)
        self.routes = make_app(ServiceState.open(settings))


Holdfast.add_asgi_middleware(OwnRoutes)  # type: ignore[attr-defined]  # the decorator turns the class into a Service
