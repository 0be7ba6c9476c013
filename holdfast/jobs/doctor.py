"""Look at everything that a workspace needs: what is right, and what to do next. No table, model or score changes."""

import platform
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import sqlalchemy as sa

from expectations.history.loads import read_check_history, table_records
from features.storage.workspace_lock import read_holder, try_workspace_lock
from features.tables.errors import TableUnusableError
from features.tables.read import read_table
from features.tables.schema import SOURCE_TABLES
from holdfast.jobs.store import StoreHandle
from models.champion import current_champion
from models.errors import ChampionError, NoChampionError
from serving.store.runs import find_current_run
from settings.clock import shop_today
from settings.errors import UserError, first_line
from settings.load import load_settings
from settings.sections import Settings, Source, SqlQuery
from settings.urls import hide_credentials

ROOT = Path(__file__).resolve().parents[2]
State = Literal["good", "look", "wrong"]
LEAST_FREE_BYTES, GIGABYTE = 2 * 10**9, 10**9
OLD_CHAMPION_DAYS = 180


class Finding(NamedTuple):
    """What one part of a workspace is like: `state` says whether it is good, `next_step` what to do, if anything."""

    part: str
    state: State
    text: str
    next_step: str = ""


def examine(config: Path) -> list[Finding]:
    """Return the findings on the version, the configuration and, where that can be read, on all that it names."""
    findings = [_version()]
    try:
        settings = load_settings(config)
    except UserError as error:
        return [*findings, Finding("configuration", "wrong", str(error), "correct the file, or name another one with --config")]
    findings.append(Finding("configuration", "good", f"{config}; days are those of {settings.workspace.time_zone}"))
    findings += _sources(settings)
    findings.append(_checks(settings))
    findings += _store(settings)
    findings += [_secret(settings), _champion(settings), _tracking(settings), _disk(settings), _lock(settings)]
    return findings


def _version() -> Finding:
    with (ROOT / "pyproject.toml").open("rb") as project:
        version = tomllib.load(project)["project"]["version"]
    return Finding("version", "good", f"Holdfast {version}, Python {platform.python_version()}")


def _sources(settings: Settings) -> Iterator[Finding]:
    """Yield a finding per configured table: its files and columns, or whether its database answers."""
    for name in SOURCE_TABLES:
        source: Source | None = getattr(settings.tables, name)
        if source is None:
            continue
        try:
            text = _query(source) if isinstance(source, SqlQuery) else _files(settings, name)
            yield Finding(f"table {name}", "good", text)
        except TableUnusableError as error:
            yield Finding(f"table {name}", "wrong", error.sentence, f"correct tables.{name}")
        except (sa.exc.SQLAlchemyError, ModuleNotFoundError) as error:
            text = f"the database of the query cannot be reached: {hide_credentials(first_line(error))}"
            yield Finding(f"table {name}", "wrong", text, f"correct tables.{name}, or start the database")


def _files(settings: Settings, name: str) -> str:
    """Return the number of files and the columns that are used. Raises TableUnusableError, for a missing column too."""
    table = read_table(settings, name)
    assert table is not None, "only configured tables are read"  # noqa: S101  # for the type checker
    present = table.rows.collect_schema()
    columns = ", ".join(column.name for column in SOURCE_TABLES[name].columns if column.name in present)
    return f"{'1 file' if len(table.files) == 1 else f'{len(table.files):,} files'} with {columns}"


def _query(source: SqlQuery) -> str:
    engine = sa.create_engine(source.url)
    try:
        with engine.connect():
            return "the database of the query answers"
    finally:
        engine.dispose()


def _checks(settings: Settings) -> Finding:
    """Return what the newest check of each table said."""
    history = read_check_history(settings.workspace.path)
    newest = [load for name in SOURCE_TABLES for load in table_records(history, name)[-1:] if getattr(settings.tables, name)]
    if not newest:
        return Finding("checks", "look", "no table has been checked yet", "holdfast validate")
    stopped = [f"{load.table} ({', '.join(load.stopped) or 'unusable'})" for load in newest if not load.usable]
    checked = max(load.seen_at for load in newest).replace("T", " ")
    if stopped:
        return Finding("checks", "wrong", f"the check of {checked} UTC stopped {', '.join(stopped)}", "holdfast validate")
    return Finding("checks", "good", f"no table was stopped in the check of {checked} UTC")


def _store(settings: Settings) -> Iterator[Finding]:
    """Yield findings on the score store and on the current run."""
    try:
        with StoreHandle(settings) as handle:
            engine = handle.open_existing()
            run = None if engine is None else find_current_run(engine)
    except UserError as error:
        yield Finding("store", "wrong", str(error), "see docs/operation.md on stores")
        return
    if engine is None:
        yield Finding("store", "look", "there is no score store yet", "holdfast train, then holdfast run")
        return
    yield Finding("store", "good", "it answers, and fits the secret")
    if run is None:
        yield Finding("scores", "look", "no run has been published yet", "holdfast run")
        return
    age = (shop_today(settings.workspace.time_zone) - run.as_of).days
    text = f"run {run.run_id} as of {run.as_of}, {age} days old"
    is_stale = age > settings.serving.stale_after_days
    yield Finding("scores", "look" if is_stale else "good", text, "load newer tables, then holdfast run" if is_stale else "")


def _secret(settings: Settings) -> Finding:
    path = settings.secret_path
    text = str(path) if path.is_file() else f"the first run creates {path}; `holdfast backup` keeps a copy"
    return Finding("secret", "good", text)


def _champion(settings: Settings) -> Finding:
    """Return whether there is a champion, whether all its files can be read, and how old it is."""
    try:
        champion = current_champion(settings.workspace.path / "champion")
    except NoChampionError:
        return Finding("champion", "look", "no model has been trained yet", "holdfast train")
    except ChampionError as error:
        return Finding("champion", "wrong", str(error), "holdfast promote")
    trained = champion.terms.trained_as_of
    age = (shop_today(settings.workspace.time_zone) - trained).days
    is_old = age > OLD_CHAMPION_DAYS
    text = f"version {champion.version}, trained as of {trained}"
    return Finding("champion", "look" if is_old else "good", text, "holdfast train, then holdfast compare" if is_old else "")


def _tracking(settings: Settings) -> Finding:
    place = hide_credentials(settings.mlflow_uri)
    if not settings.mlflow_uri.startswith("sqlite:///"):
        return Finding("tracking", "good", f"{place} (not tried here: train connects)")
    exists = Path(settings.mlflow_uri.removeprefix("sqlite:///")).is_file()
    return Finding("tracking", "good", place if exists else f"{place} (the first training creates it)")


def _disk(settings: Settings) -> Finding:
    folder = next(parent for parent in (settings.workspace.path, *settings.workspace.path.parents) if parent.is_dir())
    free = shutil.disk_usage(folder).free
    text = f"{free / GIGABYTE:,.1f} GB free at {folder}"
    if free < LEAST_FREE_BYTES:
        return Finding("disk", "look", text, f"free space: runs and lists need up to {LEAST_FREE_BYTES / GIGABYTE:.0f} GB")
    return Finding("disk", "good", text)


def _lock(settings: Settings) -> Finding:
    if not settings.workspace.path.is_dir():
        return Finding("workspace", "good", f"{settings.workspace.path} does not exist yet; the first command creates it")
    with try_workspace_lock(settings.workspace.path, "doctor") as is_free:
        if is_free:
            return Finding("workspace", "good", f"{settings.workspace.path}; no command is running")
    return Finding("workspace", "look", f"{read_holder(settings.workspace.path)} is running", "wait for it")
