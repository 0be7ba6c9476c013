"""Passwords in files of their own, such as a container's secrets: they are read here, and put into the URLs they belong to."""

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from settings.errors import SettingsError
from settings.sections import Settings, Source, SqlQuery, TableSources

CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def with_passwords(path: Path, settings: Settings) -> Settings:
    """Return the settings with the password of each `password_file` in its URL, and in no other place.

    Relative file names start at the folder of `path`, the configuration. Raises SettingsError naming the key, never a password.
    """
    serving, tracking = settings.serving, settings.tracking
    store = _complete(path, "serving.store", serving.store, "serving.store_password_file", serving.store_password_file)
    mlflow_uri = _complete(
        path, "tracking.mlflow_uri", tracking.mlflow_uri, "tracking.mlflow_password_file", tracking.mlflow_password_file
    )
    sources: dict[str, Any] = {
        field.name: _complete_source(path, f"tables.{field.name}", getattr(settings.tables, field.name))
        for field in fields(TableSources)
    }
    return replace(
        settings,
        tables=replace(settings.tables, **sources),
        serving=replace(serving, store=store),
        tracking=replace(tracking, mlflow_uri=mlflow_uri),
    )


def read_password(file: Path) -> str:
    """Return the text of a file without line breaks at its end, as shells and the image of PostgreSQL read it.

    Raises ValueError, whose message completes "the file ..." and does not quote the text.
    """
    try:
        password = file.read_bytes().decode().rstrip("\n")
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    if not password:
        raise ValueError("is empty")
    if CONTROL_CHARACTER.search(password):
        raise ValueError("contains a line break or another control character: keep one line, without carriage returns")
    return password


def with_password(url: str, password: str) -> str:
    """Return a URL that names a user with this password, percent-encoded.

    Raises ValueError, whose message completes "the URL ...", if the URL names no user or has a password already.

    >>> with_password("postgresql://me@db:5432/shop", "p@ss: word/#1")
    'postgresql://me:p%40ss%3A%20word%2F%231@db:5432/shop'
    """
    parts = urlsplit(url)
    user, at, address = parts.netloc.rpartition("@")
    if not at or not user:
        raise ValueError("names no user: write postgresql://user@host:5432/name")
    if ":" in user:
        raise ValueError("has a password already: keep one of the two")
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{address}"))


def _complete(path: Path, url_key: str, url: str | None, file_key: str, file: Path | None) -> str | None:
    if file is None:
        return url
    if url is None:
        raise SettingsError(f"{path}: {file_key} needs {url_key}, the URL that the password belongs to.")
    try:
        password = read_password(path.resolve().parent / file)
    except ValueError as error:
        raise SettingsError(f"{path}: {file_key} names {file}, which {error}.") from None
    try:
        return with_password(url, password)
    except ValueError as error:
        raise SettingsError(f"{path}: {file_key} is given, but {url_key} {error}.") from None


def _complete_source(path: Path, key: str, source: Source | None) -> Source | None:
    if not isinstance(source, SqlQuery):
        return source
    return replace(
        source, url=_complete(path, f"{key}.url", source.url, f"{key}.password_file", source.password_file) or source.url
    )
