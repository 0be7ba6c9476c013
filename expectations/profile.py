"""The counts of a table as the one-row frame that the suites look at: no row and no id of a customer."""

import pandas as pd

from expectations.report import TableReport
from expectations.rules import Rule
from expectations.suites.any_table import READ, UNUSABLE, USED, set_aside
from expectations.suites.transactions import DUPLICATES, SHARE_ANONYMOUS


def profile(report: TableReport, rules: list[Rule]) -> pd.DataFrame:
    """Return one row: rows read, used and set aside per rule, duplicates, share without a customer."""
    anonymous = report.rules.get("missing_customer_id", 0)
    counts: dict[str, float] = {READ: report.read, USED: report.used, UNUSABLE: int(not report.usable)}
    counts |= {set_aside(rule.name): report.rules.get(rule.name, 0) for rule in rules}
    counts |= {DUPLICATES: report.duplicates, SHARE_ANONYMOUS: anonymous / max(report.read, 1)}
    return pd.DataFrame([counts])
