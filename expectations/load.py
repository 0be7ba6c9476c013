"""Read and check the configured tables; hand on the good rows."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from expectations.quarantine import split
from expectations.report import TableReport
from features.tables.errors import TableUnusable
from features.tables.read import read_table
from features.tables.schema import ALL_TABLES, Tables
from settings.sections import Settings


def utc_now() -> datetime:
    """Return the present moment in UTC, without a zone, as the tables hold it."""
    return datetime.now(UTC).replace(tzinfo=None)


def check_tables(settings: Settings, now: datetime) -> list[TableReport]:
    """Check every configured table, unusable ones included; write good rows and quarantine."""
    names = [name for name in ALL_TABLES if getattr(settings.tables, name) is not None]
    return [_check(settings, name, now) for name in names]


def load_tables(settings: Settings, now: datetime) -> tuple[Tables, list[TableReport]]:
    """Check every configured table and return the good rows with the counts.

    Raises TableUnusable for the first table that cannot be used.
    """
    reports = check_tables(settings, now)
    for report in reports:
        if report.problem:
            raise TableUnusable(report.table, report.problem)
    frames = {
        report.table: pl.scan_parquet(checked_path(settings.workspace.path, report.table), glob=False) for report in reports
    }
    return Tables(**frames), reports


def checked_path(workspace: Path, table: str) -> Path:
    """Return where the good rows of a table lie."""
    return workspace / "tables" / f"{table}.parquet"


def _check(settings: Settings, name: str, now: datetime) -> TableReport:
    try:
        raw = read_table(settings, name)
        assert raw is not None, "only configured tables are checked"  # noqa: S101  # for the type checker
        return split(ALL_TABLES[name], raw, settings.workspace.path, now)
    except TableUnusable as error:
        return TableReport(name, problem=error.sentence)
