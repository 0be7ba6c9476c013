"""Check what Holdfast itself produces before it is used: features, snapshots, scores, lists."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import ModuleType

import polars as pl

from expectations.check import Check, CheckSuite, Finding, Measure, evaluate
from expectations.history.loads import LoadRecord, append_records, format_timestamp, read_check_history, table_records
from expectations.history.overrides import record_override
from expectations.suites import features, lists, scores, snapshots
from expectations.validation.stopped import OverrideRequest
from settings.checks import FrameChecks
from settings.errors import SettingsError, UserError
from settings.sections import Settings

FRAME_SUITES: dict[str, ModuleType] = {
    "features": features,
    "training_features": features,  # of the customers that models are trained on
    "snapshots": snapshots,
    "scores": scores,
    "lists": lists,
}
FRAME_SECTIONS = {"training_features": "features"}  # where the section of `[checks]` has another name than the frame
NO_MEASURES: Mapping[str, Measure] = {}
NEXT_STEPS = {"scores": "published", "lists": "issued"}  # what a frame that passed is used for, where it has a name


class OutputRefusedError(UserError):
    """An output failed validation and is not used; the text names the check and the measured value."""


def check_output(
    settings: Settings,
    name: str,
    frame: pl.LazyFrame,
    now: datetime,
    run: Callable[[CheckSuite], list[Finding]] | None = None,
    more: Mapping[str, Measure] = NO_MEASURES,
    override: OverrideRequest | None = None,
    about: str | None = None,
) -> list[Finding]:
    """Run the checks of an output frame and return the failed ones that only warn.

    `name` is one of FRAME_SUITES; `about` names the frame in messages (default: by its name and as-of date). `run` evaluates its
    checks: commands pass one that uses Great Expectations, which the server does not import. Changes are measured against the
    newest usable frame of the same or an earlier as-of date. `more` are measures that the frame alone does not give. The outcome
    is appended to the check history. Raises OutputRefusedError if a check stops the frame, unless it can be overridden and there
    is an `override`, which is recorded; and SettingsError for a configured severity of an unknown check.
    """
    suite, limits, as_of = FRAME_SUITES[name], frame_limits(settings, name), _newest_as_of(frame)
    history = table_records(read_check_history(settings.workspace.path), name)
    before = next((load for load in reversed(history) if load.usable and load.content <= as_of), None)
    checks = CheckSuite(name, _configured_checks(name, suite, limits), suite.measures(frame, before) | more)
    subject = about or frame_subject(name, as_of)
    failed = [replace(finding, subject=subject) for finding in (run or evaluate)(checks) if not finding.passed]
    stopped = [finding for finding in failed if _stops(finding, override)]
    append_records(settings.workspace.path, [_load_record(name, frame, failed, stopped, as_of, now)])
    if stopped:
        raise OutputRefusedError(_refusal(name, stopped[0]))
    overridden = [finding for finding in failed if finding.check.severity == "stop"]
    if overridden and override:
        names = [f"{name} ({finding.check.name})" for finding in overridden]
        record_override(settings.workspace.path, override.command, names, override.reason, now)
    return failed


def _stops(finding: Finding, override: OverrideRequest | None) -> bool:
    return finding.check.severity == "stop" and (override is None or not finding.check.can_be_overridden)


def frame_subject(name: str, as_of: str) -> str:
    """Return the words that name a frame in messages, as "scores as of 2026-01-01"."""
    label = name.replace("_", " ")
    return f"{label} as of {as_of}" if as_of else label


def _refusal(name: str, finding: Finding) -> str:
    label, next_step = name.replace("_", " ").capitalize(), NEXT_STEPS.get(name, "used")
    hint = ' If it is right, add --override "reason".' if finding.check.can_be_overridden else ""
    return f"{label} failed validation and were not {next_step}: {finding.message} This is about the {finding.subject}.{hint}"


def frame_limits(settings: Settings, name: str) -> FrameChecks:
    """Return the configured thresholds of a frame."""
    limits: FrameChecks = getattr(settings.checks, FRAME_SECTIONS.get(name, name))
    return limits


def _newest_as_of(frame: pl.LazyFrame) -> str:
    """Return the newest as-of date of a frame, by which frames are ordered; empty for a frame without rows."""
    column = next(name for name in ("as_of", "data_as_of") if name in frame.collect_schema())
    newest = frame.select(pl.col(column).max()).collect(engine="streaming").item()
    return "" if newest is None else str(newest)


def _configured_checks(name: str, suite: ModuleType, limits: FrameChecks) -> list[Check]:
    checks: list[Check] = suite.checks(limits)
    unknown = sorted(set(limits.severity) - {check.name for check in checks})
    if unknown:
        known = ", ".join(check.name for check in checks)
        raise SettingsError(f"Unknown key checks.{name}.severity.{unknown[0]}; the checks are {known}.")
    return [replace(check, severity=limits.severity.get(check.name, check.severity)) for check in checks]


def _load_record(
    name: str, frame: pl.LazyFrame, failed: list[Finding], stopped: list[Finding], as_of: str, now: datetime
) -> LoadRecord:
    rows = frame.select(pl.len()).collect(engine="streaming").item()
    return LoadRecord(
        name,
        checked_at=format_timestamp(now),
        seen_at=format_timestamp(now),
        content=as_of,
        read=rows,
        used=rows,
        usable=not stopped,
        failed={finding.check.name: finding.measure.value for finding in failed},
        stopped=[finding.check.name for finding in stopped],
        empty_columns=features.empty_columns(frame) if FRAME_SUITES[name] is features else [],
        shape=scores.shape(frame) if name == "scores" else {},
    )
