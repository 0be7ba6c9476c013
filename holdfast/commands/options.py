"""Options that several commands share."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # a calendar day has no zone
    except ValueError:
        raise typer.BadParameter(f"a date is written as 2026-11-22, found {text!r}") from None


KNOWN_BEFORE = "Only what was known before this day, 00:00 UTC."
Config = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", envvar="HOLDFAST_CONFIG", show_envvar=False)
]
AsOf = Annotated[
    date | None,
    typer.Option(
        "--as-of",
        parser=_day,
        metavar="DATE",
        help=f"{KNOWN_BEFORE} Default: the day after the newest order.",
    ),
]
RequiredAsOf = Annotated[date, typer.Option("--as-of", parser=_day, metavar="DATE", help=KNOWN_BEFORE)]


Parts = Annotated[
    int | None,
    typer.Option(
        "--parts", min=1, metavar="N", help="Work through the customers in N parts, to need less memory. Default: by the lines."
    ),
]


def _parquet(text: str) -> Path:
    if not text.lower().endswith(".parquet"):
        raise typer.BadParameter(f"the file is written as Parquet; name it with .parquet at its end, found {text!r}")
    return Path(text)


ParquetFile = Annotated[Path | None, typer.Option("--out", parser=_parquet, metavar="FILE", help="Parquet file to write.")]
DespiteReason = Annotated[
    str | None,
    typer.Option("--despite", metavar="REASON", help="Go on although a check stopped a table. The reason is recorded."),
]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER_ID", help="The customer's id, as the tables have it.")]
DEFAULT_CONFIG = Path("holdfast.toml")
