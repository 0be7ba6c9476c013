"""The BentoML service. It finds its configuration through HOLDFAST_CONFIG."""

import os
from pathlib import Path

import bentoml

from serving.api import make_app
from serving.store import open_store
from settings.errors import SettingsError
from settings.load import load_settings

CONFIG_VARIABLE = "HOLDFAST_CONFIG"


def configured_path() -> Path:
    """Return the configuration file that HOLDFAST_CONFIG names; raises SettingsError where it names none."""
    named = os.environ.get(CONFIG_VARIABLE)
    if not named:
        raise SettingsError(f"Set {CONFIG_VARIABLE} to the holdfast.toml that the service should use.")
    return Path(named)


APP = make_app()


@bentoml.service(name="holdfast", workers=int(os.environ.get("HOLDFAST_WORKERS", "1")), traffic={"timeout": 30})
@bentoml.asgi_app(APP, path="/")
class Holdfast:
    """Scores by customer id, from the store that `score` publishes to."""

    def __init__(self) -> None:
        """Open the store once per worker."""
        APP.state.engine = open_store(load_settings(configured_path()).store_url)
