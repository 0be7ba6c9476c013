"""Options that several commands share."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer


def _parse_day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # a calendar day has no zone
    except ValueError:
        raise typer.BadParameter(f"a date is written as 2026-11-22, found {text!r}") from None


AS_OF_HELP = "Use only what was known before this day, 00:00 UTC."
Config = Annotated[Path, typer.Option("--config", "-c", help="Configuration file.", envvar="HOLDFAST_CONFIG", show_envvar=False)]
AsOf = Annotated[
    date | None,
    typer.Option(
        "--as-of",
        parser=_parse_day,
        metavar="DATE",
        help=f"{AS_OF_HELP} Default: the day after the newest order.",
    ),
]
RequiredAsOf = Annotated[date, typer.Option("--as-of", parser=_parse_day, metavar="DATE", help=AS_OF_HELP)]
Parts = Annotated[
    int | None,
    typer.Option(
        "--parts",
        min=1,
        metavar="N",
        help="Process the customers in N parts, to use less memory. Default: chosen by the number of order lines and customers.",
    ),
]


def _parse_parquet_path(text: str) -> Path:
    if not text.lower().endswith(".parquet"):
        raise typer.BadParameter(f"the output is Parquet, so the file name must end in .parquet; found {text!r}")
    return Path(text)


ParquetFile = Annotated[
    Path | None, typer.Option("--out", parser=_parse_parquet_path, metavar="FILE", help="Parquet file to write.")
]


def _parse_parquet_place(text: str) -> Path:
    """Return the path of a file, or of the folder of a data set, which ends in a slash or is there."""
    return Path(text) if text.endswith("/") or Path(text).is_dir() else _parse_parquet_path(text)


ParquetPlace = Annotated[
    Path | None,
    typer.Option(
        "--out",
        parser=_parse_parquet_place,
        metavar="FILE|FOLDER/",
        help="Parquet file to write, or the folder of a data set partitioned by as_of.",
    ),
]
OverrideReason = Annotated[
    str | None,
    typer.Option("--override", metavar="REASON", help="Use a table even if a check stopped it. The reason is recorded."),
]
DespiteReason = Annotated[str | None, typer.Option("--despite", metavar="REASON", hidden=True)]  # the old name of --override
Quick = Annotated[bool, typer.Option("--quick", help="Evaluate only a few candidates, on two past days.")]


def _parse_names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


Candidates = Annotated[
    tuple[str, ...] | None,
    typer.Option(
        "--candidates",
        parser=_parse_names,
        metavar="NAME,...",
        help="Churn candidates to evaluate, or all: those that the package lifetimes fits too. Default: [training] candidates.",
    ),
]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER_ID", help="The customer's id, as in the tables.")]
Preemptive = Annotated[bool, typer.Option("--preemptive", help="Also for an id that no table, score or list has yet.")]
DEFAULT_CONFIG = Path("holdfast.toml")
