"""Where the rows of a table lie below the workspace."""

from pathlib import Path


def good_path(workspace: Path, table: str) -> Path:
    """Return where the good rows of a table lie."""
    return workspace / "tables" / f"{table}.parquet"


def quarantine_path(workspace: Path, table: str) -> Path:
    """Return where the rows of a table lie that were set aside."""
    return workspace / "quarantine" / f"{table}.parquet"


def released_path(workspace: Path, table: str) -> Path:
    """Return where the rows of a table lie that were set aside, and then corrected or accepted by somebody."""
    return workspace / "released" / f"{table}.parquet"
