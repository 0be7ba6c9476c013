"""Run the suites as Great Expectations checkpoints and write their HTML data docs."""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import: nothing about a company's tables leaves the machine

import great_expectations as gx
from great_expectations.checkpoint import UpdateDataDocsAction
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.data_context import FileDataContext

from expectations.load import utc_now
from expectations.pages import front_page, self_contained
from expectations.profile import profile
from expectations.report import TableReport
from expectations.rules import Rule, row_rules
from expectations.suites.any_table import expect_any_table
from expectations.suites.transactions import expect_transactions
from features.tables.schema import ALL_TABLES, TRANSACTIONS

SOURCE_NAME = "holdfast"
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # only the names of the rules are used here, and they do not depend on it


def write_data_docs(reports: list[TableReport], workspace: Path) -> Path:
    """Run one checkpoint per table over its counts; return the front page of the data docs.

    Suites, results and pages are kept in `gx/` below the workspace. They hold counts, never rows.
    """
    context = gx.get_context(mode="file", project_root_dir=workspace)
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]  # a plain mapping is what the file holds
    for report in reports:
        _run_checkpoint(context, report)
    site = workspace / "gx" / "uncommitted" / "data_docs" / "local_site"
    for page in site.rglob("*.html"):
        page.write_text(self_contained(page.read_text(encoding="utf-8")), encoding="utf-8")
    reasons = {rule.name: rule.sentence for report in reports for rule in _rules(report)}
    details = {report.table: _newest_page(site, report.table) for report in reports}
    index = site / "index.html"
    index.write_text(front_page(reports, reasons, details, utc_now()), encoding="utf-8")
    return index


def _newest_page(site: Path, table: str) -> str:
    """Return the newest result page of a table, from the front page; folders are named by time."""
    return str(max((site / "validations" / table).rglob("*.html")).relative_to(site))


def _rules(report: TableReport) -> list[Rule]:
    table = ALL_TABLES[report.table]
    return row_rules(table, [column.name for column in table.columns], now=EPOCH)


def _run_checkpoint(context: FileDataContext, report: TableReport) -> None:
    rules = _rules(report)
    expected = expect_any_table(rules) + (expect_transactions() if report.table == TRANSACTIONS.name else [])
    suite = context.suites.add_or_update(gx.ExpectationSuite(name=report.table, expectations=expected))
    definition = gx.ValidationDefinition(name=report.table, data=_batch(context, report.table), suite=suite)
    checkpoint = gx.Checkpoint(
        name=report.table,
        validation_definitions=[context.validation_definitions.add_or_update(definition)],
        actions=[UpdateDataDocsAction(name="data_docs")],
        result_format="BASIC",
    )
    context.checkpoints.add_or_update(checkpoint).run(batch_parameters={"dataframe": profile(report, rules)})


def _batch(context: FileDataContext, name: str) -> BatchDefinition[Any]:
    """Return the batch definition of a table, making source, asset and batch where they are not there yet."""
    source = context.data_sources.add_or_update_pandas(SOURCE_NAME)
    return source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("counts")
