"""Why rows of a table were set aside, in one phrase: counts, rules in words, and an example of what could not be read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from expectations.rows.rule import FOREIGN_RULE, Rule

MAX_REASONS, MAX_EXAMPLE_LENGTH = 3, 40
UNREADABLE_RULE = "unreadable_"
COLUMNS = {FOREIGN_RULE: "currency"}


def main_reasons(rows_by_rule: Mapping[str | None, int], rules: Sequence[Rule], bad: Path) -> str:
    """Return the rules that set most rows aside, as in `429 unreadable_amount: amount cannot be read ..., such as "five"`.

    `bad` is the quarantine. Only cells that should hold a number, a date, or yes or no are quoted: they name no person.
    """
    sentences = {rule.name: rule.sentence for rule in rules}
    counts = sorted(((rows, name) for name, rows in rows_by_rule.items() if name is not None), reverse=True)
    phrases = [f"{rows:,} {name}: {sentences.get(name, name)}{_example(bad, name)}" for rows, name in counts[:MAX_REASONS]]
    others = sum(rows for rows, _ in counts[MAX_REASONS:])
    return "; ".join([*phrases, *([f"{others:,} for other reasons"] if others else [])])


def _example(bad: Path, rule: str) -> str:
    """Return a cell that broke the rule, in words; nothing for rules that are not about one readable cell."""
    column = COLUMNS.get(rule, rule.removeprefix(UNREADABLE_RULE))
    if column == rule or not bad.is_file():
        return ""
    rows = pl.scan_parquet(bad, glob=False)
    if column not in rows.collect_schema():
        return ""
    cells = rows.filter(pl.col("rule") == rule).select(pl.col(column).drop_nulls().first()).collect()
    return f', such as "{str(cells.item())[:MAX_EXAMPLE_LENGTH]}"' if cells.height and cells.item() is not None else ""
