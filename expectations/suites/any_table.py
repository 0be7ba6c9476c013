"""What is expected of every table as a whole."""

from expectations.check import Check
from expectations.rows.rule import Rule
from settings.checks import TableChecks

BECAUSE = " is set aside because "


def any_table(limits: TableChecks) -> list[Check]:
    """Return the checks that every table shares. Whatever compares with other rows or loads only warns, but two.

    A table that is mostly set aside, or that stands twice in its source, is stopped: what is left would mislead.
    """
    return [
        Check("readable", "The table can be read: its columns are there, and of the right type", high=0, severity="stop"),
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
            f"Less than {limits.max_doubled_share:.0%} of the rows repeat another row: else a load stands twice in the source",
            high=limits.max_doubled_share,
            severity="stop",
            is_share=True,
        ),
        Check("duplicates", "No row repeats another one in every column; such rows stay in use", high=0),
        Check("overlap", "No row stands in two files; such rows stay in use", high=0),
        Check("repeated_keys", "No key stands twice; such rows stay in use", high=0),
        Check("empty_files", "No file is empty", high=0),
        Check("emptied_columns", "No column is empty that was filled in the load before", high=0),
        Check(
            "volume_shrink",
            f"At most {limits.max_shrink:.0%} fewer rows in use than in the load before",
            low=1 - limits.max_shrink,
            is_share=True,
        ),
        Check("volume_growth", f"At most {limits.max_growth:g} times the rows in use of the load before", high=limits.max_growth),
        Check("mixed_zones", "Either all times tell their zone, or none does", high=0),
        Check(
            "swapped_dates",
            "No unreadable date has day and month in another order; its file may hold readable ones that are wrong",
            high=0,
        ),
        Check("alike_ids", "No two customer ids differ only in leading zeros, case or a trailing .0", high=0),
        Check("nearly_known", "No unknown customer would be known but for leading zeros, case or a trailing .0", high=0),
        Check("lost_releases", "Every released row is still found in the source", high=0),
    ]


def rule_checks(rules: list[Rule]) -> list[Check]:
    """Return a check for each rule: no row breaks it."""
    starts = {rule.name: f"No row{BECAUSE}" if rule.sets_aside else "There is no row where " for rule in rules}
    return [Check(rule.name, f"{starts[rule.name]}{rule.sentence}", high=0, severity=rule.severity) for rule in rules]
