"""What a feature column is, in words: every family lists its columns as these."""

from dataclasses import dataclass

TEXT_UNITS = ("label", "name")


@dataclass(frozen=True)
class Feature:
    """One column of the feature table.

    `null_when` says in words when it is null. Models do not take a column whose `is_model_input` is false: names, and columns
    for people to read. A column with `is_count` is zero, not null, for a customer without a row in a table that is present.
    `is_calendar` marks columns that change when all dates are shifted.
    """

    name: str
    unit: str
    meaning: str
    null_when: str = "no purchase yet"
    is_model_input: bool = True
    is_count: bool = False
    is_calendar: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the column holds words instead of numbers."""
        return self.unit in TEXT_UNITS
