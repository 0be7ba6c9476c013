"""Guard what Holdfast itself makes, where it leaves one part for another: features, snapshots, scores, lists."""

from dataclasses import replace
from datetime import datetime
from types import ModuleType

import polars as pl

from expectations.check import Check, CheckSuite, Finding
from expectations.gx import run_checks
from expectations.history.loads import LoadRecord, of_table, read_check_history, record, stamp
from expectations.suites import features, lists, scores, snapshots
from settings.checks import FrameChecks
from settings.errors import SettingsError, UserError
from settings.sections import Settings

SUITES: dict[str, ModuleType] = {
    "features": features,
    "training_features": features,  # of the customers that models learn from
    "snapshots": snapshots,
    "scores": scores,
    "lists": lists,
}
SECTIONS = {"training_features": "features"}


class OutputRefusedError(UserError):  # noqa: N818  # it names what happened, as the documentation does
    """What was made is not what it must be, and goes no further; the text names the check and what was found."""


def check_output(settings: Settings, name: str, frame: pl.LazyFrame, now: datetime) -> list[Finding]:
    """Hold a frame against its suite; return the checks that only warn and did not hold.

    `name` is one of SUITES. It is compared with what was made last as of an earlier or the same day. The outcome goes to the
    ledger. Raises FrameRefused at the first check that stops, and SettingsError for a severity of a check that there is not.
    """
    suite, limits, day = SUITES[name], limits_of(settings, name), _as_of(frame)
    ledger = of_table(read_check_history(settings.workspace.path), name)
    before = next((load for load in reversed(ledger) if load.usable and load.content <= day), None)
    border = CheckSuite(name, _configured(name, suite, limits), suite.measures(frame, before))
    failed = [finding for finding in run_checks([border], settings.workspace.path)[name] if not finding.holds]
    stopped = [finding for finding in failed if finding.check.severity == "stop"]
    record(settings.workspace.path, [_load(name, frame, failed, day, now)])
    if stopped:
        raise OutputRefusedError(f"The {name} are not what they must be and go no further: {stopped[0].message}")
    return failed


def limits_of(settings: Settings, name: str) -> FrameChecks:
    """Return the configured thresholds of a frame."""
    limits: FrameChecks = getattr(settings.checks, SECTIONS.get(name, name))
    return limits


def _as_of(frame: pl.LazyFrame) -> str:
    """The newest day that a frame speaks of, for it alone tells which frame is older."""
    dated = next(name for name in ("as_of", "data_as_of") if name in frame.collect_schema())
    newest = frame.select(pl.col(dated).max()).collect(engine="streaming").item()
    return "" if newest is None else str(newest)


def _configured(name: str, suite: ModuleType, limits: FrameChecks) -> list[Check]:
    checks: list[Check] = suite.checks(limits)
    unknown = sorted(set(limits.severity) - {check.name for check in checks})
    if unknown:
        known = ", ".join(check.name for check in checks)
        raise SettingsError(f"Unknown key checks.{name}.severity.{unknown[0]}; there are {known}.")
    return [replace(check, severity=limits.severity.get(check.name, check.severity)) for check in checks]


def _load(name: str, frame: pl.LazyFrame, failed: list[Finding], day: str, now: datetime) -> LoadRecord:
    stopped = [finding.check.name for finding in failed if finding.check.severity == "stop"]
    rows = frame.select(pl.len()).collect(engine="streaming").item()
    return LoadRecord(
        name,
        checked_at=stamp(now),
        seen_at=stamp(now),
        content=day,
        read=rows,
        used=rows,
        usable=not stopped,
        failed={finding.check.name: finding.measure.value for finding in failed},
        stopped=stopped,
        empty_columns=features.empty_columns(frame) if SUITES[name] is features else [],
        shape=scores.shape(frame) if name == "scores" else {},
    )
