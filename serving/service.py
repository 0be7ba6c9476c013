"""The BentoML service. It finds its configuration through HOLDFAST_CONFIG."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import bentoml

from serving.app import make_app
from serving.http.state import ServiceState
from settings.errors import SettingsError
from settings.load import load_settings

CONFIG_VARIABLE, WORKERS_VARIABLE = "HOLDFAST_CONFIG", "HOLDFAST_WORKERS"
SECONDS_BEYOND = 60  # beyond what the gate allows, which answers in our shape


def configured_path() -> Path:
    """Return the configuration file that HOLDFAST_CONFIG names; raises SettingsError where it names none."""
    named = os.environ.get(CONFIG_VARIABLE)
    if not named:
        raise SettingsError(f"Set {CONFIG_VARIABLE} to the holdfast.toml that the service should use.")
    return Path(named)


class Routes:
    """Every request goes to our own routes, health included; BentoML starts, stops and watches the workers around them."""

    worker: Callable[..., Awaitable[None]] | None = None

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        """Keep BentoML's application for its start and end."""
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401  # ASGI
        """Answer a request; a web socket is closed."""
        if scope["type"] == "http" and Routes.worker is not None:
            await Routes.worker(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self.app(scope, receive, send)


@bentoml.service(
    name="holdfast",
    workers=int(os.environ.get(WORKERS_VARIABLE, "1")),
    traffic={"timeout": SECONDS_BEYOND},
    logging={"access": {"enabled": False}},  # it would write ids that stand in paths
    metrics={"enabled": False},  # likewise, as labels
    tracing={"excluded_urls": ".*"},  # likewise, as names of spans
)
class Holdfast:
    """Scores, live scores and lists, from the store that `score` publishes to."""

    def __init__(self) -> None:
        """Open what a worker holds."""
        Routes.worker = make_app(ServiceState.opened(load_settings(configured_path())))


Holdfast.add_asgi_middleware(Routes)  # type: ignore[attr-defined]  # what the decorator made
