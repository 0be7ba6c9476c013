"""What a feature column is, in words: every family lists its columns as these."""

from dataclasses import dataclass

TEXT_UNITS = ("label", "name")


@dataclass(frozen=True)
class Feature:
    """One column of the feature table.

    `null` says when it is null. `model` is false for columns that models do not take: names, and columns that exist
    for people to read. A `count` is zero, not null, for a customer without a row in a table that is there.
    `calendar` marks columns that move with the dates themselves.
    """

    name: str
    unit: str
    meaning: str
    null: str = "no purchase yet"
    model: bool = True
    count: bool = False
    calendar: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the column holds words instead of numbers."""
        return self.unit in TEXT_UNITS
