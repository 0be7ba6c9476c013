"""The HTML of the data docs: a front page and a page per table for everybody; no cell of a table is shown."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from expectations.check import Finding, format_value
from expectations.data_docs.trend import trend
from expectations.history.loads import LoadRecord, of_table, since
from expectations.history.overrides import Override
from expectations.suites.any_table import BECAUSE
from expectations.validation.outputs import SUITES, limits_of
from expectations.validation.report import TableReport
from settings.sections import Settings

TEMPLATES = Path(__file__).parent / "templates"
ELSEWHERE = re.compile(
    r"""<script[^>]*src=["']https?:[^>]*>\s*</script>|<(?:link|img|source)[^>]*(?:href|src|srcset)=["']https?:[^>]*>|<footer.*?</footer>""",
    re.DOTALL,
)
CONSEQUENCES = {"stop": "the table is stopped", "quarantine": "the row is set aside", "warn": "a warning"}
COLOURS = {"stop": "red", "quarantine": "amber", "warn": "amber"}
LOADS_SHOWN = 20


@dataclass(frozen=True)
class Line:
    """A check in words: what is expected, what was found, what follows, and since when it is not so."""

    sentence: str
    found: str
    detail: str
    holds: bool
    consequence: str
    colour: str
    since: str


@dataclass(frozen=True)
class SetAside:
    """Rows set aside for one reason."""

    rows: int
    reason: str
    since: str


@dataclass(frozen=True)
class Card:
    """A table on the front page."""

    name: str
    state: str
    colour: str
    read: int
    used: int
    quarantined: int
    released: int
    problem: str
    set_aside: list[SetAside]
    warnings: list[Line]
    trend: str
    page: str
    checks: int


def front_page(
    settings: Settings, reports: list[TableReport], ledger: list[LoadRecord], overrides: list[Override], checked: datetime
) -> str:
    """Return the front page: a card per table, what Holdfast made, and where somebody went on with a stopped table."""
    return _rendered(
        "index.html.j2",
        checked,
        cards=[_card(report, of_table(ledger, report.table)) for report in reports],
        stopped=[report.table for report in reports if not report.usable],
        made=[line for name in SUITES for line in _made(settings, name, of_table(ledger, name))],
        overrides=overrides[::-1],
    )


def table_page(report: TableReport, loads: list[LoadRecord], details: str, checked: datetime) -> str:
    """Return the page of a table: every check with what was found, and its loads; `details` links to Great Expectations."""
    lines = [_line(finding, loads) for finding in sorted(report.findings, key=lambda each: each.holds)]
    newest = loads[::-1][:LOADS_SHOWN]
    return _rendered("table.html.j2", checked, card=_card(report, loads), lines=lines, loads=newest, details=details)


def self_contained(html: str) -> str:
    """Return a page without anything from another server, with our own layout.

    Great Expectations loads scripts, styles and a picture that carries an id of this project from elsewhere.
    """
    return ELSEWHERE.sub("", html).replace("</head>", f"<style>{_styles()}</style></head>", 1)


def _card(report: TableReport, loads: list[LoadRecord]) -> Card:
    state, colour = _state(report)
    reasons = {each.check.name: each.check.sentence.partition(BECAUSE)[2] for each in report.findings}
    return Card(
        name=report.table,
        state=state,
        colour=colour,
        read=report.read,
        used=report.used,
        quarantined=report.quarantined,
        released=report.released,
        problem=report.public or "",
        set_aside=[SetAside(rows, reasons[rule], _day(since(loads, rule))) for rule, rows in report.rules.items()],
        warnings=[_line(finding, loads) for finding in report.warnings],
        trend=trend(loads),
        page=f"{report.table}.html",
        checks=len(report.findings),
    )


def _state(report: TableReport) -> tuple[str, str]:
    if not report.usable:
        return "stopped", "red"
    if report.warnings or report.quarantined:
        return "usable, look at it", "amber"
    return "good", "green"


def _line(finding: Finding, loads: list[LoadRecord]) -> Line:
    check = finding.check
    began = "" if finding.holds else _day(since(loads, check.name))
    colour = "green" if finding.holds else COLOURS[check.severity]
    return Line(check.sentence, finding.found, finding.measure.detail, finding.holds, CONSEQUENCES[check.severity], colour, began)


def _made(settings: Settings, name: str, loads: list[LoadRecord]) -> list[dict[str, object]]:
    if not loads:
        return []
    newest = loads[-1]
    checks = {check.name: check for check in SUITES[name].checks(limits_of(settings, name))}
    failed = [(checks[check], value) for check, value in newest.failed.items() if check in checks]
    said = [f"{check.sentence}: found {format_value(check, value)}" for check, value in failed]
    at = newest.seen_at.replace("T", " ")
    return [{"name": name.replace("_", " "), "at": at, "rows": newest.read, "refused": not newest.usable, "said": said}]


def _day(moment: str) -> str:
    return moment.partition("T")[0]


def _rendered(template: str, checked: datetime, **told: object) -> str:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    return environment.get_template(template).render(**told, checked=f"{checked:%Y-%m-%d %H:%M}", styles=_styles())


def _styles() -> str:
    return (TEMPLATES / "data_docs.css").read_text(encoding="utf-8")
