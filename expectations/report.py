"""What a check of one table found, in numbers that add up."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TableReport:
    """Rows read, used and quarantined; `rules` counts each quarantined row once, under its first rule.

    `problem` is the sentence that makes the table unusable, None for a usable one. `duplicates` counts
    rows that repeat an earlier row in every column; they stay in use.
    """

    table: str
    read: int = 0
    used: int = 0
    rules: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    problem: str | None = None

    @property
    def usable(self) -> bool:
        """Whether the table's good rows may be used."""
        return self.problem is None

    @property
    def quarantined(self) -> int:
        """Rows set aside; read = used + quarantined."""
        return sum(self.rules.values())

    def as_json(self) -> dict[str, Any]:
        """Return the entry of `validate --json`."""
        entry = {
            "read": self.read,
            "used": self.used,
            "quarantined": self.quarantined,
            "usable": self.usable,
            "rules": self.rules,
        }
        return entry | {"duplicates": self.duplicates} | ({"problem": self.problem} if self.problem else {})
