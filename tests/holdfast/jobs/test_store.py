from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from holdfast.jobs.store import StoreHandle
from settings.load import load_settings
from settings.sections import Settings, TableSources, Workspace

Holdfast = Callable[..., tuple[int, str, str]]


@pytest.fixture
def openings(workshop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[sa.Engine]]:
    """The engines opened on the score store of the workshop."""
    store = make_url(load_settings(workshop, {}).store_url)
    create_engine, engines = sa.create_engine, []

    def recording(url: sa.URL | str, **options: object) -> sa.Engine:
        engine = create_engine(url, **options)
        if make_url(url) == store:
            engines.append(engine)
        return engine

    monkeypatch.setattr(sa, "create_engine", recording)
    yield engines
    for engine in engines:
        engine.dispose()


def own_settings(folder: Path) -> Settings:
    """Settings of a workspace in a folder that has no tables."""
    return Settings(tables=TableSources(transactions="none.csv"), workspace=Workspace(path=folder))


@pytest.mark.parametrize(
    "command",
    [
        ["inspect"],
        ["validate"],
        ["features", "--as-of", "2024-06-01"],
        ["diagnose"],
        ["score"],
        ["score", "--no-publish"],
        ["list"],
        ["run"],
        ["outcomes"],
        ["keys", "list"],
        ["suppress", "000412"],
        ["forget", "000412"],
    ],
    ids=" ".join,
)
@pytest.mark.slow
def test_a_command_opens_the_store_once(
    workshop: Path, holdfast: Holdfast, openings: list[sa.Engine], command: list[str]
) -> None:
    holdfast(*command, "--config", workshop)
    assert len(openings) == 1


def test_the_store_is_created_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "scores.db"
    with StoreHandle(own_settings(tmp_path)) as store:
        assert (store.open_existing(), path.exists()) == (None, False)
        engine = store.open()
        assert path.is_file()
        assert store.open() is engine
        assert store.open_existing() is engine


def test_the_store_is_closed_with_the_command(tmp_path: Path) -> None:
    with StoreHandle(own_settings(tmp_path)) as store:
        engine = store.open()
        with engine.connect():
            pass
        pool = engine.pool
        assert pool.checkedin() == 1  # type: ignore[attr-defined]
    assert engine.pool is not pool
