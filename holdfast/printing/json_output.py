"""Print a result as one JSON document on stdout, for scripts; messages stay on stderr."""

import sys
from datetime import datetime
from typing import Annotated, Any

import orjson
import polars as pl
import typer

Json = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON document (docs/operation.md), and no other text.")
]


def print_json(content: dict[str, Any]) -> None:
    """Print content as JSON: dates in ISO format, numbers that are not finite as null."""
    sys.stdout.write(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode() + "\n")


def utc_text(moment: datetime | None) -> str | None:
    """Return a stored time with its zone, as the API writes it; None for none."""
    return None if moment is None else f"{moment.isoformat()}Z"


def json_rows(frame: pl.DataFrame) -> orjson.Fragment:
    """Return the rows of a frame as a JSON array of objects."""
    return orjson.Fragment(frame.write_json())
