"""The layouts of known exports: the files of `layouts/`, one per vendor, and which of the given sources they fit.

A layout says what the columns of an export mean, as SQL with placeholders: `{Name}` is a column, and `{number:Name}` and
`{time:Name}` are columns that are read as such, however they are written. `{Name@orders}` is a column of the joined source
`orders`. Of several alternatives the first whose columns exist counts.
"""

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from holdfast.exports.source_sample import Sample

FOLDER = Path(__file__).parent / "layouts"
PLACEHOLDER = re.compile(r"\{(?:(number|time):)?([^{}@]+)(?:@(\w+))?\}")


@dataclass(frozen=True)
class JoinLayout:
    """A source to join: the columns by which it is recognised, its key, and whether the layout needs it."""

    name: str
    sign: tuple[str, ...]
    on: dict[str, str]
    is_required: bool = True


@dataclass(frozen=True)
class TableLayout:
    """One table of an export.

    `sign` has the columns by which it is recognised, `columns` the alternatives per canonical column. Conditions of `where` whose
    columns exist hold together, each with its reason. `comments` are by canonical column. `unseen` are sentences on what the
    export cannot tell.
    """

    table: str
    sign: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]
    where: tuple[tuple[str, str], ...] = ()
    fill_down: tuple[str, ...] = ()
    joins: tuple[JoinLayout, ...] = ()
    comments: dict[str, str] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A known export: its title and its tables, orders first. `time_zone_of` names a column with the shop's time zone."""

    title: str
    tables: tuple[TableLayout, ...]
    time_zone_of: str | None = None


@dataclass(frozen=True)
class Match:
    """A table of a layout, and the sources that have its columns: the main one, and those to join, by name."""

    layout: Layout
    table: TableLayout
    main: Sample
    joined: dict[str, Sample]


@cache
def all_layouts() -> tuple[Layout, ...]:
    """Return all known layouts, those with the most columns to recognise them by first."""
    layouts = [_layout(tomllib.loads(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.toml"))]
    return tuple(sorted(layouts, key=lambda layout: -len(layout.tables[0].sign)))


def _layout(data: dict[str, Any]) -> Layout:
    return Layout(data["title"], tuple(_table(table) for table in data["tables"]), data.get("time_zone_of"))


def _table(data: dict[str, Any]) -> TableLayout:
    return TableLayout(
        table=data["table"],
        sign=tuple(data["sign"]),
        columns={name: (each,) if isinstance(each, str) else tuple(each) for name, each in data["columns"].items()},
        where=tuple((condition["sql"], condition["reason"]) for condition in data.get("where", ())),
        fill_down=tuple(data.get("fill_down", ())),
        joins=tuple(_join(join) for join in data.get("joins", ())),
        comments=data.get("comments", {}),
        unseen=tuple(data.get("unseen", ())),
    )


def _join(data: dict[str, Any]) -> JoinLayout:
    return JoinLayout(data["name"], tuple(data["sign"]), data["on"], not data.get("optional", False))


def match_layout(samples: list[Sample]) -> list[Match]:
    """Return the tables of the first known layout whose orders the samples have; empty if none fits."""
    for layout in all_layouts():
        orders = _match_table(layout, layout.tables[0], samples)
        if orders is not None:
            others = (_match_table(layout, table, samples) for table in layout.tables[1:])
            return [orders, *(match for match in others if match is not None)]
    return []


def _match_table(layout: Layout, table: TableLayout, samples: list[Sample]) -> Match | None:
    main = next((sample for sample in samples if _has(sample, table.sign)), None)
    if main is None:
        return None
    joined = {}
    for join in table.joins:
        other = next((sample for sample in samples if sample is not main and _has(sample, join.sign)), None)
        if other is not None:
            joined[join.name] = other
        elif join.is_required:
            return None
    return Match(layout, table, main, joined)


def _has(sample: Sample, sign: tuple[str, ...]) -> bool:
    return {name.lower() for name in sign} <= {name.strip().lower() for name in sample.columns}
