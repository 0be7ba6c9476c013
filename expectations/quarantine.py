"""Split a table into rows to use and rows set aside with their reason; both below the workspace."""

from datetime import datetime
from pathlib import Path

import polars as pl

from expectations.report import TableReport
from expectations.rules import Rule, broken_rule, row_rules
from features.tables.atomic import beside, replacing
from features.tables.errors import TableUnusable
from features.tables.mapping import RAW
from features.tables.schema import Kind, Table
from features.tables.sources import ROW, SOURCE
from settings.errors import first_line

RULE = "rule"


def split(table: Table, raw: pl.LazyFrame, workspace: Path, now: datetime) -> TableReport:
    """Write `tables/<name>.parquet` and `quarantine/<name>.parquet` below `workspace`; return the counts.

    Each file is replaced in one step, so that a crash leaves the former one. Quarantine holds the rule, the
    reason, source file and row, and the cells as the source had them.
    Raises TableUnusable when the table is empty, a column is of the wrong type throughout, or no row is good.
    """
    with beside(workspace / "tables" / f"{table.name}.staging.parquet") as staging:
        _sink(table, raw, staging)
        return _split_staged(table, staging, workspace, now)


def _sink(table: Table, raw: pl.LazyFrame, path: Path) -> None:
    try:
        raw.sink_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TableUnusable(table.name, f"reading stopped: {first_line(error)}.") from None


def _split_staged(table: Table, staging: Path, workspace: Path, now: datetime) -> TableReport:
    staged = pl.scan_parquet(staging, glob=False)
    columns = staged.collect_schema().names()
    _refuse_unusable(table, staged)
    rules = row_rules(table, columns, now, _repeated_files(staged))
    judged = staged.with_columns(broken_rule(rules).alias(RULE))
    report = _report(table, judged)
    if report.used == 0:
        found = ", ".join(f"{rows} {rule}" for rule, rows in report.rules.items())
        raise TableUnusable(table.name, f"none of its {report.read} rows is usable ({found}).")
    _replace(_good(table, judged), workspace / "tables" / f"{table.name}.parquet")
    _replace(_bad(judged, rules), workspace / "quarantine" / f"{table.name}.parquet")
    return report


def _report(table: Table, judged: pl.LazyFrame) -> TableReport:
    counts = judged.group_by(RULE).len().sort("len", RULE, descending=[True, False]).collect(engine="streaming")
    by_rule = dict(counts.iter_rows())
    used = by_rule.pop(None, 0)
    same = _good(table, judged).select(pl.len() - pl.struct(pl.all()).n_unique()).collect(engine="streaming").item()
    return TableReport(table.name, read=used + sum(by_rule.values()), used=used, rules=by_rule, duplicates=same)


def _good(table: Table, judged: pl.LazyFrame) -> pl.LazyFrame:
    columns = [column.name for column in table.columns if column.name in judged.collect_schema()]
    return judged.filter(pl.col(RULE).is_null()).select(columns)


def _bad(judged: pl.LazyFrame, rules: list[Rule]) -> pl.LazyFrame:
    reasons = {rule.name: rule.sentence for rule in rules}
    schema = judged.collect_schema()
    cells = [
        _as_read(name, RAW + name in schema) for name in schema if name not in {ROW, SOURCE, RULE} and not name.startswith(RAW)
    ]
    reason = pl.col(RULE).replace_strict(reasons, return_dtype=pl.String).alias("reason")
    return judged.filter(pl.col(RULE).is_not_null()).select(
        RULE, reason, pl.col(SOURCE).alias("source"), pl.col(ROW).alias("row"), *cells
    )


def _as_read(name: str, has_raw: bool) -> pl.Expr:  # noqa: FBT001  # one caller, one line above
    text = pl.col(name).cast(pl.String)
    return pl.coalesce(text, RAW + name).alias(name) if has_raw else text


def _replace(frame: pl.LazyFrame, path: Path) -> None:
    with replacing(path) as new:
        frame.sink_parquet(new)


def _repeated_files(staged: pl.LazyFrame) -> list[str]:
    """Files that hold, in whatever order, the rows that a file earlier in order of name holds."""
    content = pl.struct(pl.all().exclude(SOURCE, ROW)).hash().sum().alias("content")
    files = staged.group_by(SOURCE).agg(content, pl.len()).sort(SOURCE).collect(engine="streaming")
    return files.filter(~pl.struct("content", "len").is_first_distinct())[SOURCE].to_list()


def _refuse_unusable(table: Table, staged: pl.LazyFrame) -> None:
    typed = [column for column in table.columns if column.kind is not Kind.TEXT and column.name in staged.collect_schema()]
    readable = [pl.col(column.name).count().alias(column.name) for column in typed]
    unread = [pl.col(RAW + column.name).count().alias(RAW + column.name) for column in typed]
    counts = staged.select(pl.len().alias(ROW), *readable, *unread).collect(engine="streaming").row(0, named=True)
    if counts[ROW] == 0:
        raise TableUnusable(table.name, "the source has a header but no rows.")
    for column in typed:
        if counts[column.name] == 0 and counts[RAW + column.name] > (0 if column.required else counts[ROW] / 2):
            example = staged.select(pl.col(RAW + column.name).drop_nulls().first()).collect().item()
            hint = f" For another date format write STRPTIME in [columns.{table.name}]." if column.kind is Kind.TIME else ""
            found = f'{counts[RAW + column.name]} rows, such as "{example[:40]}"'
            raise TableUnusable(table.name, f"the column {column.name} is no {column.kind} in any of {found}.{hint}")
