"""Paths of the rows of a table in the workspace."""

from pathlib import Path


def good_path(workspace: Path, table: str) -> Path:
    """Return the path of the rows of a table that are in use."""
    return workspace / "tables" / f"{table}.parquet"


def quarantine_path(workspace: Path, table: str) -> Path:
    """Return the path of the quarantined rows of a table."""
    return workspace / "quarantine" / f"{table}.parquet"


def released_path(workspace: Path, table: str) -> Path:
    """Return the path of the rows of a table that a person corrected or accepted after quarantine."""
    return workspace / "released" / f"{table}.parquet"
