"""Add the columns of other files to the rows of a source: order lines that need their order's date and customer, for example."""

from collections.abc import Container, Iterable, Sequence
from pathlib import Path

import polars as pl

from features.tables.casting import as_text, strip_text
from features.tables.errors import TableUnusableError
from features.tables.sources import OVERFLOW, ROW, SOURCE, open_source
from settings.sections import FileSource, JoinedFile

KEY = "_key_"


def with_joined_files(table: str, rows: pl.LazyFrame, joins: Sequence[JoinedFile]) -> pl.LazyFrame:
    """Return all rows, in their order, with the columns of each file of `joins`; null where that file has no such key.

    A column whose name is taken gets the name of its file before it: `orders_status`. Keys are compared as text. Raises
    TableUnusableError when a file or a column of a key is missing, or when a key stands in several different rows of the joined
    file, which would count a row several times.
    """
    for join in joins:
        rows = _with_joined_file(table, rows, join)
    return rows


def joined_name(name: str, taken: Container[str], prefix: str) -> str:
    """Return the name that a column of a joined file gets beside columns whose names are taken."""
    return f"{prefix}_{name}" if name in taken else name


def _with_joined_file(table: str, rows: pl.LazyFrame, join: JoinedFile) -> pl.LazyFrame:
    name = Path(join.file).name
    other = _read(table, join)
    _refuse_missing(table, list(join.on), rows.collect_schema(), f"the join with {name}")
    _refuse_missing(table, list(join.on.values()), other.collect_schema(), f"the join with {name}, in {name} itself")
    keys = [f"{KEY}{index}" for index in range(len(join.on))]
    right = _renamed(other.with_columns(_keys(other, join.on.values(), keys)).drop(set(join.on.values())), rows, Path(name).stem)
    right = right.drop_nulls(keys).unique()
    _refuse_ambiguous(table, right, keys, join, name)
    left = rows.with_columns(_keys(rows, join.on, keys))
    return left.join(right, on=keys, how="left", maintain_order="left").drop(keys)


def _read(table: str, join: JoinedFile) -> pl.LazyFrame:
    source = FileSource(join.file, encoding=join.encoding, skip_lines=join.skip_lines, sheet=join.sheet)
    files = open_source(table, source)
    non_empty = [file for file in files if not file.is_empty_file] or files
    return pl.concat([file.rows.drop(ROW, SOURCE, OVERFLOW, strict=False) for file in non_empty], how="diagonal_relaxed")


def _refuse_missing(table: str, columns: list[str], schema: pl.Schema, place: str) -> None:
    missing = [name for name in columns if name not in schema]
    if missing:
        found = ", ".join(name for name in schema if not name.startswith("_"))
        raise TableUnusableError(table, f"{place} needs the column {missing[0]}, which is missing; found {found}.")


def _keys(frame: pl.LazyFrame, columns: Iterable[str], keys: list[str]) -> list[pl.Expr]:
    schema = frame.collect_schema()
    return [strip_text(as_text(pl.col(name), schema[name])).alias(key) for name, key in zip(columns, keys, strict=True)]


def _renamed(other: pl.LazyFrame, rows: pl.LazyFrame, prefix: str) -> pl.LazyFrame:
    taken = rows.collect_schema()
    return other.rename({name: joined_name(name, taken, prefix) for name in other.collect_schema()})


def _refuse_ambiguous(table: str, right: pl.LazyFrame, keys: list[str], join: JoinedFile, name: str) -> None:
    repeated = right.group_by(keys).len().filter(pl.col("len") > 1).select(pl.len()).collect().item()
    if repeated:
        on = ", ".join(join.on.values())
        raise TableUnusableError(
            table,
            f"the join with {name} is ambiguous: {repeated:,} values of {on} stand in several different rows of it, so rows "
            "would count more than once; join on more columns, or leave one row per key.",
        )
