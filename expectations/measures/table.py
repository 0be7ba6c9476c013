"""The measures of a table, from the counts of one pass over its rows and from the load before."""

from datetime import datetime

import polars as pl

from expectations.check import Measure
from expectations.history.loads import LoadRecord
from expectations.measures.amount_shift import amount_jump
from expectations.measures.completeness import last_day, missing_days, stray_orders
from expectations.rows.filter import FILLED, LARGEST, FilterResult
from expectations.rows.rule import Rule
from features.tables.schema import CHOSEN_RULES
from features.tables.sources import SOURCE
from settings.checks import TableChecks


def rule_measures(result: FilterResult, rules: list[Rule], released: dict[str, int]) -> dict[str, Measure]:
    """Return the rows that break each rule, minus released ones; rules that no row breaks have 0."""
    counts = {name: rows for name, rows in result.rows_by_rule.items() if name is not None} | result.warned_rows
    return {rule.name: Measure(counts.get(rule.name, 0) - released.get(rule.name, 0)) for rule in rules}


def table_measures(
    result: FilterResult, used: int, limits: TableChecks, before: list[LoadRecord], files: list[str], now: datetime
) -> dict[str, Measure]:
    """Return the measures that every table has, and those of order lines whose columns are present.

    `used` counts good and released rows. `before` has the earlier loads of the table, oldest first. `files` names all its
    files. Shares of all rows are measured from `least_rows` rows read, measures of the rows in use from as many good rows.
    """
    empty = sorted(set(files) - set(result.files[SOURCE]))
    distinct_per_file = int(result.files["distinct"].sum())
    measures = {
        "rows_read": Measure(result.read),
        "rows_used": Measure(used),
        "empty_files": Measure(len(empty), ", ".join(empty)),
        "swapped_dates": Measure(result.totals["swapped"]),
        "mixed_zones": _mixed_zones(result),
        "duplicates": Measure(result.used - distinct_per_file),
        "overlap": Measure(distinct_per_file - result.distinct_rows),
    }
    measures |= _freshness(result, now) | _change_since_last_load(result, used, before)
    measures |= _shares_of_rows_read(result, used) if result.read >= limits.least_rows else {}
    return measures | (_measures_of_good_rows(result) if result.used >= limits.least_rows else {})


def empty_columns(result: FilterResult) -> list[str]:
    """Return the columns that are empty in every good row."""
    return sorted(name.removeprefix(FILLED) for name, rows in result.totals.items() if name.startswith(FILLED) and not rows)


def largest_numbers(result: FilterResult) -> dict[str, float]:
    """Return the largest absolute number of each column of numbers."""
    return {name.removeprefix(LARGEST): value for name, value in result.totals.items() if name.startswith(LARGEST) and value}


def volume_ratio(rows: int, before: LoadRecord) -> Measure:
    """Return the rows as a multiple of the rows used in the load before."""
    return Measure(rows / before.used, f"{rows:,} after {before.used:,}")


def emptied_columns(empty: list[str], before: LoadRecord) -> Measure:
    """Count the empty columns that had values in the load before."""
    emptied = sorted(set(empty) - set(before.empty_columns))
    return Measure(len(emptied), ", ".join(emptied))


def repeated_keys(good: pl.LazyFrame, keys: tuple[str, ...]) -> dict[str, Measure]:
    """Count the rows that repeat the key of an earlier row; empty for a table without a key."""
    if not keys:
        return {}
    rows, distinct = good.select(pl.len(), pl.struct(keys).n_unique().alias("keys")).collect(engine="streaming").row(0)
    return {"repeated_keys": Measure(rows - distinct, f"of {' and '.join(keys)}" if rows > distinct else "")}


def _mixed_zones(result: FilterResult) -> Measure:
    with_zone, without_zone = result.totals["zoned"] or 0, result.totals["unzoned"] or 0
    fewer = min(with_zone, without_zone)
    return Measure(
        fewer, f"{with_zone:,} rows have a zone; {without_zone:,} have none and count as the shop's time" if fewer else ""
    )


def _freshness(result: FilterResult, now: datetime) -> dict[str, Measure]:
    newest = result.totals["newest"]
    return {} if newest is None else {"fresh": Measure(max((now - newest).days, 0), f"the newest row is from {newest:%Y-%m-%d}")}


def _shares_of_rows_read(result: FilterResult, used: int) -> dict[str, Measure]:
    """Return shares of the rows read, without those that are set aside because the configuration says so."""
    read = max(result.read - sum(result.rows_by_rule.get(name, 0) for name in CHOSEN_RULES), 1)
    return {
        "quarantined_share": Measure(1 - used / read),
        "missing_customers": Measure(result.rows_by_rule.get("missing_customer_id", 0) / read),
    }


def _change_since_last_load(result: FilterResult, used: int, before: list[LoadRecord]) -> dict[str, Measure]:
    """Compare with the newest usable load that has other rows."""
    comparable = [load for load in before if load.usable and load.used and load.content != result.content_hash]
    if not comparable:
        return {}
    ratio = volume_ratio(used, comparable[-1])
    emptied = emptied_columns(empty_columns(result), comparable[-1])
    return {"volume_shrink": ratio, "volume_growth": ratio, "emptied_columns": emptied}


def _measures_of_good_rows(result: FilterResult) -> dict[str, Measure]:
    measures = {"doubled": Measure(1 - result.distinct_rows / result.used)}
    if "returns" in result.totals:
        measures["returns"] = Measure(result.totals["returns"] / result.used, f"{result.totals['returns']:,} rows")
    days = result.daily_counts
    if days is None or days.is_empty():
        return measures
    by_day = {"missing_days": missing_days(days), "last_day": last_day(days), "stray_orders": stray_orders(days)}
    by_day |= {"amount_jump": amount_jump(days)} if "positive" in days.columns else {}
    return measures | {name: measure for name, measure in by_day.items() if measure is not None}
