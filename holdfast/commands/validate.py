"""`validate`: check every table, write quarantine and data docs; feed corrected rows back."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE, MESSAGES

if TYPE_CHECKING:
    from expectations.validation.report import TableReport

NAME = "validate"
EXAMPLE = "validate --config demo/holdfast.toml --json report.json"
UNUSABLE = 1

JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the counts as JSON to this file.")]
Release = Annotated[
    Path | None,
    typer.Option(
        "--release",
        metavar="FILE",
        help="Feed rows back: a corrected copy (CSV or Parquet) of rows of a quarantine file. Unchanged rows count as right.",
    ),
]
Freeze = Annotated[bool, typer.Option("--freeze", help="Take the largest numbers of this load as the new frozen reference.")]


def command(
    config: Config = DEFAULT_CONFIG,
    json_file: JsonFile = None,
    release_file: Release = None,
    freeze: Freeze = False,  # noqa: FBT002  # a flag of the command line
) -> None:
    """Check every table; write quarantine and HTML data docs.

    Exit 0: clean, or bad rows set aside. Exit 1: a table cannot be used. Exit 2: the command or its
    configuration is wrong.
    """
    from expectations.data_docs.write import write_data_docs
    from expectations.validation.release import release
    from expectations.validation.tables import check_tables, utc_now
    from holdfast.jobs.session import erased_ids
    from holdfast.printing.checks import print_reports
    from settings.load import load_settings

    settings, now = load_settings(config), utc_now()
    erased = erased_ids(settings)
    released = release(settings, release_file, now, erased) if release_file else {}
    reports = check_tables(settings, now, docs=True, renew_reference=freeze, erased=erased)
    print_reports(CONSOLE, reports)
    if json_file:
        _write_json(json_file, reports)
    for table, rows in released.items():
        CONSOLE.print(f"Released: {rows:,} rows of {table}; they are used from now on, in every load that has them.")
    if freeze:
        CONSOLE.print("The largest numbers of this load are the frozen reference now.")
    CONSOLE.print(f"Quarantine: {settings.workspace.path / 'quarantine'}")
    CONSOLE.print(f"Data docs:  {write_data_docs(settings, reports, now)}")
    for report in reports:
        if report.problem:
            MESSAGES.print(f"Table {report.table}: {report.problem}")
    if not all(report.usable for report in reports):
        raise typer.Exit(UNUSABLE)


def _write_json(path: Path, reports: "list[TableReport]") -> None:
    from features.storage.files import atomic_path

    tables = {report.table: report.as_json() for report in reports}
    with atomic_path(path) as beside:
        beside.write_text(json.dumps({"tables": tables}, indent=2) + "\n", encoding="utf-8")
