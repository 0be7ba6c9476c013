"""Check one table: sift its rows, apply kept releases, and measure what its suite looks at."""

from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from expectations.check import Measure
from expectations.history.loads import LoadRecord
from expectations.history.reference import read_reference
from expectations.measures import table as measures
from expectations.measures.odd_products import odd_products
from expectations.rows.custom_rules import custom_measures
from expectations.rows.filter import FilterResult, filter_rows
from expectations.rows.releases import NOTHING_RELEASED, Applied, apply_released
from expectations.rows.rule import Rule
from expectations.rows.unusable import refuse_unusable
from expectations.suites.any_rows import erased_rule
from expectations.suites.tables import SUITES, rules_of
from features.storage.files import temporary_path
from features.storage.hashing import NO_IDS, HashedIds
from features.storage.paths import good_path, quarantine_path
from features.tables.errors import TableUnusableError
from features.tables.read import RawTable, read_table
from features.tables.schema import Table
from settings.checks import TableChecks
from settings.sections import Settings


@dataclass(frozen=True)
class Checked:
    """A table after its pass: the rules it was held against, what was found, and what is to be judged.

    An unusable table has neither `sifted` nor `applied`, and one measure.
    """

    table: Table
    measures: dict[str, Measure]
    rules: list[Rule] = field(default_factory=list)
    sifted: FilterResult | None = None
    applied: Applied = NOTHING_RELEASED
    unusable: TableUnusableError | None = None

    @property
    def used(self) -> int:
        """Good rows and released ones."""
        return self.sifted.used + self.applied.rows if self.sifted else 0

    @property
    def broken(self) -> dict[str, int]:
        """Rows set aside per rule, without those that were released."""
        counts = self.sifted.broken if self.sifted else {}
        left = {name: rows - self.applied.rules.get(name, 0) for name, rows in counts.items() if name is not None}
        return {name: rows for name, rows in left.items() if rows}


def check_table(settings: Settings, table: Table, before: list[LoadRecord], now: datetime, erased: HashedIds = NO_IDS) -> Checked:
    """Write good rows and quarantine of one table, and return what was found; `before` are its loads so far.

    Rows of `erased` customers are counted and go nowhere.

    Both files are replaced at the end; an unusable table leaves what was there.
    """
    try:
        raw = read_table(settings, table.name)
        assert raw is not None, "only configured tables are checked"  # noqa: S101  # for the type checker
        rules, sifted, applied = _sifted(settings, table, raw, now, erased)
    except TableUnusableError as error:
        return Checked(table, {"readable": Measure(1)}, unusable=error)
    limits: TableChecks = getattr(settings.checks, table.name)
    used = sifted.used + applied.rows
    good = pl.scan_parquet(good_path(settings.workspace.path, table.name), glob=False)
    found = measures.of_rules(sifted, rules, applied.rules)
    found |= measures.of_table(sifted, used, limits, before, raw.files, now)
    found |= measures.repeated_keys(good, SUITES[table.name].KEYS, used)
    found |= odd_products(good) | custom_measures(table, good, limits)
    found |= {"readable": Measure(0), "lost_releases": Measure(applied.lost)}
    return Checked(table, found, rules, sifted, applied)


def _sifted(
    settings: Settings, table: Table, raw: RawTable, now: datetime, erased: HashedIds
) -> tuple[list[Rule], FilterResult, Applied]:
    """Sift the rows; where files repeat each other, once more without the copies."""
    workspace = settings.workspace.path
    rules = _rules(settings, table, raw.rows, now, erased)
    kept, set_aside = good_path(workspace, table.name), quarantine_path(workspace, table.name)
    with temporary_path(kept) as good, temporary_path(set_aside) as bad:
        sifted = filter_rows(table, raw, rules, good, bad, erased)
        if sifted.repeated:
            rules = _rules(settings, table, raw.rows, now, erased, sifted.repeated)
            sifted = filter_rows(table, raw, rules, good, bad, erased)
        refuse_unusable(table, sifted, raw.rows)
        applied = apply_released(workspace, table, sifted, rules, good, bad)
        good.replace(kept)
        bad.replace(set_aside)
    return rules, sifted, applied


def _rules(
    settings: Settings, table: Table, raw: pl.LazyFrame, now: datetime, erased: HashedIds, repeated: list[str] | None = None
) -> list[Rule]:
    reference = read_reference(settings.workspace.path).get(table.name)
    largest = reference.largest if reference else {}
    names = raw.collect_schema().names()
    columns = [column.name for column in table.columns if column.name in names]
    rules = rules_of(table, columns, getattr(settings.checks, table.name), now, largest, repeated or [])
    return [erased_rule(erased), *rules] if erased.hashes and "customer_id" in columns else rules
