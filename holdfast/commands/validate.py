"""`validate`: check every table, write quarantine and data docs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from holdfast.options import CONSOLE, DEFAULT_CONFIG, MESSAGES, Config

NAME = "validate"
EXAMPLE = "validate --config demo/holdfast.toml --json report.json"
UNUSABLE = 1

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the counts as JSON to this file.")]


def command(config: Config = DEFAULT_CONFIG, json_file: JsonFile = None) -> None:
    """Check every table; write quarantine and HTML data docs.

    Exit 0: clean, or bad rows set aside. Exit 1: a table cannot be used. Exit 2: the command or its
    configuration is wrong.
    """
    from expectations.data_docs import write_data_docs
    from expectations.load import check_tables, utc_now
    from features.tables.atomic import replacing
    from holdfast.print_tables import print_reports
    from settings.load import load_settings

    settings = load_settings(config)
    reports = check_tables(settings, utc_now())
    print_reports(CONSOLE, reports)
    if json_file:
        tables = {report.table: report.as_json() for report in reports}
        with replacing(json_file) as beside:
            beside.write_text(json.dumps({"tables": tables}, indent=2) + "\n", encoding="utf-8")
    CONSOLE.print(f"Quarantine: {settings.workspace.path / 'quarantine'}")
    CONSOLE.print(f"Data docs:  {write_data_docs(reports, settings.workspace.path)}")
    for report in reports:
        if report.problem:
            MESSAGES.print(f"Table {report.table}: {report.problem}")
    if not all(report.usable for report in reports):
        raise typer.Exit(UNUSABLE)
