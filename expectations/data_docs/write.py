"""Write the data docs: our pages for everybody in front of those of Great Expectations."""

from datetime import datetime
from pathlib import Path

from expectations.data_docs.pages import front_page, self_contained, table_page
from expectations.history.loads import of_table, read_check_history
from expectations.history.overrides import read_overrides
from expectations.validation.report import TableReport
from features.storage.files import atomic_path
from settings.sections import Settings


def write_data_docs(settings: Settings, reports: list[TableReport], now: datetime) -> Path:
    """Write the front page and a page per table; return the front page. They hold counts, never rows.

    Great Expectations' own pages, written at the check, are linked, and made to need nothing from elsewhere.
    """
    workspace = settings.workspace.path
    site = workspace / "gx" / "uncommitted" / "data_docs" / "local_site"
    ledger = read_check_history(workspace)
    details = {report.table: _newest_page(site, report.table) for report in reports}
    for report in reports:
        _write(site / f"{report.table}.html", table_page(report, of_table(ledger, report.table), details[report.table], now))
    index = site / "index.html"
    _write(index, front_page(settings, reports, ledger, read_overrides(workspace), now))
    return index


def _newest_page(site: Path, table: str) -> str:
    """Return the newest result page of a table, from the front page, after taking out what it loads from elsewhere."""
    pages = sorted((site / "validations" / table).rglob("*.html"))
    if not pages:
        return ""
    newest = pages[-1]  # their folders are named by time
    _write(newest, self_contained(newest.read_text(encoding="utf-8")))
    return str(newest.relative_to(site))


def _write(page: Path, html: str) -> None:
    with atomic_path(page) as beside:
        beside.write_text(html, encoding="utf-8")
