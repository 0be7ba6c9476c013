"""Checks of a table or frame, the measures they look at, and their findings: plain data, without Great Expectations."""

import math
from dataclasses import dataclass, field

from settings.checks import Severity

MIN_VALUE_WITHOUT_DECIMALS = 1_000


@dataclass(frozen=True)
class Measure:
    """A number that a check looks at.

    `detail` says in words where it comes from: dates, counts, and names of files, stores, channels and regions; never an id.
    """

    value: float
    detail: str = ""


@dataclass(frozen=True)
class Check:
    """An expectation about the measure of the same name: `low` and `high` are inclusive, None means unbounded.

    `sentence` states the expectation. `severity` is stop, warn or off; the check of a rule for rows may also have
    quarantine. `is_share` displays the value as a percentage. `advice` says what to do if the check fails. `can_be_overridden`
    says that a stopped output may be used for a reason, which is recorded: it may be right although it is unusual.
    """

    name: str
    sentence: str
    low: float | None = None
    high: float | None = None
    severity: Severity = "warn"
    is_share: bool = False
    can_be_overridden: bool = False
    advice: str = ""


@dataclass(frozen=True)
class Finding:
    """A check, the measured value, and whether the check passed; `subject` names the list or frame that it is about."""

    check: Check
    measure: Measure
    passed: bool
    subject: str = ""

    @property
    def formatted_value(self) -> str:
        """The measured value as displayed."""
        return format_value(self.check, self.measure.value)

    @property
    def message(self) -> str:
        """The expectation, the measured value, where it comes from, and what to do."""
        sentence = f"{self.check.sentence.rstrip('.')}; found {self.formatted_value}"
        finding = f"{sentence} ({self.measure.detail})." if self.measure.detail else f"{sentence}."
        return f"{finding} {self.check.advice}" if self.check.advice else finding


@dataclass(frozen=True)
class CheckSuite:
    """The checks of one table or frame, and the measures of one load by name of check."""

    name: str
    checks: list[Check]
    measures: dict[str, Measure] = field(default_factory=dict)

    @property
    def active_checks(self) -> list[Check]:
        """The checks that are not off and whose measure is present."""
        return [check for check in self.checks if check.name in self.measures and check.severity != "off"]


def evaluate(suite: CheckSuite) -> list[Finding]:
    """Evaluate the active checks of a suite without Great Expectations, with the same findings as `gx.run_checks`.

    A check passes where the value is within its inclusive bounds. NaN fails every check, even one without bounds.
    """
    values = [(check, suite.measures[check.name]) for check in suite.active_checks]
    return [Finding(check, measure, passed=_is_within_bounds(float(measure.value), check)) for check, measure in values]


def format_value(check: Check, value: float) -> str:
    """Format a value for display: shares as percentages, whole numbers without decimals, others to three digits."""
    if check.is_share:
        return f"{value:z.1%}"
    is_whole = float(value).is_integer() or abs(value) >= MIN_VALUE_WITHOUT_DECIMALS
    return f"{value:z,.0f}" if is_whole else f"{value:z.3g}"


def _is_within_bounds(value: float, check: Check) -> bool:
    at_least_low = check.low is None or value >= float(check.low)
    at_most_high = check.high is None or value <= float(check.high)
    return not math.isnan(value) and at_least_low and at_most_high
