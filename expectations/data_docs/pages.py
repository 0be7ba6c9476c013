"""Render the HTML pages of the data docs: a front page and one per table, for readers who may not see any cell of a table."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from expectations.check import Finding, format_value
from expectations.data_docs.trend import render_trend
from expectations.history.loads import LoadRecord, failing_since, table_records
from expectations.history.overrides import Override
from expectations.suites.any_table import SET_ASIDE_BECAUSE
from expectations.suites.load_changes import CHANGES
from expectations.validation.outputs import FRAME_SUITES, frame_limits
from expectations.validation.report import TableReport
from features.rendering.templates import read_styles, template_environment
from settings.sections import Settings

TEMPLATES = Path(__file__).parent / "templates"
EXTERNAL_RESOURCES = re.compile(
    r"""<script[^>]*src=["']https?:[^>]*>\s*</script>|<(?:link|img|source)[^>]*(?:href|src|srcset)=["']https?:[^>]*>|<footer.*?</footer>""",
    re.DOTALL,
)
CONSEQUENCES = {"stop": "the table is stopped", "quarantine": "the row is set aside", "warn": "a warning"}
COLOURS = {"stop": "red", "quarantine": "amber", "warn": "amber"}
MAX_LOADS_LISTED = 20


@dataclass(frozen=True)
class CheckLine:
    """A check on a page: the expectation, the measured value, the consequence of a failure, and the day since when it fails.

    `advice` says what to do about a failure. `is_change` is true where the load differs from the accepted one.
    """

    sentence: str
    value: str
    detail: str
    passed: bool
    consequence: str
    colour: str
    failing_since: str
    advice: str
    is_change: bool


@dataclass(frozen=True)
class SetAsideReason:
    """The rows that one rule sets aside, and the day since when it does."""

    rows: int
    reason: str
    since: str


@dataclass(frozen=True)
class OutputLine:
    """The newest check of an output of Holdfast: features, snapshots, scores or a list."""

    name: str
    checked_at: str
    rows: int
    refused: bool
    failures: list[str]


@dataclass(frozen=True)
class TableCard:
    """A table on the front page."""

    name: str
    state: str
    colour: str
    read: int
    used: int
    quarantined: int
    released: int
    problem: str
    set_aside: list[SetAsideReason]
    warnings: list[CheckLine]
    trend: str
    page: str
    checks: int


def render_front_page(
    settings: Settings, reports: list[TableReport], history: list[LoadRecord], overrides: list[Override], checked: datetime
) -> str:
    """Return the front page: a card per table, the outputs of Holdfast, and the recorded overrides, newest first."""
    return _render(
        "index.html.j2",
        checked,
        cards=[_build_card(report, table_records(history, report.table)) for report in reports],
        stopped=[report.table for report in reports if not report.usable],
        outputs=[line for name in FRAME_SUITES for line in _output_lines(settings, name, table_records(history, name))],
        overrides=overrides[::-1],
    )


def render_table_page(report: TableReport, loads: list[LoadRecord], details: str, checked: datetime) -> str:
    """Return the page of a table: every check, failed ones first, and its newest loads.

    `details` is the relative address of its page of Great Expectations, empty without one.
    """
    findings = sorted(report.findings, key=lambda finding: finding.passed)
    return _render(
        "table.html.j2",
        checked,
        card=_build_card(report, loads),
        lines=[_build_line(finding, loads) for finding in findings],
        loads=loads[::-1][:MAX_LOADS_LISTED],
        details=details,
    )


def make_self_contained(html: str) -> str:
    """Return a page of Great Expectations without resources from other servers, in our own layout.

    Its pages load scripts, styles, and a picture whose address has an id of this project.
    """
    return EXTERNAL_RESOURCES.sub("", html).replace("</head>", f"<style>{_read_styles()}</style></head>", 1)


def _build_card(report: TableReport, loads: list[LoadRecord]) -> TableCard:
    state, colour = _state(report)
    reasons = {finding.check.name: finding.check.sentence.partition(SET_ASIDE_BECAUSE)[2] for finding in report.findings}
    return TableCard(
        name=report.table,
        state=state,
        colour=colour,
        read=report.read,
        used=report.used,
        quarantined=report.quarantined,
        released=report.released,
        problem=report.public_problem or "",
        set_aside=[
            SetAsideReason(rows=rows, reason=reasons[rule], since=_day(failing_since(loads, rule)))
            for rule, rows in report.rules.items()
        ],
        warnings=[_build_line(finding, loads) for finding in report.warnings],
        trend=render_trend(loads),
        page=f"{report.table}.html",
        checks=len(report.findings),
    )


def _state(report: TableReport) -> tuple[str, str]:
    """Return the state of a table in words, and its colour."""
    if not report.usable:
        return "stopped", "red"
    if report.warnings or report.quarantined:
        return "usable, with warnings", "amber"
    return "good", "green"


def _build_line(finding: Finding, loads: list[LoadRecord]) -> CheckLine:
    check = finding.check
    return CheckLine(
        sentence=check.sentence,
        value=finding.formatted_value,
        detail=finding.measure.detail,
        passed=finding.passed,
        consequence=CONSEQUENCES[check.severity],
        colour="green" if finding.passed else COLOURS[check.severity],
        failing_since="" if finding.passed else _day(failing_since(loads, check.name)),
        advice="" if finding.passed else check.advice,
        is_change=check.name in CHANGES and finding.measure.value > 0,
    )


def _output_lines(settings: Settings, name: str, loads: list[LoadRecord]) -> list[OutputLine]:
    """Return a line for the newest check of an output; no line if there is none yet."""
    if not loads:
        return []
    newest = loads[-1]
    checks = {check.name: check for check in FRAME_SUITES[name].checks(frame_limits(settings, name))}
    failed = [(checks[check], value) for check, value in newest.failed.items() if check in checks]
    return [
        OutputLine(
            name=name.replace("_", " "),
            checked_at=newest.seen_at.replace("T", " "),
            rows=newest.read,
            refused=not newest.usable,
            failures=[f"{check.sentence}: found {format_value(check, value)}" for check, value in failed],
        )
    ]


def _day(timestamp: str) -> str:
    return timestamp.partition("T")[0]


def _render(template: str, checked: datetime, **variables: object) -> str:
    environment = template_environment(TEMPLATES)
    return environment.get_template(template).render(**variables, checked=f"{checked:%Y-%m-%d %H:%M}", styles=_read_styles())


def _read_styles() -> str:
    return read_styles(TEMPLATES / "data_docs.css")
