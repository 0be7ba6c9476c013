"""The report of one table's check: its row counts and its findings."""

import math
from dataclasses import dataclass, field
from typing import Any

from expectations.check import Finding
from expectations.measures.load_rows import MANY
from expectations.suites.load_changes import CHANGES


@dataclass(frozen=True)
class TableReport:
    """Rows read, used and quarantined; `rules` counts each quarantined row once, under the first rule that it breaks.

    `problem` says why the table is unusable, None for a usable table; `public_problem` is the same without anything from
    the cells of a file. `released` counts rows in use that were set aside before a person corrected or accepted them. `standing`
    names the warnings that the load before had too, no less severe.
    """

    table: str
    read: int = 0
    used: int = 0
    rules: dict[str, int] = field(default_factory=dict)
    released: int = 0
    problem: str | None = None
    public_problem: str | None = None
    findings: list[Finding] = field(default_factory=list)
    standing: frozenset[str] = frozenset()

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
        """Rows that repeat another row of their file in every column; they stay in use."""
        return int(next((finding.measure.value for finding in self.findings if finding.check.name == "duplicates"), 0))

    @property
    def warnings(self) -> list[Finding]:
        """Failed checks that only warn."""
        return [finding for finding in self.findings if not finding.passed and finding.check.severity == "warn"]

    @property
    def new_warnings(self) -> list[Finding]:
        """Warnings that are new, or more severe than in the load before."""
        return [finding for finding in self.warnings if finding.check.name not in self.standing]

    @property
    def changes(self) -> dict[str, Finding]:
        """What changed against the accepted load, by name of measure, in whatever amount; nothing for the first load."""
        names = {finding.check.name.removeprefix(MANY): finding for finding in self.findings}
        return {name: names[name] for name in CHANGES if name in names and names[name].measure.value}

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
            "changes": {name: _as_json(finding) for name, finding in self.changes.items()},
            "warnings": {warning.check.name: _as_json(warning) for warning in self.warnings},
        }
        return entry | ({"problem": self.problem} if self.problem else {})


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "value": finding.measure.value if math.isfinite(finding.measure.value) else None,
        "low": finding.check.low,
        "high": finding.check.high,
        "sentence": finding.check.sentence,
        "detail": finding.measure.detail,
    }
