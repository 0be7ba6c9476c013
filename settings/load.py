"""Read `holdfast.toml`, apply overrides from the environment, and refuse unknown keys and impossible values by name."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from settings.errors import SettingsError
from settings.password_files import with_passwords
from settings.sections import FileSource, Settings, Source, SqlQuery, TableSources
from settings.urls import OBJECT_STORES, hide_credentials, refuse_malformed_url, remember_environment, remember_secrets

PREFIX = "HOLDFAST__"
SQLITE = "sqlite:///"
TYPE_NAMES = ("int", "str", "FileSource", "SqlQuery")
# Keys that have a new name, by section: (old, new). The old one is still accepted.
RENAMED_KEYS = {"targeting": ("hold_out_days", "control_hold_days")}


def load_settings(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings in `path`, overridden by `HOLDFAST__SECTION__KEY` variables.

    Relative paths, also inside `sqlite:///`, become absolute from the folder of the file. Raises SettingsError naming the file
    and the key when the file is missing, is not TOML, has an unknown key or an impossible value.
    """
    remember_environment(environ)
    raw = _rename_keys(path, _override(_read_toml(path), environ))
    try:
        settings = TypeAdapter(Settings).validate_python(raw)
    except ValidationError as error:
        raise SettingsError(f"{path}: {_sentence(error)}") from None
    _check_across_sections(path, settings)
    _check_urls(path, settings)
    settings = with_passwords(path, settings)
    _check_urls(path, settings)  # now with their passwords, which are to be hidden
    return _absolute(settings, path.resolve().parent)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(
            f"There is no configuration file at {path}; name one with --config, or create one with `demo`."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None


def _override(raw: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    for name in sorted(environ):
        if name.startswith(PREFIX):
            *sections, key = name.removeprefix(PREFIX).lower().split("__")
            target = raw
            for section in sections:
                target = target.setdefault(section, {})
                if not isinstance(target, dict):
                    raise SettingsError(f"The variable {name} does not name a configuration key: {section} is not a section.")
            target[key] = _toml_value(environ[name])
    return raw


def _rename_keys(path: Path, raw: dict[str, Any]) -> dict[str, Any]:
    """Move the values of keys with an old name to the new one."""
    for section, (old, new) in RENAMED_KEYS.items():
        values = raw.get(section)
        if not isinstance(values, dict) or old not in values:
            continue
        if new in values:
            raise SettingsError(f"{path}: {section}.{old} is the old name of {section}.{new}; keep only {section}.{new}.")
        values[new] = values.pop(old)
    return raw


def _toml_value(text: str) -> Any:  # noqa: ANN401  # any type of TOML
    """Read `text` as a TOML value, or as a plain string if it is not TOML."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _sentence(error: ValidationError) -> str:
    """Return one sentence about the main problem, with the key as the user wrote it."""
    # Where several types are allowed, the closest one has the longest path, and pydantic adds the names of the types to it.
    problem = max(error.errors(), key=lambda item: (item["type"] == "unexpected_keyword_argument", len(item["loc"])))
    parts = [str(part) for part in problem["loc"]]
    key = ".".join(part for part in parts if part not in TYPE_NAMES and not part.startswith(("literal[", "constrained")))
    if problem["type"] == "unexpected_keyword_argument":
        return f"unknown key {key}; remove it or correct its spelling."
    if problem["type"] == "missing":
        return f"the key {'tables.transactions' if key == 'tables' else key} is missing; it has no default."
    value = problem["input"]
    message = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ").removeprefix("String should ")
    return f"{key} should be {message}, found {hide_credentials(repr(value))}."


def _check_across_sections(path: Path, settings: Settings) -> None:
    low, high = settings.churn.band_cuts
    if low > high:
        raise SettingsError(f"{path}: churn.band_cuts should be in ascending order, found {low} before {high}.")
    for event in settings.calendar.events:
        if event.last < event.first:
            raise SettingsError(
                f"{path}: calendar.events: {event.name} should end on {event.first} or later, found {event.last}."
            )
    names = [action.name for action in settings.targeting.actions]
    if len(names) != len(set(names)):
        raise SettingsError(f"{path}: targeting.actions should have unique names, found {', '.join(names)}.")
    for action in settings.targeting.actions:
        if action.always and action.kind != "recovery":
            raise SettingsError(
                f"{path}: targeting.actions: always = true is for actions of kind recovery only; remove it from {action.name}, "
                f"which is of kind {action.kind}."
            )


def _check_urls(path: Path, settings: Settings) -> None:
    """Refuse malformed URLs without quoting them, and URLs where a file is expected; remember the secrets in the others."""
    urls = {"serving.store": settings.serving.store, "tracking.mlflow_uri": settings.tracking.mlflow_uri}
    for table, source in ((field.name, getattr(settings.tables, field.name)) for field in fields(TableSources)):
        for file in _files(source):
            _check_file(path, table, file)
        urls[f"tables.{table}.url"] = source.url if isinstance(source, SqlQuery) else None
    for key, url in urls.items():
        remember_secrets(url)
        try:
            refuse_malformed_url(url or "")
        except ValueError as error:
            raise SettingsError(f"{path}: {key} should be {error}.") from None


def _files(source: Source | None) -> list[str]:
    """Return the files of a source, joined ones too; none for a query."""
    if isinstance(source, FileSource):
        return [source.file, *(other.file for other in source.join)]
    return [source] if isinstance(source, str) else []


def _check_file(path: Path, table: str, file: str) -> None:
    """Refuse URLs that are not of an object store, and credentials in those that are."""
    scheme, is_url, rest = file.partition("://")
    if not is_url:
        return
    remember_secrets(file)
    if scheme not in OBJECT_STORES:
        known = ", ".join(f"{name}://" for name in OBJECT_STORES)
        raise SettingsError(
            f"{path}: tables.{table} should be a file, or {{url, query}} for a database; found a URL that is not of an object "
            f"store ({known})."
        )
    if "@" in rest or "?" in rest.partition("*")[0]:
        raise SettingsError(f"{path}: tables.{table} should be a URL without credentials; they come from the environment.")


def _absolute(settings: Settings, folder: Path) -> Settings:
    sources: dict[str, Any] = {
        field.name: _absolute_source(getattr(settings.tables, field.name), folder) for field in fields(TableSources)
    }
    return replace(
        settings,
        tables=replace(settings.tables, **sources),
        workspace=replace(settings.workspace, path=folder / settings.workspace.path),
        training=replace(settings.training, trees=settings.training.trees and folder / settings.training.trees),
        tracking=replace(settings.tracking, mlflow_uri=_absolute_url(settings.tracking.mlflow_uri, folder)),
        serving=replace(
            settings.serving,
            store=_absolute_url(settings.serving.store, folder),
            secret_file=settings.serving.secret_file and folder / settings.serving.secret_file,
        ),
    )


def _absolute_source(source: Source | None, folder: Path) -> Source | None:
    if isinstance(source, SqlQuery):
        return replace(source, url=_absolute_url(source.url, folder) or source.url)
    if isinstance(source, FileSource):
        joined = tuple(replace(other, file=_absolute_file(other.file, folder)) for other in source.join)
        return replace(source, file=_absolute_file(source.file, folder), join=joined)
    return source if source is None else _absolute_file(source, folder)


def _absolute_file(file: str, folder: Path) -> str:
    return file if "://" in file else str(folder / file)


def _absolute_url(url: str | None, folder: Path) -> str | None:
    if url is None or not url.startswith(SQLITE) or url == SQLITE + ":memory:":
        return url
    return SQLITE + str(folder / url.removeprefix(SQLITE))
