"""Rows that were set aside, corrected or accepted by somebody, and fed back: kept apart and applied to every later load."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import polars.selectors as cs

from expectations.rows.filter import HOW_QUARANTINED, KEY, FilterResult
from expectations.rows.rule import RULE, Rule, broken_rule, named
from features.storage.files import atomic_path
from features.storage.paths import released_path
from features.tables.mapping import canonical
from features.tables.schema import Table
from features.tables.sources import OVERFLOW, ROW, SOURCE
from settings.errors import UserError

WAS = "was_"
NTH = "nth"
BEYOND = "beyond_header"
WAS_CELLS = cs.starts_with(WAS)
PLACE = ("source", "row", KEY)


class ReleaseError(UserError):  # noqa: N818  # it names what happened, as the documentation does
    """A file to release cannot be used; the text says what was found and what to do."""


@dataclass(frozen=True)
class Applied:
    """What the kept releases did to a load: rows back in use by the rule they had broken, and releases that found no row."""

    rules: dict[str, int]
    lost: int

    @property
    def rows(self) -> int:
        """Rows back in use."""
        return sum(self.rules.values())


NOTHING_RELEASED = Applied({}, 0)


def read_corrected(path: Path, quarantine: Path) -> pl.DataFrame:
    """Return the rows of a corrected copy of a quarantine file, CSV or Parquet, all cells text.

    Raises ReleaseRefused for a file that is not there, lacks the columns that place its rows, or is the quarantine itself.
    """
    if path.resolve().is_relative_to(quarantine.resolve()):
        raise ReleaseError(f"{path} is the quarantine itself, which every check writes anew; release a copy of it.")
    try:
        frame = pl.read_parquet(path) if path.suffix.lower() == ".parquet" else pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ReleaseError(f"{path} cannot be read: {str(error).splitlines()[0]}.") from None
    missing = [name for name in ("table", *PLACE) if name not in frame.columns]
    if missing:
        raise ReleaseError(f"{path} has no column {missing[0]}; release rows of a quarantine file with all its columns.")
    return frame.cast(pl.String).with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)).name.keep())


def cells_of(quarantine: Path) -> list[str]:
    """Return the columns of the table that a quarantine file shows."""
    return _cells(pl.read_parquet(quarantine, n_rows=0))


def keep_released(table: Table, corrected: pl.DataFrame, quarantine: Path, rules: list[Rule], workspace: Path) -> int:
    """Keep corrected rows of a table for this and every later load; return how many.

    A row is known again by its cells as the source had them; its place may change.
    Raises ReleaseRefused, keeping nothing, where a row is not in quarantine now or still cannot be used.
    """
    bad, path = pl.read_parquet(quarantine), released_path(workspace, table.name)
    kept = pl.read_parquet(path) if path.is_file() else None
    cells = _cells(bad)
    here = bad.select(pl.col("source"), pl.col("row").cast(pl.String), KEY, *(pl.col(name).alias(WAS + name) for name in cells))
    found = corrected.join(here, on=PLACE, how="inner")
    if found.height < corrected.height:
        raise ReleaseError(
            f"{corrected.height - found.height} of {corrected.height} rows for {table.name} are not in quarantine now; "
            "take source, row and row_key from the newest quarantine."
        )
    new = found.select(WAS_CELLS, *(name for name in cells if name in found.columns and name != BEYOND))
    still = _judged(table, new, rules).filter(pl.col(RULE).is_not_null())[RULE].value_counts(sort=True)
    if still.height:
        said = ", ".join(f"{rows} {rule}" for rule, rows in still.iter_rows())
        raise ReleaseError(f"Rows for {table.name} still cannot be used ({said}); correct them or leave them out.")
    every = new if kept is None else pl.concat([kept, new], how="diagonal")
    with atomic_path(path) as beside:
        every.write_parquet(beside)
    return new.height


def apply_released(workspace: Path, table: Table, sifted: FilterResult, rules: list[Rule], good: Path, bad: Path) -> Applied:
    """Move rows with a kept release from `bad` to `good`, corrected; both files are replaced.

    Rows that still break a firm rule stay where they are.
    """
    path = released_path(workspace, table.name)
    if not path.is_file():
        return NOTHING_RELEASED
    released = pl.read_parquet(path)
    if not sifted.read - sifted.used:
        return Applied({}, released.height)
    found, left = _matched(pl.read_parquet(bad), released)
    fit = _judged(table, found, rules)
    back = fit.filter(pl.col(RULE).is_null())
    names = pl.scan_parquet(good, glob=False).collect_schema().names()
    left = pl.concat([left, found.filter(fit[RULE].is_not_null()).select(left.columns)])
    with atomic_path(good) as beside:
        pl.concat([pl.scan_parquet(good, glob=False), back.lazy().select(names)]).sink_parquet(beside, compression="lz4")
    with atomic_path(bad) as beside:
        left.sort("source", "row").write_parquet(beside)
    kept = found.filter(fit[RULE].is_null())["rule"].value_counts()
    return Applied(dict(kept.iter_rows()), released.height - found.height)


def _matched(bad: pl.DataFrame, released: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of the quarantine with their release, corrected cells as `new_<column>`; and the others.

    Of rows that are equal in every cell, the first has the first release: nobody can tell which is which.
    """
    cells = [name for name in _cells(bad) if WAS + name in released.columns]
    here, on = bad.with_columns(_nth(cells)), [*cells, NTH]
    new = released.rename({name: f"new_{name}" for name in released.columns if not name.startswith(WAS)})
    new = new.rename({WAS + name: name for name in cells}).with_columns(_nth(cells))
    found = here.join(new, on=on, how="inner", nulls_equal=True)
    return found, here.join(new, on=on, how="anti", nulls_equal=True).drop(NTH)


def _judged(table: Table, rows: pl.DataFrame, rules: list[Rule]) -> pl.DataFrame:
    """Return the corrected rows with canonical columns, and the first firm rule that each still breaks."""
    prefix = "new_" if any(name.startswith("new_") for name in rows.columns) else ""
    corrected = {column.name: prefix + column.name for column in table.columns if prefix + column.name in rows.columns}
    text = rows.lazy().select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias(ROW),
        pl.lit("released").alias(SOURCE),
        pl.lit(None, pl.String).alias(OVERFLOW),
        *(pl.col(source).alias(name) for name, source in corrected.items()),
    )
    firm = [rule for rule in rules if rule.firm and rule.name not in {"broken_quotes", "too_many_cells"}]
    return canonical(table, text, {}).with_columns(named(firm, broken_rule(firm)).alias(RULE)).collect()


def _cells(bad: pl.DataFrame) -> list[str]:
    return [name for name in bad.columns if name not in {"table", KEY, *HOW_QUARANTINED}]


def _nth(cells: list[str]) -> pl.Expr:
    return pl.int_range(pl.len(), dtype=pl.UInt32).over(cells).alias(NTH)
