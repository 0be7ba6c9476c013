"""What a feature column is, in words: every family lists its columns as these."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One column of the feature table.

    `null` says when it is null. `model` is false for columns that models do not take: names, and
    columns that exist for people to read.
    """

    name: str
    unit: str
    meaning: str
    null: str = "no purchase yet"
    model: bool = True
