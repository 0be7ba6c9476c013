"""What a check of one table found, in numbers that add up."""

from dataclasses import dataclass, field
from typing import Any

from expectations.check import Finding


@dataclass(frozen=True)
class TableReport:
    """Rows read, used and quarantined; `rules` counts each quarantined row once, under its first rule.

    `problem` is the sentence that makes the table unusable, None for a usable one; `public` is that sentence without
    anything that a file holds. `released` rows were set aside once, and are in use after somebody corrected or accepted
    them. `findings` are the checks and how they came out.
    """

    table: str
    read: int = 0
    used: int = 0
    rules: dict[str, int] = field(default_factory=dict)
    released: int = 0
    problem: str | None = None
    public: str | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether the table's good rows may be used."""
        return self.problem is None

    @property
    def quarantined(self) -> int:
        """Rows set aside; read = used + quarantined."""
        return sum(self.rules.values())

    @property
    def duplicates(self) -> int:
        """Rows that repeat another one of their file in every column; they stay in use."""
        return int(next((each.measure.value for each in self.findings if each.check.name == "duplicates"), 0))

    @property
    def warnings(self) -> list[Finding]:
        """Checks that did not hold and only warn."""
        return [finding for finding in self.findings if not finding.holds and finding.check.severity == "warn"]

    def as_json(self) -> dict[str, Any]:
        """Return the entry of `validate --json`."""
        entry = {
            "read": self.read,
            "used": self.used,
            "quarantined": self.quarantined,
            "usable": self.usable,
            "rules": self.rules,
            "released": self.released,
            "duplicates": self.duplicates,
            "warnings": {each.check.name: _as_json(each) for each in self.warnings},
        }
        return entry | ({"problem": self.problem} if self.problem else {})


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "value": finding.measure.value,
        "low": finding.check.low,
        "high": finding.check.high,
        "sentence": finding.check.sentence,
        "detail": finding.measure.detail,
    }
