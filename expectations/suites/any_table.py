"""The checks that every table has as a whole."""

from expectations.check import Check
from expectations.rows.rule import Rule
from settings.checks import TableChecks

SET_ASIDE_BECAUSE = " is set aside because "


def common_table_checks(limits: TableChecks) -> list[Check]:
    """Return the checks that every table has.

    Checks that compare rows with each other only warn. Two are exceptions and stop the table, as its good rows
    would mislead: `quarantined_share`, where most rows are set aside, and `doubled`, where the source contains a load twice.
    """
    return [
        Check("readable", "The table is readable: no column is missing or of the wrong type", high=0, severity="stop"),
        Check("rows_read", "The source has rows", low=1, severity="stop"),
        Check("rows_used", "At least one row is good", low=1, severity="stop"),
        Check(
            "quarantined_share",
            f"At most {limits.max_quarantined_share:.0%} of the rows are set aside",
            high=limits.max_quarantined_share,
            severity="stop",
            is_share=True,
        ),
        Check(
            "doubled",
            f"At most {limits.max_doubled_share:.0%} of the rows repeat another row; above that, the source has a load twice",
            high=limits.max_doubled_share,
            severity="stop",
            is_share=True,
        ),
        Check("duplicates", "No row of a file repeats another in every column; such rows stay in use", high=0),
        Check("overlap", "No row is in two files; such rows stay in use", high=0),
        Check("repeated_keys", "No two rows have the same key; such rows stay in use", high=0),
        Check("empty_files", "No file is empty", high=0),
        Check("emptied_columns", "No column is empty that had values in the previous load", high=0),
        *_volume_checks(limits),
        Check("mixed_zones", "Either all times have a time zone, or none has", high=0),
        Check(
            "swapped_dates",
            "No unreadable date has day and month swapped; else readable dates of the same file may be swapped too",
            high=0,
        ),
        Check("alike_ids", "No two customer ids differ only in leading zeros, case or a trailing .0", high=0),
        Check(
            "nearly_known",
            "No unknown customer id differs from a known one only in leading zeros, case or a trailing .0",
            high=0,
        ),
        Check("lost_releases", "Every released row is still in the source", high=0),
    ]


def rule_checks(rules: list[Rule]) -> list[Check]:
    """Return a check per rule: no row breaks it."""
    beginnings = {rule.name: f"No row{SET_ASIDE_BECAUSE}" if rule.sets_aside else "There is no row where " for rule in rules}
    return [Check(rule.name, f"{beginnings[rule.name]}{rule.sentence}", high=0, severity=rule.severity) for rule in rules]


def _volume_checks(limits: TableChecks) -> list[Check]:
    return [
        Check(
            "volume_shrink",
            f"The load has at least {1 - limits.max_shrink:.0%} of the rows of the previous load",
            low=1 - limits.max_shrink,
            is_share=True,
        ),
        Check(
            "volume_growth",
            f"The load has at most {limits.max_growth:g} times the rows of the previous load",
            high=limits.max_growth,
        ),
    ]
