from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from serving.app import make_app
from serving.http.state import ServiceState
from serving.store.engine import open_store
from serving.store.keys import Scope, create_key
from settings.clock import utc_now
from settings.load import load_settings
from settings.sections import Settings


def emptied_database(url: str) -> str:
    """Drop everything in a PostgreSQL database, and return its URL."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("drop schema public cascade"))
        connection.execute(sa.text("create schema public"))
    engine.dispose()
    return url


@pytest.fixture
def postgres(postgres_url: str) -> str:
    """The URL of an empty PostgreSQL database."""
    return emptied_database(postgres_url)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty store, once in SQLite and once in PostgreSQL."""
    return f"sqlite:///{tmp_path}/s.db" if request.param == "sqlite" else str(request.getfixturevalue("postgres"))


@pytest.fixture
def store(store_url: str) -> Iterator[sa.Engine]:
    """Return an empty store, once in SQLite and once in PostgreSQL."""
    engine = open_store(store_url)
    yield engine
    engine.dispose()


@dataclass(frozen=True)
class Service:
    """A worker's application over a copy of the trained demo, and a client whose key has all scopes."""

    state: ServiceState
    client: TestClient

    def send(self, method: str, path: str, key: str | None = None, **options: Any) -> Any:  # noqa: ANN401  # httpx's own types
        """Send a request with another key, or without one ("")."""
        headers = {} if key == "" else {"authorization": f"Bearer {key}"}
        with TestClient(self.client.app, raise_server_exceptions=False) as client:
            return client.request(method, path, headers=headers | options.pop("headers", {}), **options)

    def key(self, *scopes: Scope, days: int = 30, now: datetime | None = None, client: str | None = None) -> str:
        """Create a key, by default of a new client."""
        name = client or f"client {next(COUNTER)}"
        return create_key(self.state.engine, name, scopes, days, now or utc_now())


COUNTER = count()
CopyShop = Callable[[Path, Path], Path]


def run_service(settings: Settings) -> Iterator[Service]:
    state = ServiceState.open(settings)
    key = create_key(state.engine, f"tests {next(COUNTER)}", list(Scope), 30, utc_now())
    with TestClient(make_app(state), raise_server_exceptions=False, headers={"authorization": f"Bearer {key}"}) as client:
        yield Service(state, client)
    state.engine.dispose()


@pytest.fixture(scope="module")
def service(demo: Path, copy_shop: CopyShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service that the tests of a module share."""
    yield from run_service(load_settings(copy_shop(demo, tmp_path_factory.mktemp("service") / "shop"), {}))


@pytest.fixture
def own_service(workshop: Path) -> Iterator[Service]:
    """Run a service for one test, which may suppress and erase customers."""
    yield from run_service(load_settings(workshop, {}))
