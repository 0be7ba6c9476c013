"""From the counts of one pass, and of the load before, to the measures that the checks look at."""

from datetime import datetime

import polars as pl

from expectations.check import Measure
from expectations.history.loads import LoadRecord
from expectations.measures.amount_shift import amount_jump
from expectations.measures.completeness import last_day, missing_days
from expectations.rows.filter import FilterResult
from expectations.rows.rule import Rule
from features.tables.sources import SOURCE
from settings.checks import TableChecks

FILLED, LARGEST = "filled:", "largest:"


def of_rules(sifted: FilterResult, rules: list[Rule], released: dict[str, int]) -> dict[str, Measure]:
    """Rows per rule, less those that were released; rules that no row breaks included."""
    counts = {name: rows for name, rows in sifted.broken.items() if name is not None} | sifted.warned
    return {rule.name: Measure(counts.get(rule.name, 0) - released.get(rule.name, 0)) for rule in rules}


def of_table(
    sifted: FilterResult, used: int, limits: TableChecks, before: list[LoadRecord], files: list[str], now: datetime
) -> dict[str, Measure]:
    """Return the measures that every table has, and those of order lines where the columns are there.

    `used` counts good rows and released ones; `before` are the loads of the table so far, oldest first; `files` the names of
    all its files. Shares of all rows need `least_rows` rows read, what compares rows in use that many in use.
    """
    empty = sorted(set(files) - set(sifted.files[SOURCE]))
    distinct = int(sifted.files["distinct"].sum())
    found = {
        "rows_read": Measure(sifted.read),
        "rows_used": Measure(used),
        "empty_files": Measure(len(empty), ", ".join(empty)),
        "swapped_dates": Measure(sifted.totals["swapped"]),
        "mixed_zones": _zones(sifted),
        "duplicates": Measure(sifted.used - distinct),
        "overlap": Measure(distinct - sifted.distinct),
    }
    found |= _fresh(sifted, now) | _against(sifted, used, before)
    found |= _shares(sifted, used) if sifted.read >= limits.least_rows else {}
    return found | (_relative(sifted) if sifted.used >= limits.least_rows else {})


def empty_columns(sifted: FilterResult) -> list[str]:
    """Columns that no good row fills."""
    return sorted(name.removeprefix(FILLED) for name, rows in sifted.totals.items() if name.startswith(FILLED) and not rows)


def largest(sifted: FilterResult) -> dict[str, float]:
    """The largest absolute number per column of numbers."""
    return {name.removeprefix(LARGEST): value for name, value in sifted.totals.items() if name.startswith(LARGEST) and value}


def volume(rows: int, before: LoadRecord) -> Measure:
    """Rows as a multiple of those of the load before."""
    return Measure(rows / before.used, f"{rows:,} after {before.used:,}")


def newly_empty(empty: list[str], before: LoadRecord) -> Measure:
    """Count the empty columns that were filled in the load before."""
    emptied = sorted(set(empty) - set(before.empty_columns))
    return Measure(len(emptied), ", ".join(emptied))


def repeated_keys(good: pl.LazyFrame, keys: tuple[str, ...], rows: int) -> dict[str, Measure]:
    """Rows whose key an earlier row has; nothing for a table without a key."""
    if not keys:
        return {}
    distinct = good.select(pl.struct(keys).n_unique()).collect(engine="streaming").item()
    return {"repeated_keys": Measure(rows - distinct, f"of {' and '.join(keys)}" if rows > distinct else "")}


def _zones(sifted: FilterResult) -> Measure:
    told, untold = sifted.totals["zoned"] or 0, sifted.totals["unzoned"] or 0
    fewer = min(told, untold)
    return Measure(fewer, f"{told:,} rows tell a zone, {untold:,} do not and count as UTC" if fewer else "")


def _fresh(sifted: FilterResult, now: datetime) -> dict[str, Measure]:
    newest = sifted.totals["newest"]
    return {} if newest is None else {"fresh": Measure(max((now - newest).days, 0), f"the newest is of {newest:%Y-%m-%d}")}


def _shares(sifted: FilterResult, used: int) -> dict[str, Measure]:
    return {
        "quarantined_share": Measure(1 - used / sifted.read),
        "missing_customers": Measure(sifted.broken.get("missing_customer_id", 0) / sifted.read),
    }


def _against(sifted: FilterResult, used: int, before: list[LoadRecord]) -> dict[str, Measure]:
    """Compare with the newest load of other rows that could be used."""
    others = [load for load in before if load.usable and load.used and load.content != sifted.content]
    if not others:
        return {}
    change = volume(used, others[-1])
    emptied = newly_empty(empty_columns(sifted), others[-1])
    return {"volume_shrink": change, "volume_growth": change, "emptied_columns": emptied}


def _relative(sifted: FilterResult) -> dict[str, Measure]:
    found = {"doubled": Measure(1 - sifted.distinct / sifted.used)}
    if "returns" in sifted.totals:
        found["returns"] = Measure(sifted.totals["returns"] / sifted.used, f"{sifted.totals['returns']:,} rows")
    days = sifted.days
    if days is None or days.is_empty():
        return found
    dated = {"missing_days": missing_days(days), "last_day": last_day(days)}
    dated |= {"amount_jump": amount_jump(days)} if "positive" in days.columns else {}
    return found | {name: measure for name, measure in dated.items() if measure is not None}
