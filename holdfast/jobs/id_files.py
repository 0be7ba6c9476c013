"""Read customer ids from a file."""

from pathlib import Path

import polars as pl

from features.frames.columns import CUSTOMER
from settings.errors import UserError


class IdFileError(UserError):
    """A file of ids cannot be read."""


def read_ids(path: Path, column: str | None = None) -> pl.Series:
    """Return the ids of a file as texts: those of a column of a CSV file, else a line each. Raises IdFileError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise IdFileError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise IdFileError(f"{path} is not UTF-8; save it as UTF-8.") from None
    lines = text.splitlines()
    separator = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    header = [name.strip().strip('"') for name in lines[0].split(separator)] if lines else []
    name = column or (CUSTOMER if CUSTOMER in header else None)
    if name is None:
        return pl.Series(CUSTOMER, lines, dtype=pl.String)
    if name not in header:
        raise IdFileError(f"{path} has no column {name}; its columns are {', '.join(header)}.")
    table = pl.read_csv(text.encode(), separator=separator, infer_schema=False, truncate_ragged_lines=True)
    return table.rename(str.strip)[name].alias(CUSTOMER)
