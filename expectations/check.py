"""What is expected of a table or frame as a whole, what was measured, and what came of it: plain data."""

from dataclasses import dataclass, field

from settings.checks import Severity


@dataclass(frozen=True)
class Measure:
    """A number that a check looks at, and in words where it comes from: dates and counts, never an id or a cell."""

    value: float
    detail: str = ""


@dataclass(frozen=True)
class Check:
    """An expectation of the measure of that name: `low` and `high` are inclusive, None is no bound.

    `sentence` says in words what is expected. `severity` is stop or warn, or quarantine for the number of rows that
    a rule has set aside. A share is shown as a percentage.
    """

    name: str
    sentence: str
    low: float | None = None
    high: float | None = None
    severity: Severity = "warn"
    is_share: bool = False


@dataclass(frozen=True)
class Finding:
    """A check and how it came out."""

    check: Check
    measure: Measure
    holds: bool

    @property
    def found(self) -> str:
        """The measured value as people write it."""
        return format_value(self.check, self.measure.value)

    @property
    def message(self) -> str:
        """The expectation, what was found, and where."""
        found = f"{self.check.sentence.rstrip('.')}; found {self.found}"
        return f"{found} ({self.measure.detail})." if self.measure.detail else f"{found}."


@dataclass(frozen=True)
class CheckSuite:
    """What is judged at one border: the checks of a table or frame and the measures of one load."""

    name: str
    checks: list[Check]
    measures: dict[str, Measure] = field(default_factory=dict)

    @property
    def asked(self) -> list[Check]:
        """The checks that are on and have something to look at."""
        return [check for check in self.checks if check.name in self.measures and check.severity != "off"]


def format_value(check: Check, value: float) -> str:
    """Write a value of a check as people do: shares as percentages, whole numbers whole, others to three digits."""
    if check.is_share:
        return f"{value:.1%}"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1_000 else f"{value:.3g}"  # noqa: PLR2004  # digits
