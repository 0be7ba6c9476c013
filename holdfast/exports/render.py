"""Write a proposal as `holdfast.toml`, with a comment per guess."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from markupsafe import Markup

from features.rendering.templates import template_environment
from features.storage.files import write_durably
from holdfast.exports.proposal import JoinGuess, Proposal, TableGuess
from holdfast.exports.sql_query import query_of

FOLDER = Path(__file__).parent
TEMPLATE = "holdfast.toml.j2"
PASSWORD_FILE = "database_password"  # noqa: S105  # the name of a file
SHARE_OF_ORDER = 0.1
UNITS = ("brand", "category", "product_id", "store", "channel")


def render(proposal: Proposal, folder: Path, typical_order: float) -> str:
    """Return the configuration for `folder`. `typical_order` is the amount of a usual order, for the costs of actions."""
    names = {column.name for column in proposal.tables[0].columns}
    environment = template_environment(FOLDER, {"toml": _plain_toml, "one_line": _one_line})
    text = environment.get_template(TEMPLATE).render(
        proposal=proposal,
        sources=[guess.main.name for guess in proposal.tables],
        tables=[(guess, _source(guess, folder)) for guess in proposal.tables],
        unit=next((unit for unit in UNITS if unit in names), None),
        cost=_rounded(SHARE_OF_ORDER * typical_order),
    )
    return f"{text}\n"


def with_password_file(proposal: Proposal, folder: Path) -> Proposal:
    """Write the password of a database URL to a file of its own in `folder`, and return the proposal without it."""
    tables = []
    for guess in proposal.tables:
        url = None if guess.main.url is None else sa.make_url(guess.main.url)
        if url is not None and url.password is not None:
            write_durably(folder / PASSWORD_FILE, f"{url.password}\n".encode(), mode=0o600)
            public = url.set(password=None).render_as_string(hide_password=False)
            guess = replace(guess, main=replace(guess.main, url=public, options={"password_file": PASSWORD_FILE}))  # noqa: PLW2901
        tables.append(guess)
    return replace(proposal, tables=tuple(tables))


def to_toml(value: Any) -> str:  # noqa: ANN401  # whatever a configuration holds
    """Return a text, number, list or table as TOML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{to_key(name)} = {to_toml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(to_toml(each) for each in value) + "]"
    if isinstance(value, str) and '"' in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    if isinstance(value, str) and '"' in value and "'''" not in value and not value.endswith("'") and value.isprintable():
        return f"'''{value}'''"
    return json.dumps(value, ensure_ascii=False)


def to_key(name: str) -> str:
    """Return a key of TOML, quoted where it must be."""
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() else json.dumps(name, ensure_ascii=False)


def _source(guess: TableGuess, folder: Path) -> Any:  # noqa: ANN401  # a text or a table
    where = " AND ".join(sql if len(guess.where) == 1 else f"({sql})" for sql, _ in guess.where)
    common = {"fill_down": list(guess.fill_down), "where": where}
    if guess.main.url is not None:
        source: dict[str, Any] = {"url": guess.main.url, "query": query_of(guess)} | guess.main.options | common
    else:
        source = (
            {"file": _path(guess.main.file, folder)}
            | guess.main.options
            | {"join": [_join(join, folder) for join in guess.joins]}
            | common
        )
    given = {key: value for key, value in source.items() if value}
    return given["file"] if list(given) == ["file"] else given


def _join(join: JoinGuess, folder: Path) -> dict[str, Any]:
    same = all(left == right for left, right in join.on.items())
    return {"file": _path(join.sample.file, folder), "on": list(join.on) if same else join.on} | join.sample.options


def _path(file: Path | None, folder: Path) -> str:
    """Return a path relative to the folder of the configuration if it is inside, else absolute."""
    full = Path(os.path.abspath(str(file)))  # noqa: PTH100  # resolve() would follow links, and the name may be a pattern
    return full.relative_to(folder.resolve()).as_posix() if full.is_relative_to(folder.resolve()) else str(full)


def _plain_toml(value: object) -> Markup:
    return Markup(to_toml(value))  # noqa: S704  # TOML has no markup to escape


def _one_line(text: str) -> Markup:
    """Return a text for a comment: names of columns may hold line breaks."""
    return Markup(" ".join(text.split()))  # noqa: S704  # likewise


def _rounded(amount: float) -> float:
    """Return an amount with one digit that is not zero, at least 0.01."""
    return max(float(pl.Series([amount]).round_sig_figs(1)[0]), 0.01)
