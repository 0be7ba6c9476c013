"""Releases: rows of the quarantine that a person corrected or accepted, stored apart and applied to every later load."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import polars.selectors as cs

from expectations.rows.filter import REASON_COLUMNS, ROW_KEY, FilterResult
from expectations.rows.rule import RULE, Rule, first_broken_rule, rule_names
from features.storage.files import atomic_path
from features.storage.paths import released_path
from features.tables.mapping import map_columns
from features.tables.schema import LEFT_OUT_RULE, Table
from features.tables.sources import OVERFLOW, ROW, SOURCE
from settings.errors import UserError
from settings.sections import Workspace

ORIGINAL = "was_"  # prefix of the cells as the source had them, next to the corrected cells
CORRECTED = "new_"  # prefix of the corrected cells, next to the cells as the source had them
OCCURRENCE = "nth"
BEYOND_HEADER = "beyond_header"
ORIGINAL_CELLS = cs.starts_with(ORIGINAL)
ROW_IDENTITY = ("source", "row", ROW_KEY)
# They look at the line in its file, which a release replaces.
RULES_OF_RAW_LINES = {"broken_quotes", "too_many_cells", LEFT_OUT_RULE}


class ReleaseError(UserError):
    """A file cannot be released; the text says what was found and what to do."""


@dataclass(frozen=True)
class AppliedReleases:
    """The effect of stored releases on a load: rows back in use per rule that they broke, and releases without a row."""

    rows_by_rule: dict[str, int]
    lost: int

    @property
    def rows(self) -> int:
        """Rows back in use."""
        return sum(self.rows_by_rule.values())


NO_RELEASES = AppliedReleases(rows_by_rule={}, lost=0)


def read_corrected(path: Path, quarantine: Path) -> pl.DataFrame:
    """Return the rows of a corrected copy of a quarantine file, CSV or Parquet, all cells as text.

    Raises ReleaseError for a file that is missing, lacks the columns that identify its rows, or is in the quarantine folder.
    """
    if path.resolve().is_relative_to(quarantine.resolve()):
        raise ReleaseError(f"{path} is in the quarantine folder, which every check overwrites; release a copy of it.")
    try:
        frame = pl.read_parquet(path) if path.suffix.lower() == ".parquet" else pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ReleaseError(f"{path} cannot be read: {str(error).splitlines()[0]}.") from None
    missing = [name for name in ("table", *ROW_IDENTITY) if name not in frame.columns]
    if missing:
        raise ReleaseError(f"{path} has no column {missing[0]}; release rows of a quarantine file with all its columns.")
    return frame.cast(pl.String).with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)).name.keep())


def quarantined_columns(quarantine: Path) -> list[str]:
    """Return the columns of the table that a quarantine file has."""
    return _table_columns(pl.read_parquet(quarantine, n_rows=0))


def save_releases(table: Table, corrected: pl.DataFrame, quarantine: Path, rules: list[Rule], workspace: Workspace) -> int:
    """Store corrected rows of a table for this and every later load; return how many.

    Later loads match a stored row by the cells that the source had, not by its position.
    Raises ReleaseError, storing nothing, if a row is not in quarantine now or still breaks a mandatory rule.
    """
    bad, path = pl.read_parquet(quarantine), released_path(workspace.path, table.name)
    stored = pl.read_parquet(path) if path.is_file() else None
    columns = _table_columns(bad)
    originals = (pl.col(name).alias(ORIGINAL + name) for name in columns)
    in_quarantine = bad.select(pl.col("source"), pl.col("row").cast(pl.String), ROW_KEY, *originals)
    matched = corrected.join(in_quarantine, on=ROW_IDENTITY, how="inner")
    if matched.height < corrected.height:
        raise ReleaseError(
            f"{corrected.height - matched.height} of {corrected.height} rows for {table.name} are not in quarantine now; "
            "take source, row and row_key from the newest quarantine file."
        )
    new = matched.select(ORIGINAL_CELLS, *(name for name in columns if name in matched.columns and name != BEYOND_HEADER))
    tested = _with_mandatory_rules(table, new, rules, workspace.time_zone)
    unusable = tested.filter(pl.col(RULE).is_not_null())[RULE].value_counts(sort=True)
    if unusable.height:
        counts = ", ".join(f"{rows} {rule}" for rule, rows in unusable.iter_rows())
        raise ReleaseError(f"Rows for {table.name} still cannot be used ({counts}); correct them or leave them out.")
    with atomic_path(path) as temporary:
        (new if stored is None else pl.concat([stored, new], how="diagonal")).write_parquet(temporary)
    return new.height


def apply_releases(
    workspace: Workspace, table: Table, result: FilterResult, rules: list[Rule], good: Path, bad: Path
) -> AppliedReleases:
    """Move rows with a stored release from `bad` to `good`, corrected; both files are replaced.

    Rows that still break a mandatory rule stay in `bad`.
    """
    path = released_path(workspace.path, table.name)
    if not path.is_file():
        return NO_RELEASES
    released = pl.read_parquet(path)
    if not result.read - result.used:
        return AppliedReleases(rows_by_rule={}, lost=released.height)
    matched, unmatched = _match_releases(pl.read_parquet(bad), released)
    tested = _with_mandatory_rules(table, matched, rules, workspace.time_zone)
    usable = tested.filter(pl.col(RULE).is_null())
    names = pl.scan_parquet(good, glob=False).collect_schema().names()
    still_bad = pl.concat([unmatched, matched.filter(tested[RULE].is_not_null()).select(unmatched.columns)])
    with atomic_path(good) as temporary:
        rows = [pl.scan_parquet(good, glob=False), usable.lazy().select(name for name in names if name in usable.columns)]
        pl.concat(rows, how="diagonal").sink_parquet(temporary, compression="lz4")
    with atomic_path(bad) as temporary:
        still_bad.sort("source", "row").write_parquet(temporary)
    counts = matched.filter(tested[RULE].is_null())["rule"].value_counts()
    return AppliedReleases(rows_by_rule=dict(counts.iter_rows()), lost=released.height - matched.height)


def _match_releases(bad: pl.DataFrame, released: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the quarantined rows that have a release, with corrected cells as `new_<column>`, and the rows without one.

    Rows with equal cells take their releases in order: the first row the first release, and so on.
    """
    columns = [name for name in _table_columns(bad) if ORIGINAL + name in released.columns]
    numbered, keys = bad.with_columns(_occurrence(columns)), [*columns, OCCURRENCE]
    corrected = released.rename({name: CORRECTED + name for name in released.columns if not name.startswith(ORIGINAL)})
    corrected = corrected.rename({ORIGINAL + name: name for name in columns}).with_columns(_occurrence(columns))
    matched = numbered.join(corrected, on=keys, how="inner", nulls_equal=True)
    return matched, numbered.join(corrected, on=keys, how="anti", nulls_equal=True).drop(OCCURRENCE)


