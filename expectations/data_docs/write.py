"""Write the data docs: our own pages, with links to those of Great Expectations."""

from datetime import datetime
from pathlib import Path

from expectations.data_docs.pages import make_self_contained, render_front_page, render_table_page
from expectations.history.loads import read_check_history, table_records
from expectations.history.overrides import read_overrides
from expectations.validation.report import TableReport
from features.storage.files import atomic_path
from settings.sections import Settings


def write_data_docs(settings: Settings, reports: list[TableReport], now: datetime) -> Path:
    """Write the front page and a page per table, and return the path of the front page. The pages show counts, never rows.

    The pages that Great Expectations wrote during the check are linked, after their external resources are removed.
    """
    workspace = settings.workspace.path
    site = workspace / "gx" / "uncommitted" / "data_docs" / "local_site"
    history = read_check_history(workspace)
    details = {report.table: _newest_details(site, report.table) for report in reports}
    for report in reports:
        page = render_table_page(report, table_records(history, report.table), details[report.table], now)
        _write(site / f"{report.table}.html", page)
    index = site / "index.html"
    _write(index, render_front_page(settings, reports, history, read_overrides(workspace), now))
    return index


def _newest_details(site: Path, table: str) -> str:
    """Make the newest result page of a table self-contained; return its path relative to the front page, empty if none."""
    pages = sorted((site / "validations" / table).rglob("*.html"))
    if not pages:
        return ""
    newest = pages[-1]  # their folders are named by time
    _write(newest, make_self_contained(newest.read_text(encoding="utf-8")))
    return str(newest.relative_to(site))


def _write(page: Path, html: str) -> None:
    with atomic_path(page) as temporary:
        temporary.write_text(html, encoding="utf-8")
