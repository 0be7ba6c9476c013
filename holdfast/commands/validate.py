"""`validate`: check every table, write quarantine and data docs, and release corrected rows."""

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
EXIT_UNUSABLE_TABLE = 1

JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the counts as JSON to this file.")]
Release = Annotated[
    Path | None,
    typer.Option(
        "--release",
        metavar="FILE",
        help="Release quarantined rows: a copy of them (CSV or Parquet), corrected where needed. Unchanged rows count as valid.",
    ),
]
Freeze = Annotated[
    bool,
    typer.Option("--freeze", help="Freeze the largest values of this load as the reference for the checks of extreme values."),
]


def command(
    config: Config = DEFAULT_CONFIG,
    json_file: JsonFile = None,
    release_file: Release = None,
    freeze: Freeze = False,  # noqa: FBT002  # a flag of the command line
) -> None:
    """Check every table, quarantine bad rows, and write HTML data docs.

    Exit code 0: every table is usable, bad rows are quarantined. 1: a table is unusable. 2: wrong option or configuration.
    """
    from expectations.data_docs.write import write_data_docs
    from expectations.validation.release import release_rows
    from expectations.validation.tables import check_tables
    from holdfast.jobs.session import erased_ids
    from holdfast.jobs.store import StoreHandle
    from holdfast.printing.checks import print_reports
    from settings.clock import utc_now
    from settings.load import load_settings

    settings, now = load_settings(config), utc_now()
    with StoreHandle(settings) as store:
        erased = erased_ids(settings, store)
        released = release_rows(settings, release_file, now, erased) if release_file else {}
        reports = check_tables(settings, now, docs=True, renew_reference=freeze, erased=erased)
        store.complete_erasures()
    print_reports(CONSOLE, reports, in_full=True)
    if json_file:
        _write_json(json_file, reports)
    for table, rows in released.items():
        CONSOLE.print(f"Released: {rows:,} rows of {table}. From now on they are used in every load that contains them.")
    if freeze:
        CONSOLE.print("The largest values of this load are now the frozen reference.")
    CONSOLE.print(f"Quarantine: {settings.workspace.path / 'quarantine'}")
    CONSOLE.print(f"Data docs:  {write_data_docs(settings, reports, now)}")
    for report in reports:
        if report.problem:
            MESSAGES.print(f"Table {report.table}: {report.problem}")
    if not all(report.usable for report in reports):
        raise typer.Exit(EXIT_UNUSABLE_TABLE)


def _write_json(path: Path, reports: "list[TableReport]") -> None:
    from features.storage.files import atomic_path

    tables = {report.table: report.as_json() for report in reports}
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps({"tables": tables}, indent=2, allow_nan=False) + "\n", encoding="utf-8")