def _with_mandatory_rules(table: Table, rows: pl.DataFrame, rules: list[Rule], time_zone: str) -> pl.DataFrame:
    """Return the corrected rows with canonical columns, and the first mandatory rule that each still breaks."""
    prefix = CORRECTED if any(name.startswith(CORRECTED) for name in rows.columns) else ""
    sources = {column.name: prefix + column.name for column in table.columns if prefix + column.name in rows.columns}
    text = rows.lazy().select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias(ROW),
        pl.lit("released").alias(SOURCE),
        pl.lit(None, pl.String).alias(OVERFLOW),
        *(pl.col(source).alias(name) for name, source in sources.items()),
    )
    mandatory = [rule for rule in rules if rule.mandatory and rule.name not in RULES_OF_RAW_LINES]
    broken = rule_names(mandatory, first_broken_rule(mandatory))
    return map_columns(table, text, {}, time_zone).with_columns(broken.alias(RULE)).collect()


def _table_columns(bad: pl.DataFrame) -> list[str]:
    return [name for name in bad.columns if name not in {"table", ROW_KEY, *REASON_COLUMNS}]


def _occurrence(columns: list[str]) -> pl.Expr:
    """Number the rows with equal cells from 0."""
    return pl.int_range(pl.len(), dtype=pl.UInt32).over(columns).alias(OCCURRENCE)
